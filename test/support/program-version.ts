/** Which program a test met, and in which version, in the program's own words: for titles and printed lines. */
import { spawnSync } from 'node:child_process';

/**
 * The part of what `program` prints that `pattern` matches, whatever its exit code: help has one of its own.
 * @throws when the program is not installed, or says nothing of the kind
 */
export function programVersion(program: string, option: string, pattern: RegExp): string {
  const { stdout, error } = spawnSync(program, [option], { encoding: 'utf8' });
  if (error) throw error;
  const version = pattern.exec(stdout)?.[0];
  if (version === undefined) throw new Error(`${program} ${option} prints no version: ${stdout}`);
  return version;
}
