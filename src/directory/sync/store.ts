/**
 * The snapshot on disk, for a start while the directory is down. A file holds one head line of JSON, the table's records, and
 * SHA-256 over both; it is written beside and renamed, for its owner only, and believed only when every octet is right.
 */
import { createHash, hash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';
import type { HashSeed } from '../../routing/keyed-hash.ts';
import { UserTable } from '../user-table.ts';
import type { UserSource } from './user-source.ts';

export interface StoredSnapshot {
  readonly table: UserTable;
  /** Since 1970: until when it was known to be right. */
  readonly confirmedAtMs: number;
}

export type Loaded =
  | { readonly kind: 'loaded'; readonly snapshot: StoredSnapshot }
  | { readonly kind: 'absent' }
  | { readonly kind: 'refused'; readonly why: string };

/** Changes with the layout of the file or of a record. */
const format = 'pif-router snapshot 1';
const checksumBytes = 32;
const newLine = 0x0a;

interface Head {
  readonly format: string;
  readonly source: string;
  /** What the users were selected by: a file made by other settings holds other users. */
  readonly selection: string;
  readonly seed: HashSeed;
  readonly confirmedAtMs: number;
  readonly recordBytes: number;
}

const selectionOf = ({ baseDns, scope, filter, attributes }: UserSource): string =>
  hash('sha256', JSON.stringify([baseDns, scope, filter, attributes]));

/** @throws Error of the file system */
export function writeSnapshot(file: string, source: UserSource, { table, confirmedAtMs }: StoredSnapshot): void {
  const records = table.records();
  const head: Head = {
    format,
    source: source.name,
    selection: selectionOf(source),
    seed: table.shared.seed,
    confirmedAtMs,
    recordBytes: records.length,
  };
  const line = Buffer.from(`${JSON.stringify(head)}\n`);
  const checksum = createHash('sha256').update(line).update(records).digest();
  const beside = `${file}.new`;
  const descriptor = openSync(beside, 'w', 0o600);
  try {
    for (const part of [line, records, checksum]) writeWhole(descriptor, part);
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

/** Never throws: a router without its file goes on without it, and says why. */
export function readSnapshot(file: string, source: UserSource): Loaded {
  try {
    // Who may write it could move any user to the other side.
    const { mode } = statSync(file);
    if ((mode & 0o022) !== 0) return { kind: 'refused', why: `others than its owner may write ${file}` };
    return readOctets(file, readFileSync(file), source);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { kind: 'absent' };
    return { kind: 'refused', why: `${file} cannot be read: ${(error as Error).message}` };
  }
}

function readOctets(file: string, octets: Buffer, source: UserSource): Loaded {
  const refuse = (why: string): Loaded => ({ kind: 'refused', why: `${file} ${why}` });
  const body = octets.subarray(0, -checksumBytes);
  const checksum = octets.subarray(body.length);
  if (octets.length <= checksumBytes || !createHash('sha256').update(body).digest().equals(checksum)) {
    return refuse('is damaged: its checksum is wrong');
  }
  const lineEnd = body.indexOf(newLine);
  const head = JSON.parse(body.subarray(0, lineEnd).toString()) as Head;
  if (head.format !== format) return refuse(`is of another version: ${JSON.stringify(head.format)}`);
  if (head.selection !== selectionOf(source)) return refuse('was made with another base, filter or other attributes');
  const table = UserTable.ofRecords(body.subarray(lineEnd + 1), head.seed);
  return { kind: 'loaded', snapshot: { table, confirmedAtMs: head.confirmedAtMs } };
}
