/** Runs a command of the program in this process, and keeps what it prints. */
import type { Command, OwnProcess } from '../../src/cli/command.ts';
import { loadAll } from '../../src/cli/commands.ts';
import { runCommand, runWords } from '../../src/cli/run.ts';

export interface CommandRun {
  readonly code: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

const noSignals: OwnProcess['signals'] = {
  stopOrders: () => {
    throw new Error('nothing runs here until it is told to stop');
  },
  onReload: () => undefined,
  onBug: () => undefined,
  kill: () => undefined,
};

/** @param command with the words behind its name; undefined: all words behind the program's name */
export async function run(
  command: Command | undefined,
  args: readonly string[],
  program: OwnProcess['program'] = ['/usr/bin/node', '/opt/pif-router/main.js'],
): Promise<CommandRun> {
  const out: string[] = [];
  const err: string[] = [];
  const io = { out: (line: string) => void out.push(line), err: (line: string) => void err.push(line) };
  const process = { signals: noSignals, program, allCommands: loadAll };
  const code = await (command === undefined ? runWords(args, io, process) : runCommand(command, args, io, process));
  return { code, out, err };
}
