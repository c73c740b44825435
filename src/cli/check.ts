/** `check [FILE]`: every problem of a configuration at once, each with its place and a hint. */
import { loadSnapshot } from '../config/snapshot.ts';
import { type Command, fileWord } from './command.ts';
import { countProblems, describeConfiguration, type Io, printProblems } from './printing.ts';

export const command: Command = {
  name: 'check',
  summary: 'tells every mistake in a configuration, with line and column, and what it says',
  usage: '[FILE]',
  words: [fileWord],
  options: {},
  exitCodes: ['it can be used; there may be warnings', 'it cannot be used'],
  examples: [{ line: '', what: 'judges routes.yaml in this folder' }],
  run: async ({ words: [file = ''] }, io) => check(file, io),
};

function check(file: string, io: Io): number {
  const { snapshot, problems } = loadSnapshot(file, 1);
  printProblems(problems, io.out);
  if (snapshot !== undefined) describeConfiguration(snapshot).forEach(io.out);
  io.out(`${file}: ${countProblems(problems)}${snapshot === undefined ? '; it cannot be used' : ''}`);
  return snapshot === undefined ? 1 : 0;
}
