/** Files that the router writes: never in the place of something that is not its own. */
import { closeSync, lstatSync, openSync, readSync, type Stats, statSync, unlinkSync } from 'node:fs';

export type FileKind =
  | 'file'
  | 'directory'
  | 'symbolic link'
  | 'socket'
  | 'named pipe'
  | 'block device'
  | 'character device';

/** What stands at `path`, a symbolic link as such; undefined: nothing, or nothing that may be looked at. */
export const kindOf = (path: string): FileKind | undefined => kindIn(() => lstatSync(path));

/** As `kindOf`, of what symbolic links lead to. */
export const kindBehind = (path: string): FileKind | undefined => kindIn(() => statSync(path));

function kindIn(look: () => Stats): FileKind | undefined {
  try {
    const found = look();
    if (found.isFile()) return 'file';
    if (found.isDirectory()) return 'directory';
    if (found.isSymbolicLink()) return 'symbolic link';
    if (found.isSocket()) return 'socket';
    if (found.isFIFO()) return 'named pipe';
    return found.isBlockDevice() ? 'block device' : 'character device';
  } catch {
    return undefined;
  }
}

/** How each of our snapshots of users begins, whatever its version, and each file of signing keys. */
export const snapshotStart = '{"format":"pif-router snapshot ';
export const keysStart = '# Keys of pif-router';

/**
 * Why a file may not be put in the place of what is there; undefined: it may, for nothing is there, nothing is in it, or it is
 * ours.
 * @param start how ours begin
 * @returns `is a directory`; it fits behind the path
 */
export function whyNotOurs(path: string, start: string): string | undefined {
  const kind = kindOf(path);
  if (kind === undefined) return undefined;
  if (kind !== 'file') return `is a ${kind}`;
  const found = startOf(path, start.length);
  return found === '' || found === start ? undefined : 'is a file of something else';
}

function startOf(path: string, octets: number): string {
  const descriptor = openSync(path, 'r');
  try {
    const start = Buffer.alloc(octets);
    return start.toString('latin1', 0, readSync(descriptor, start));
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Opens a new file, which is to take the place of another, for its owner only. What is left of ours by a process that was ended
 * while it wrote goes first.
 * @param start how ours begin
 * @returns its descriptor
 * @throws Error of the file system, and for a file that is not ours
 */
export function openDraft(path: string, start: string): number {
  const why = whyNotOurs(path, start);
  if (why !== undefined) throw new Error(`${path} ${why}, and stays as it is`);
  if (kindOf(path) !== undefined) unlinkSync(path);
  return openSync(path, 'wx', 0o600);
}
