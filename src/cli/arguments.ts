/** Reads the words behind a command by what it says of itself. */
import { parseArgs } from 'node:util';
import { quote } from '../settings/problem.ts';
import { suggestion } from '../settings/suggest.ts';
import type { Command, Given, Option, Word } from './command.ts';

type Arguments =
  | { readonly kind: 'given'; readonly given: Given }
  | { readonly kind: 'help' }
  | { readonly kind: 'wrong'; readonly wrong: string };

export function readArguments(
  { words, options }: Pick<Command, 'words' | 'options'>,
  args: readonly string[],
): Arguments {
  const { tokens } = parseArgs({
    args: [...args],
    options: forNode(options),
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const values = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const { name, rawName, value } = token;
    if (rawName === '-h' || name === 'help') return { kind: 'help' };
    const wrong = wrongOption(
      rawName,
      value,
      rawName.startsWith('--') ? options[name] : undefined,
      Object.keys(options),
    );
    if (wrong !== undefined) return { kind: 'wrong', wrong };
    if (values.has(name) && options[name]?.isList !== true) return { kind: 'wrong', wrong: `--${name} is given twice` };
    values.set(name, [...(values.get(name) ?? []), value ?? '']);
  }
  const wrong = wrongWords(positionals, words) ?? missingOption(options, values);
  if (wrong !== undefined) return { kind: 'wrong', wrong };
  return {
    kind: 'given',
    given: {
      words: words.map((word, i) => positionals[i] ?? word.default ?? ''),
      has: (option) => values.has(option),
      value: (option) => values.get(option)?.[0],
      values: (option) => values.get(option) ?? [],
    },
  };
}

const forNode = (options: Command['options']) =>
  Object.fromEntries(
    Object.entries(options).map(([name, { value }]) => [
      name,
      { type: value === undefined ? ('boolean' as const) : ('string' as const), multiple: true },
    ]),
  );

function wrongOption(
  written: string,
  value: string | undefined,
  option: Option | undefined,
  known: readonly string[],
): string | undefined {
  if (option === undefined) {
    const there = [...known, 'help'];
    return `there is no option ${quote(written)}: ${suggestion(written.replace(/^-+/, ''), there).replace(/"([^"]+)"/, '"--$1"')}`;
  }
  if (option.value === undefined) return value === undefined ? undefined : `${written} has no value`;
  if (value === undefined || value === '') return `${written} needs a value: ${written} ${option.value}`;
  if (option.choices !== undefined && !option.choices.includes(value))
    return `${written} ${quote(value)} is not possible: ${suggestion(value, option.choices)}`;
  return undefined;
}

function wrongWords(given: readonly string[], words: readonly Word[]): string | undefined {
  if (given.length > words.length) return `${quote(given[words.length]!)} is one word too many`;
  const missing = words.slice(given.length).filter((word) => word.default === undefined);
  if (missing.length === 0) return undefined;
  return `${missing.map(({ name }) => name).join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing`;
}

function missingOption(options: Command['options'], values: ReadonlyMap<string, unknown>): string | undefined {
  const missing = Object.entries(options).find(([name, { isRequired }]) => isRequired && !values.has(name));
  return missing && `--${missing[0]} is missing: ${missing[1].what}`;
}
