/**
 * The snapshot on disk, for a start while the directory is down. A file holds one head line of JSON, the table's octets, and
 * SHA-256 over both; it is written beside and renamed, for its owner only, and believed only when every octet is right.
 */
import { createHash, hash } from 'node:crypto';
import { closeSync, fstatSync, fsyncSync, openSync, readSync, renameSync, statSync, writeSync } from 'node:fs';
import type { HashSeed } from '../../hash/keyed-hash.ts';
import { openDraft, snapshotStart, whyNotOurs } from '../../own-files.ts';
import { UserTable } from '../table/user-table.ts';
import { reservedAddresses } from './tables.ts';
import type { UserSource } from './user-source.ts';

export interface StoredSnapshot {
  readonly table: UserTable;
  /** Since 1970: until when it was known to be right. */
  readonly confirmedAtMs: number;
}

type Loaded =
  | { readonly kind: 'loaded'; readonly snapshot: StoredSnapshot }
  | { readonly kind: 'absent' }
  | { readonly kind: 'refused'; readonly why: string };

/** Changes with the layout of the file or of a record. */
const format = 'pif-router snapshot 2';
const checksumBytes = 32;
const newLine = 0x0a;
/** A head line has some 300 octets. */
const longestHead = 4_096;
const pieceBytes = 2 ** 20;

interface Head {
  readonly format: string;
  readonly source: string;
  /** What the users were selected by: a file made by other settings holds other users. */
  readonly selection: string;
  readonly seed: HashSeed;
  readonly confirmedAtMs: number;
}

const selectionOf = ({ baseDns, scope, filter, attributes }: UserSource): string =>
  hash('sha256', JSON.stringify([baseDns, scope, filter, attributes]));

/** Whose snapshot a file is, by its own words; undefined: nobody's that could be read. */
function ownerOf(file: string): string | undefined {
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return undefined;
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const start = readAt(descriptor, Buffer.alloc(Math.min(size, longestHead)), 0);
    return (JSON.parse(start.subarray(0, start.indexOf(newLine)).toString()) as Head).source;
  } catch {
    return undefined;
  } finally {
    closeSync(descriptor);
  }
}

const ofAnother = (owner: string): string =>
  `belongs to the source "${owner}": name another file, or remove it if that source is gone`;

/** @throws Error of the file system, and for a file that is there and is no snapshot of this source: that stays */
export function writeSnapshot(file: string, source: UserSource, { table, confirmedAtMs }: StoredSnapshot): void {
  const why = whyNotOurs(file, snapshotStart);
  if (why !== undefined) throw new Error(`it ${why}, and stays as it is`);
  const owner = ownerOf(file);
  if (owner !== undefined && owner !== source.name) throw new Error(`it ${ofAnother(owner)}`);
  const { octets } = table;
  const head: Head = {
    format,
    source: source.name,
    selection: selectionOf(source),
    seed: table.shared.seed,
    confirmedAtMs,
  };
  const line = Buffer.from(`${JSON.stringify(head)}\n`);
  const checksum = createHash('sha256').update(line).update(octets).digest();
  const beside = `${file}.new`;
  const descriptor = openDraft(beside, snapshotStart);
  try {
    for (const part of [line, octets, checksum]) writeWhole(descriptor, part);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(beside, file);
}

function writeWhole(descriptor: number, octets: Uint8Array): void {
  for (let at = 0; at < octets.length; ) at += writeSync(descriptor, octets, at);
}

/** Milliseconds since 1970; undefined when there is no such file. Tells whether another has written it meanwhile. */
export const writtenAtMs = (file: string): number | undefined => statSync(file, { throwIfNoEntry: false })?.mtimeMs;

/** Of a file that is there and not believed. */
class Refused extends Error {}

/** Never throws: a router without its file goes on without it, and says why. */
export function readSnapshot(file: string, source: UserSource): Loaded {
  try {
    return { kind: 'loaded', snapshot: readFile(file, source) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { kind: 'absent' };
    return { kind: 'refused', why: `${file} ${error instanceof Refused ? '' : 'cannot be read: '}${message}` };
  }
}

function readFile(file: string, source: UserSource): StoredSnapshot {
  const descriptor = openSync(file, 'r');
  try {
    const { mode, size } = fstatSync(descriptor);
    // Who may write it could move any user to the other side.
    if ((mode & 0o022) !== 0) throw new Refused('may be written by others than its owner');
    const why = whyNotOurs(file, snapshotStart);
    if (why !== undefined) throw new Refused(`${why}, and no snapshot`);
    if (!isWhole(descriptor, size)) throw new Refused('is damaged: its checksum is wrong');
    return readWhole(descriptor, size, source);
  } finally {
    closeSync(descriptor);
  }
}

/** Piece by piece, for a million users are not to be held twice. */
function isWhole(descriptor: number, size: number): boolean {
  const sum = createHash('sha256');
  const piece = Buffer.alloc(pieceBytes);
  const end = size - checksumBytes;
  for (let at = 0; at < end; at += piece.length) {
    sum.update(readAt(descriptor, piece.subarray(0, Math.min(piece.length, end - at)), at));
  }
  return end > 0 && sum.digest().equals(readAt(descriptor, Buffer.alloc(checksumBytes), end));
}

/** Its table goes straight to where it stays. */
function readWhole(descriptor: number, size: number, source: UserSource): StoredSnapshot {
  const start = readAt(descriptor, Buffer.alloc(Math.min(size, longestHead)), 0);
  const headBytes = start.indexOf(newLine) + 1;
  const head = JSON.parse(start.subarray(0, headBytes).toString()) as Head;
  if (head.format !== format) throw new Refused(`is of another version: ${JSON.stringify(head.format)}`);
  if (head.source !== source.name) throw new Refused(ofAnother(head.source));
  if (head.selection !== selectionOf(source)) {
    throw new Refused('was made with another base, filter or other attributes');
  }
  const table = UserTable.ofOctets(size - headBytes - checksumBytes, head.seed, reservedAddresses, (into) =>
    readAt(descriptor, into, headBytes),
  );
  return { table, confirmedAtMs: head.confirmedAtMs };
}

/** @throws Error when the file ends too early */
function readAt<Octets extends Uint8Array>(descriptor: number, into: Octets, position: number): Octets {
  for (let at = 0; at < into.length; ) {
    const read = readSync(descriptor, into, at, into.length - at, position + at);
    if (read === 0) throw new Refused('has become shorter while it was read');
    at += read;
  }
  return into;
}
