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

interface Unreadable {
  readonly kind: 'unreadable';
  /** Of the first octet that is not text; else the start of the file. */
  readonly place: Place;
  readonly what: string;
  readonly hint: string | undefined;
  readonly isMissing: boolean;
}

export const startOfFile: Place = { line: 1, column: 1 };

/** Says what a file holds that is no text; undefined: it cannot tell. */
type DescribeOctets = (octets: Buffer) => { readonly what: string; readonly hint: string } | undefined;

/**
 * The text of a file in UTF-8, or in UTF-16 with a byte order mark, which is how PowerShell and `ldifde -u` write; without
 * that mark and the Ctrl-Z that `copy` of Windows puts at the end. `unreadable` when the file is missing, a directory, forbidden
 * or no text.
 * @param describe asked first, where the file holds octets that no text has
 */
export function readTextFile(file: string, describe: DescribeOctets = () => undefined): TextFile {
  const path = resolve(file);
  let octets: Buffer;
  try {
    octets = readFileSync(file);
  } catch (failure) {
    return { ...whyUnreadable(failure as NodeJS.ErrnoException), reading: { path, digest: unreadableDigest } };
  }
  const reading = { path, digest: digestOf(octets) };
  const text = textOf(octets);
  if (text !== undefined) return { kind: 'text', text: text.replace(/\x1a\s*$/, ''), reading };
  const described = describe(octets);
  if (described !== undefined) return { ...unreadable(described.what, described.hint), reading };
  return { ...notText(octets), reading };
}

type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be';

/** By the byte order mark (Unicode 23.8); UTF-8 needs none. */
function encodingOf(octets: Buffer): Encoding {
  if (octets[0] === 0xff && octets[1] === 0xfe) return 'utf-16le';
  return octets[0] === 0xfe && octets[1] === 0xff ? 'utf-16be' : 'utf-8';
}

/** Undefined: no text. NUL stands in none, and in UTF-16 without a mark in every second place. */
function textOf(octets: Buffer): string | undefined {
  const encoding = encodingOf(octets);
  if (encoding === 'utf-8') {
    return isUtf8(octets) && !octets.includes(0) ? new TextDecoder().decode(octets) : undefined;
  }
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(octets);
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
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

function notText(octets: Buffer): Unreadable {
  if (encodingOf(octets) !== 'utf-8') {
    return unreadable('this file begins as UTF-16 text and does not go on as such', saveAsUtf8);
  }
  if (!isUtf8(octets)) return unreadable('this file is not UTF-8 text', saveAsUtf8, placeOfFirstBadOctet(octets));
  const isWide = octets.length > 1 && octets.subarray(0, 64).every((octet, at) => at % 2 === 0 || octet === 0);
  if (isWide) return unreadable('this file is UTF-16 text without a byte order mark', saveAsUtf8);
  return unreadable('this file holds a NUL, which no text has', saveAsUtf8, placeOf(octets, octets.indexOf(0)));
}

const saveAsUtf8 = 'save it as UTF-8';

const placeOfFirstBadOctet = (octets: Buffer): Place => placeBehind(beforeBadOctet(new TextDecoder().decode(octets)));

const beforeBadOctet = (decoded: string): string => decoded.slice(0, decoded.indexOf('\uFFFD'));

const placeOf = (octets: Buffer, at: number): Place => placeBehind(new TextDecoder().decode(octets.subarray(0, at)));

function placeBehind(text: string): Place {
  const before = text.split('\n');
  return { line: before.length, column: before.at(-1)!.length + 1 };
}
