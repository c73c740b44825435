/** What shells need to complete commands and options, of the table of commands. */
import { type Command, capitalized } from './command.ts';

/** By shell. */
export const completions: ReadonlyMap<string, (commands: readonly Command[]) => readonly string[]> = new Map([
  ['bash', forBash],
  ['zsh', forZsh],
  ['fish', forFish],
]);

/** `directory` -> `check`, `show`; a command that stands alone has none. */
function groupsOf(commands: readonly Command[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const { name } of commands) {
    const [first = '', second] = name.split(' ');
    groups.set(first, [...(groups.get(first) ?? []), ...(second === undefined ? [] : [second])]);
  }
  return groups;
}

const optionsOf = ({ options }: Command): readonly string[] =>
  [...Object.keys(options), 'help'].map((name) => `--${name}`);

/** What stands behind a command, and is no option: these words, or else files. */
const wordsOf = ({ words }: Command): readonly string[] => words.flatMap(({ choices }) => choices ?? []);

/** In single quotes. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function forBash(commands: readonly Command[]): readonly string[] {
  const groups = groupsOf(commands);
  return [
    '# bash completion of pif-router',
    '_pif_router() {',
    `  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]} words`,
    '  COMPREPLY=()',
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    COMPREPLY=($(compgen -W ${quoted(`${[...groups.keys()].join(' ')} help --help --version`)} -- "$current"))`,
    '    return',
    '  fi',
    '  case $command in',
    ...[...groups].flatMap(([first, seconds]) =>
      seconds.length === 0
        ? []
        : [
            `    ${first})`,
            '      if [ "$COMP_CWORD" -eq 2 ]; then',
            `        COMPREPLY=($(compgen -W ${quoted(seconds.join(' '))} -- "$current"))`,
            '        return',
            '      fi',
            `      command="$command \${COMP_WORDS[2]}" ;;`,
          ],
    ),
    '  esac',
    '  case "$command $before" in',
    ...commands.flatMap(({ name, options }) =>
      Object.entries(options).flatMap(([option, { value, choices }]) => {
        if (value === undefined) return [];
        const offered =
          choices === undefined
            ? 'COMPREPLY=($(compgen -f -- "$current"))'
            : `COMPREPLY=($(compgen -W ${quoted(choices.join(' '))} -- "$current"))`;
        return [`    ${quoted(`${name} --${option}`)}) ${offered}; return ;;`];
      }),
    ),
    '  esac',
    '  case $command in',
    ...commands.map((command) => `    ${quoted(command.name)}) words=${quoted(optionsOf(command).join(' '))} ;;`),
    '    *) return ;;',
    '  esac',
    '  case "$command $current" in',
    `    *" -"*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;`,
    ...commands
      .filter((command) => wordsOf(command).length > 0)
      .map(
        (command) =>
          `    ${quoted(`${command.name} `)}*) COMPREPLY=($(compgen -W ${quoted(wordsOf(command).join(' '))} -- "$current")) ;;`,
      ),
    '    *) COMPREPLY=($(compgen -f -- "$current")) ;;',
    '  esac',
    '}',
    'complete -o filenames -F _pif_router pif-router',
  ];
}

function forZsh(commands: readonly Command[]): readonly string[] {
  const described = (name: string, what: string): string =>
    quoted(`${name}:${capitalized(what).replaceAll(':', '\\:')}`);
  const groups = [...groupsOf(commands)];
  return [
    '#compdef pif-router',
    '_pif_router() {',
    '  local -a known',
    '  if (( CURRENT == 2 )); then',
    `    known=(${groups.map(([first, seconds]) => described(first, seconds.length === 0 ? (summaryOf(commands, first) ?? '') : seconds.join(', '))).join(' ')})`,
    '    _describe command known',
    '    return',
    '  fi',
    '  local command=$words[2]',
    '  case $command in',
    ...groups.flatMap(([first, seconds]) =>
      seconds.length === 0
        ? []
        : [
            `    ${first})`,
            '      if (( CURRENT == 3 )); then',
            `        known=(${seconds.map((second) => described(second, summaryOf(commands, `${first} ${second}`) ?? '')).join(' ')})`,
            '        _describe command known',
            '        return',
            '      fi',
            '      command="$command $words[3]" ;;',
          ],
    ),
    '  esac',
    '  case $command in',
    ...commands.map(
      (command) =>
        `    ${quoted(command.name)}) _arguments -S ${[
          ...Object.entries(command.options).map(([option, { what, value, choices }]) => {
            const told = what.replaceAll(/[[\]:]/g, '\\$&');
            const action =
              value === undefined
                ? ''
                : `:${value.replaceAll(/[[\]:]/g, '\\$&')}:${choices === undefined ? '_files' : `(${choices.join(' ')})`}`;
            return quoted(`--${option}[${told}]${action}`);
          }),
          "'--help[this text]'",
          wordsOf(command).length === 0 ? "'*:file:_files'" : quoted(`*:word:(${wordsOf(command).join(' ')})`),
        ].join(' ')} ;;`,
    ),
    '  esac',
    '}',
    'if [ "$funcstack[1]" = _pif_router ] || [ "$funcstack[1]" = _pif-router ]; then _pif_router "$@"; else compdef _pif_router pif-router; fi',
  ];
}

const summaryOf = (commands: readonly Command[], name: string): string | undefined =>
  commands.find((command) => command.name === name)?.summary;

function forFish(commands: readonly Command[]): readonly string[] {
  const groups = [...groupsOf(commands)];
  const within = (name: string): string =>
    name
      .split(' ')
      .map((word) => `__fish_seen_subcommand_from ${word}`)
      .join('; and ');
  return [
    '# fish completion of pif-router',
    ...groups.map(([first, seconds]) => {
      const what = seconds.length === 0 ? summaryOf(commands, first) : seconds.join(', ');
      return `complete -c pif-router -n __fish_use_subcommand -f -a ${first} -d ${quoted(capitalized(what ?? ''))}`;
    }),
    ...groups.flatMap(([first, seconds]) =>
      seconds.map((second) => {
        const isNone = `not __fish_seen_subcommand_from ${seconds.join(' ')}`;
        const what = summaryOf(commands, `${first} ${second}`) ?? '';
        return `complete -c pif-router -n ${quoted(`${within(first)}; and ${isNone}`)} -f -a ${second} -d ${quoted(capitalized(what))}`;
      }),
    ),
    ...commands.flatMap(({ name, options }) =>
      Object.entries(options).map(([option, { what, value, choices }]) => {
        const takes =
          value === undefined ? '' : choices === undefined ? ' -r -F' : ` -x -a ${quoted(choices.join(' '))}`;
        return `complete -c pif-router -n ${quoted(within(name))} -l ${option}${takes} -d ${quoted(what)}`;
      }),
    ),
    ...commands
      .filter((command) => wordsOf(command).length > 0)
      .map((command) => {
        const words = quoted(wordsOf(command).join(' '));
        return `complete -c pif-router -n ${quoted(within(command.name))} -f -a ${words}`;
      }),
  ];
}
