/** Runs a command of the program in this process, and keeps what it prints. */
import type { Io } from '../../src/cli/printing.ts';

export interface CommandRun {
  readonly code: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

export async function run(
  command: (args: readonly string[], io: Io) => Promise<number>,
  args: readonly string[],
): Promise<CommandRun> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await command(args, { out: (line) => out.push(line), err: (line) => err.push(line) });
  return { code, out, err };
}
