/** Where the router writes: nowhere that something else stands, or that it reads from, or that it writes to for another purpose. */
import { statSync } from 'node:fs';
import { type FileKind, kindBehind, kindOf } from '../own-files.ts';
import { resolvePath } from '../settings/named-file.ts';
import { formatPath } from '../settings/problem.ts';
import type { Report } from '../settings/report.ts';
import type { WrittenFile } from '../settings/written-file.ts';
import { type RoutesFile, usualKeysFile } from './shape.ts';

interface Written extends WrittenFile {
  /** Some of these are read by us, too. */
  readonly isAlsoRead: boolean;
}

/**
 * @param routes the file that says all this
 * @param report to which all files that are read have been told
 */
export function checkWrittenFiles(settings: RoutesFile, routes: string, report: Report, folder: string): void {
  const written = writtenFiles(settings, folder);
  const read = [resolvePath(routes, ''), ...report.files.map(({ path }) => path)];
  for (const [at, { path, file, obstacle, isAlsoRead }] of written.entries()) {
    const earlier = written.slice(0, at).find((other) => isSameFile(other.file, file));
    if (earlier !== undefined) {
      report.error(path, `${file} is what ${formatPath(earlier.path)} names`, 'give each a file of its own');
    } else if (!isAlsoRead && read.some((other) => isSameFile(other, file))) {
      report.error(path, `${file} is a file that the router reads its settings from`, 'name another one');
    } else {
      const why = obstacle();
      if (why !== undefined) report.error(path, `${file} ${why}: it stays as it is`, 'name another one, or remove it');
    }
  }
}

function writtenFiles({ admin, log, signing, directory }: RoutesFile, folder: string): readonly Written[] {
  const keys = resolvePath(signing['keys-file'] ?? usualKeysFile, folder);
  const socket = resolvePath(admin.socket, folder);
  const logFile = log.file === undefined ? undefined : resolvePath(log.file, folder);
  const ofSources = directory.sources.flatMap(({ path, value }) => value.writes(path, folder));
  return [
    // What is wrong with it is told where it is read.
    { path: ['signing', 'keys-file'], file: keys, obstacle: () => undefined, isAlsoRead: true },
    { path: ['admin', 'socket'], file: socket, obstacle: () => noSocket(socket), isAlsoRead: false },
    ...(logFile === undefined
      ? []
      : [{ path: ['log', 'file'], file: logFile, obstacle: () => noLog(logFile), isAlsoRead: false }]),
    ...ofSources.map((each) => ({ ...each, isAlsoRead: false })),
  ];
}

function noSocket(file: string): string | undefined {
  const kind = kindOf(file);
  return kind === undefined || kind === 'socket' ? undefined : `is a ${kind}, and no socket`;
}

/** It is appended to: a log of whatever kind, `/dev/stdout`, a pipe. */
const takesLines: readonly (FileKind | undefined)[] = [undefined, 'file', 'named pipe', 'character device'];

function noLog(file: string): string | undefined {
  const kind = kindBehind(file);
  return takesLines.includes(kind) ? undefined : `is a ${kind}, and no log`;
}

/** By whatever name. */
function isSameFile(a: string, b: string): boolean {
  return a === b || idOf(a) === idOf(b);
}

function idOf(path: string): string {
  try {
    const { dev, ino } = statSync(path);
    return `${dev} ${ino}`;
  } catch {
    return path;
  }
}
