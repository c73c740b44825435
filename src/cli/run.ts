/** From the words behind the program's name to a command that runs: help, the version, and what was probably meant. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { quote } from '../settings/problem.ts';
import { suggestion } from '../settings/suggest.ts';
import { readArguments } from './arguments.ts';
import { type Command, capitalized, helpOf, Misuse, type OwnProcess, usageOf } from './command.ts';
import { commands, loadAll } from './commands.ts';
import type { Io } from './printing.ts';

/** @returns the exit code: 2 when the words are not understood */
export async function runWords(words: readonly string[], io: Io, process: OwnProcess): Promise<number> {
  const [first, second] = words;
  if (first === '--version' || first === '-V') {
    io.out(`pif-router ${version()}`);
    return 0;
  }
  if (first === '--help' || first === '-h' || first === 'help') return help(words.slice(1), io);
  const name = [[first, second].join(' '), first ?? ''].find((each) => commands.has(each));
  if (name === undefined) return unknown(words, io);
  const command = await commands.get(name)!();
  return runCommand(command, words.slice(name.split(' ').length), io, process);
}

export async function runCommand(
  command: Command,
  args: readonly string[],
  io: Io,
  process: OwnProcess,
): Promise<number> {
  const read = readArguments(command, args);
  if (read.kind === 'help') {
    helpOf(command).forEach(io.out);
    return 0;
  }
  if (read.kind === 'wrong') return misuse(command, read.wrong, io);
  try {
    return await command.run(read.given, io, process);
  } catch (error) {
    if (!(error instanceof Misuse)) throw error;
    return misuse(command, error.message, io);
  }
}

function misuse(command: Command, wrong: string, io: Io): number {
  io.err(wrong);
  io.err(usageOf(command));
  io.err(`pif-router ${command.name} --help says more`);
  return 2;
}

async function help(words: readonly string[], io: Io): Promise<number> {
  const load = commands.get(words.join(' '));
  const lines = load === undefined ? await overview(words[0]) : helpOf(await load());
  lines.forEach(io.out);
  return 0;
}

/** @param group `directory`: only those of a group; undefined, or no group: all */
async function overview(group?: string): Promise<readonly string[]> {
  const all = await loadAll();
  const ofGroup = all.filter(({ name }) => group !== undefined && name.startsWith(`${group} `));
  const shown = ofGroup.length === 0 ? all : ofGroup;
  const width = Math.max(...shown.map(({ name }) => name.length)) + 2;
  return [
    'usage: pif-router COMMAND [WORDS] [OPTIONS]',
    '',
    'Routes SIP between Cisco Unified CM IM & Presence and Microsoft Lync, OCS or Skype',
    'for Business, which share a domain.',
    '',
    ...shown.flatMap(({ name, summary }) => row(name, summary, width)),
    '',
    'pif-router COMMAND --help says more of each; pif-router --version tells the version.',
    'What a configuration may say, and why, stands in the shipped routes.yaml.',
  ];
}

function row(name: string, summary: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = `  ${name.padEnd(width)}`;
  for (const word of capitalized(summary).split(' ')) {
    if (line.length + word.length > 80) {
      lines.push(line.trimEnd());
      line = ' '.repeat(width + 2);
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}

async function unknown(words: readonly string[], io: Io): Promise<number> {
  const [first = '', second = ''] = words;
  const inGroup = [...commands.keys()].filter((name) => name.startsWith(`${first} `));
  if (inGroup.length > 0) {
    if (second === '--help' || second === '-h') return help([first], io);
    const orders = inGroup.map((name) => name.slice(first.length + 1));
    const what = second === '' ? `${first} what?` : `there is no command ${quote(`${first} ${second}`)}:`;
    io.err(`${what} ${suggestion(second, orders)}`);
  } else if (first === '') io.err('a command is missing');
  else {
    const firsts = [...new Set([...commands.keys()].map((name) => name.split(' ')[0] ?? ''))];
    io.err(`there is no command ${quote(first)}: ${suggestion(first, firsts)}`);
  }
  io.err('pif-router --help names all commands');
  return 2;
}

const version = (): string =>
  (JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as { readonly version: string })
    .version;
