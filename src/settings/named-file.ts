/** Files that routes.yaml names: where they are, and what they hold. */
import { resolve } from 'node:path';
import { explainOctets, type PemKind } from './pem-file.ts';
import type { Path } from './problem.ts';
import type { Report } from './report.ts';
import { readTextFile } from './text-file.ts';

/** A relative path starts in the folder of routes.yaml, wherever the router was started. */
export const resolvePath = (file: string, folder: string): string => resolve(folder, file);

/**
 * The text of the file that the setting at `path` names; `undefined` after it has been reported why there is none.
 * @param hint what to do when there is no such file
 * @param wanted what it must hold, for files of certificates and the like
 */
export function readNamedFile(
  file: string,
  path: Path,
  report: Report,
  folder: string,
  hint?: string,
  wanted?: PemKind,
): string | undefined {
  const absolute = resolvePath(file, folder);
  const read = readTextFile(absolute, wanted && ((octets) => explainOctets(wanted, octets, absolute)));
  report.files.push(read.reading);
  if (read.kind === 'text') return read.text;
  const { line, column } = read.place;
  const where = line === 1 && column === 1 ? '' : ` (line ${line}, column ${column})`;
  const advice = read.isMissing ? hint : read.hint;
  const hints = advice?.includes(absolute) ? [advice] : [advice, `looked at ${absolute}`];
  report.error(path, `${file}: ${read.what}${where}`, hints.filter((each) => each !== undefined).join('; '));
  return undefined;
}
