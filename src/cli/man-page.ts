/** The man page, section 8, of the table of commands. */
import { allExitCodes, type Command, capitalized, type Option, optionText } from './command.ts';

/** Text of a page: no backslash, dash or leading dot of it is roff's (groff_char(7)). */
const text = (words: string): string =>
  words.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll("'", '\\(aq').replace(/^[.']/, '\\&$&');

const bold = (words: string): string => `\\fB${text(words)}\\fR`;

export const manPage = (commands: readonly Command[]): readonly string[] => [
  '.TH PIF\\-ROUTER 8',
  '.SH NAME',
  'pif\\-router \\- SIP router between Cisco IM & Presence and Microsoft Lync or Skype for Business',
  '.SH SYNOPSIS',
  ...commands.flatMap(({ name, usage }) => ['.br', `${bold(`pif-router ${name}`)} ${text(usage)}`.trimEnd()]),
  '.SH DESCRIPTION',
  text(
    'Both systems own the same SIP domain, and each person lives on one of them: the router brings every request to the system',
  ),
  text(
    'where its recipient lives, also on the day on which they move. All that it is told stands in routes.yaml; the shipped file',
  ),
  text('is the manual of all settings.'),
  '.SH COMMANDS',
  ...commands.flatMap(section),
  '.SH SEE ALSO',
  '.BR systemd.service (5),',
  '.BR journalctl (1)',
];

const section = ({ name, summary, usage, words, options, notes, exitCodes, examples }: Command): readonly string[] => [
  `.SS ${text(`${name} ${usage}`.trimEnd())}`,
  text(`${capitalized(summary)}.`),
  ...(notes === undefined ? [] : ['.PP', text(notes)]),
  ...words.flatMap(({ name: word, what, default: implied }) =>
    item(bold(word), implied === undefined ? what : `${what}; default ${implied}`),
  ),
  ...Object.entries(options).flatMap(([option, about]) => item(bold(optionText(option, about)), meaning(about))),
  '.PP',
  text(
    `Exit codes: ${allExitCodes(exitCodes)
      .map((what, code) => `${code} ${what}`)
      .join('; ')}.`,
  ),
  ...examples.flatMap(({ line, what }) => [
    '.PP',
    '.EX',
    text(`pif-router ${name} ${line}`.trimEnd()),
    '.EE',
    text(what),
  ]),
];

const item = (head: string, what: string): readonly string[] => ['.TP', head, text(what)];

const meaning = ({ what, choices }: Option): string =>
  choices === undefined ? what : `${what}: ${choices.join(', ')}`;
