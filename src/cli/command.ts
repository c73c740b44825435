/** What a command is: its words and options are data, of which usage, help, completion and the man page are made. */
import type { Io } from './printing.ts';
import type { Signals } from './signals.ts';

export interface Command {
  /** `check`, `directory check`. */
  readonly name: string;
  /** One sentence without its full stop. */
  readonly summary: string;
  /** What stands behind the name: `[--json] [FILE]`. */
  readonly usage: string;
  /** In this order; without `--help`, which all have. */
  readonly words: readonly Word[];
  readonly options: Readonly<Record<string, Option>>;
  /** What is worth knowing besides, in sentences. */
  readonly notes?: string;
  /** What the exit codes say, from 0 on; without a third one 2 is misuse of the command, and of nothing else. */
  readonly exitCodes: readonly string[];
  /** What stands behind the name. */
  readonly examples: readonly Example[];
  /** @returns the exit code */
  run(given: Given, io: Io, process: OwnProcess): Promise<number>;
}

export interface Word {
  /** In capitals. */
  readonly name: string;
  readonly what: string;
  /** Without it the word must be there. */
  readonly default?: string;
  /** What completion offers. */
  readonly isFile?: boolean;
  /** Those that are possible, where there are few. */
  readonly choices?: readonly string[];
}

export interface Option {
  readonly what: string;
  /** The name of its value, in capitals; undefined: it has none. */
  readonly value?: string;
  /** Values that are possible, where there are few. */
  readonly choices?: readonly string[];
  readonly isFile?: boolean;
  readonly isRequired?: boolean;
  /** May be given several times. */
  readonly isList?: boolean;
}

interface Example {
  readonly line: string;
  readonly what: string;
}

/** A command line that has been read. */
export interface Given {
  /** As many as the command has; what was left out has its default. */
  readonly words: readonly string[];
  has(option: string): boolean;
  value(option: string): string | undefined;
  values(option: string): readonly string[];
}

/** Of this process, what few commands need. */
export interface OwnProcess {
  readonly signals: Signals;
  /** How the program was called: Node and the main file, absolute. */
  readonly program: readonly [node: string, main: string];
  allCommands(): Promise<readonly Command[]>;
}

/** A command line that can be read, and has no meaning. */
export class Misuse extends Error {}

/** The file that commands read when none is named. */
const usualFile = 'routes.yaml';

/** The last word of most commands. */
export const fileWord: Word = {
  name: 'FILE',
  what: 'the configuration',
  default: usualFile,
  isFile: true,
};

export const jsonOption: Option = { what: 'everything as JSON' };

export const usageOf = ({ name, usage }: Command): string =>
  ['usage: pif-router', name, usage].filter(Boolean).join(' ');

/** Lines of at most 80 columns. */
export function helpOf(command: Command): readonly string[] {
  const { summary, words, notes, exitCodes, examples } = command;
  const options = { ...command.options, help: { what: 'this text' } };
  const rows = (pairs: readonly (readonly [string, string])[]): readonly string[] => {
    const width = Math.min(26, Math.max(...pairs.map(([left]) => left.length)) + 2);
    return pairs.flatMap(([left, right]) => row(left, right, width));
  };
  return [
    ...wrapped(usageOf(command), 0, 7),
    '',
    ...wrapped(`${capitalized(summary)}.`, 0),
    ...(notes === undefined ? [] : ['', ...wrapped(notes, 0)]),
    ...(words.length === 0 ? [] : ['', ...rows(words.map((word) => [`  ${word.name}`, wordText(word)]))]),
    '',
    ...rows(Object.entries(options).map(([name, option]) => [`  ${optionText(name, option)}`, optionMeaning(option)])),
    '',
    'exit codes:',
    ...rows(allExitCodes(exitCodes).map((what, code) => [`  ${code}`, what])),
    '',
    'examples:',
    ...examples.flatMap(({ line, what }) => [`  pif-router ${command.name} ${line}`.trimEnd(), ...wrapped(what, 6)]),
  ];
}

export const allExitCodes = ([
  well = '',
  badly = 'it cannot be done',
  misuse = 'the command is not understood',
]: readonly string[]) => [well, badly, misuse];

const wordText = ({ what, default: implied }: Word): string =>
  implied === undefined ? what : `${what}; default ${implied}`;

export const optionText = (name: string, { value }: Option): string =>
  value === undefined ? `--${name}` : `--${name} ${value}`;

const optionMeaning = ({ what, choices, isRequired, isList }: Option): string =>
  [
    what,
    ...(choices === undefined ? [] : [choices.join(', ')]),
    ...(isRequired ? ['must be given'] : []),
    ...(isList ? ['may be given several times'] : []),
  ].join('; ');

export const capitalized = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;

const columns = 80;

function row(left: string, right: string, width: number): readonly string[] {
  const [first = '', ...more] = wrapped(right, width);
  return left.length + 2 > width ? [left, first, ...more] : [left.padEnd(width) + first.trimStart(), ...more];
}

/** @param hanging more columns before all lines but the first */
function wrapped(text: string, indent: number, hanging = 0): readonly string[] {
  const lines: string[] = [];
  let line = ' '.repeat(indent);
  for (const word of text.split(' ')) {
    if (line.trim() !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = ' '.repeat(indent + hanging);
    }
    line += line.trim() === '' ? word : ` ${word}`;
  }
  return [...lines, line];
}
