/** `check [FILE]`: every problem of a configuration at once, each with its place and a hint. */
import { loadSnapshot } from '../config/snapshot.ts';
import { countProblems, describeConfiguration, type Io, printProblems, usualFile } from './printing.ts';

const usage = 'usage: pif-router check [FILE]';

/** @returns 0 when the configuration can be used (there may be warnings), 1 when it cannot, 2 when the command is not understood */
export async function check(args: readonly string[], io: Io): Promise<number> {
  const [file = usualFile, ...more] = args;
  if (more.length > 0 || file.startsWith('-')) {
    io.err(usage);
    return 2;
  }
  const { snapshot, problems } = loadSnapshot(file, 1);
  printProblems(problems, io.out);
  if (snapshot !== undefined) describeConfiguration(snapshot).forEach(io.out);
  io.out(`${file}: ${countProblems(problems)}${snapshot === undefined ? '; it cannot be used' : ''}`);
  return snapshot === undefined ? 1 : 0;
}
