/** Reads a text file, and says in an operator's words why it cannot be read. */
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Place } from './problem.ts';

/** A file as it was found: two readings with one digest say the same. */
export interface FileReading {
  /** Absolute. */
  readonly path: string;
  /** Of its octets; `unreadable` for a file that could not be read. */
  readonly digest: string;
}

export const unreadableDigest = 'unreadable';

export const digestOf = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('base64');

export type TextFile =
  | { readonly kind: 'text'; readonly text: string; readonly reading: FileReading }
  | (Unreadable & { readonly reading: FileReading });

export interface Unreadable {
  readonly kind: 'unreadable';
  /** Of the first octet that is not UTF-8; else the start of the file. */
  readonly place: Place;
  readonly what: string;
  readonly hint: string | undefined;
  readonly isMissing: boolean;
}

export const startOfFile: Place = { line: 1, column: 1 };

/** The text of a UTF-8 file without its byte order mark; `unreadable` when it is missing, a directory, forbidden or not UTF-8. */
export function readTextFile(file: string): TextFile {
  const path = resolve(file);
  let octets: Buffer;
  try {
    octets = readFileSync(file);
  } catch (failure) {
    return { ...whyUnreadable(failure as NodeJS.ErrnoException), reading: { path, digest: unreadableDigest } };
  }
  const reading = { path, digest: digestOf(octets) };
  if (!isUtf8(octets)) return { ...notUtf8(octets), reading };
  return { kind: 'text', text: new TextDecoder().decode(octets), reading };
}

function unreadable(what: string, hint?: string, place: Place = startOfFile): Unreadable {
  return { kind: 'unreadable', place, what, hint, isMissing: false };
}

function whyUnreadable(failure: NodeJS.ErrnoException): Unreadable {
  switch (failure.code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { ...unreadable('there is no such file', 'is the path right?'), isMissing: true };
    case 'EISDIR':
      return unreadable('this is a directory, not a file');
    case 'EACCES':
    case 'EPERM':
      return unreadable('this file may not be read', `the router runs as ${processUser()}, which must be allowed to`);
    default:
      // Its name stands behind the comma: who asks knows it, and may have taken a secret for one.
      return unreadable(`this file cannot be read: ${failure.message.split(',')[0]}`);
  }
}

const processUser = (): string => (process.getuid === undefined ? 'this user' : `uid ${process.getuid()}`);

function notUtf8(octets: Buffer): Unreadable {
  const isWide = (octets[0] === 0xff && octets[1] === 0xfe) || (octets[0] === 0xfe && octets[1] === 0xff);
  const hint = isWide ? 'it looks like UTF-16: save it as UTF-8' : 'save it as UTF-8';
  return unreadable('this file is not UTF-8 text', hint, isWide ? startOfFile : placeOfFirstBadOctet(octets));
}

function placeOfFirstBadOctet(octets: Buffer): Place {
  const decoded = new TextDecoder().decode(octets);
  const before = decoded.slice(0, decoded.indexOf('\uFFFD')).split('\n');
  return { line: before.length, column: before.at(-1)!.length + 1 };
}
