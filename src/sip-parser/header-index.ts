/** Where the header lines are: one walk over a header section that remembers the few fields a proxy reads and skips the rest. */
import { oddLineProblem } from './odd-line.ts';
import {
  asciiLower,
  BACKSLASH,
  COLON,
  CR,
  DQUOTE,
  equalsIgnoreCase,
  HTAB,
  LF,
  SP,
  skipClass,
  TOKEN,
} from './syntax.ts';

/** Ids of the header fields that the index keeps. Each is a bit number, so below 31. */
export const Header = {
  Via: 1,
  From: 2,
  To: 3,
  CallId: 4,
  CSeq: 5,
  MaxForwards: 6,
  MaxBreadth: 7,
  Route: 8,
  RecordRoute: 9,
  Contact: 10,
  ContentLength: 11,
  ContentType: 12,
  ProxyRequire: 13,
  Require: 14,
  UserAgent: 15,
  RetryAfter: 16,
  Expires: 17,
  MsDiagnostics: 18,
  Event: 19,
  Server: 20,
  Timestamp: 21,
} as const;

export type HeaderId = (typeof Header)[keyof typeof Header];

interface KnownName {
  readonly id: HeaderId;
  readonly name: string;
  readonly lower: string;
  readonly compact: string | undefined;
}

function knownName(id: HeaderId, name: string, compact?: string): KnownName {
  return { id, name, lower: asciiLower(name), compact };
}

const KNOWN_NAMES: readonly KnownName[] = [
  knownName(Header.Via, 'Via', 'v'),
  knownName(Header.From, 'From', 'f'),
  knownName(Header.To, 'To', 't'),
  knownName(Header.CallId, 'Call-ID', 'i'),
  knownName(Header.CSeq, 'CSeq'),
  knownName(Header.MaxForwards, 'Max-Forwards'),
  knownName(Header.MaxBreadth, 'Max-Breadth'),
  knownName(Header.Route, 'Route'),
  knownName(Header.RecordRoute, 'Record-Route'),
  knownName(Header.Contact, 'Contact', 'm'),
  knownName(Header.ContentLength, 'Content-Length', 'l'),
  knownName(Header.ContentType, 'Content-Type', 'c'),
  knownName(Header.ProxyRequire, 'Proxy-Require'),
  knownName(Header.Require, 'Require'),
  knownName(Header.UserAgent, 'User-Agent'),
  knownName(Header.RetryAfter, 'Retry-After'),
  knownName(Header.Expires, 'Expires'),
  knownName(Header.MsDiagnostics, 'ms-diagnostics'),
  knownName(Header.Event, 'Event', 'o'),
  knownName(Header.Server, 'Server'),
  knownName(Header.Timestamp, 'Timestamp'),
];

/** Compact forms of fields that the index does not keep (§7.3.3 and the IANA registry); `all` must know them too. */
const OTHER_COMPACT_FORMS: ReadonlyMap<string, string> = new Map([
  ['a', 'accept-contact'],
  ['b', 'referred-by'],
  ['d', 'request-disposition'],
  ['e', 'content-encoding'],
  ['j', 'reject-contact'],
  ['k', 'supported'],
  ['n', 'identity-info'],
  ['r', 'refer-to'],
  ['s', 'subject'],
  ['u', 'allow-events'],
  ['x', 'session-expires'],
  ['y', 'identity'],
]);

const COMPACT_FORMS: ReadonlyMap<string, string> = new Map([
  ...OTHER_COMPACT_FORMS,
  ...KNOWN_NAMES.flatMap(({ compact, lower }) => (compact === undefined ? [] : [[compact, lower] as const])),
]);

/** A header field's full name in lower case, whatever case or compact form it is given in. */
export function canonicalName(name: string): string {
  const lower = asciiLower(name);
  return COMPACT_FORMS.get(lower) ?? lower;
}

/** The name as the RFC writes it: `Call-ID`. */
export function headerName(id: HeaderId): string {
  return KNOWN_NAMES[id - 1]!.name;
}

/** Known names by first letter, in any case. */
const BY_LETTER: readonly (readonly KnownName[])[] = Array.from({ length: 32 }, (_, letter) =>
  KNOWN_NAMES.filter(({ name }) => letterOf(name.charCodeAt(0)) === letter),
);

function letterOf(code: number): number {
  return code & 31;
}

/** The name that begins at `pos` as the RFC writes it, its colon right behind it: nearly everybody does, and it costs two comparisons. */
function usualNameAt(text: string, pos: number): KnownName | undefined {
  for (const known of BY_LETTER[letterOf(text.charCodeAt(pos))]!) {
    const end = pos + known.name.length;
    if (end < text.length && text.charCodeAt(end) === COLON && text.startsWith(known.name, pos)) return known;
  }
  return undefined;
}

const COMPACT_IDS: Uint8Array = compactIds(KNOWN_NAMES);

function compactIds(names: readonly KnownName[]): Uint8Array {
  const ids = new Uint8Array(128);
  for (const { compact, id } of names) if (compact !== undefined) ids[compact.charCodeAt(0)] = id;
  return ids;
}

/** The id of the field named `[start, end)`, 0 when the index does not keep it. */
function headerIdAt(text: string, start: number, end: number): number {
  const length = end - start;
  if (length === 1) return COMPACT_IDS[text.charCodeAt(start) | 32] ?? 0;
  for (const { lower, id } of BY_LETTER[letterOf(text.charCodeAt(start))]!) {
    if (equalsIgnoreCase(text, start, end, lower)) return id;
  }
  return 0;
}

/** Numbers kept per line: id, start of the line, start of the value, end of the value (its CRLF). */
const STRIDE = 4;

/** Most messages have no more known lines; then nothing grows while they are found. */
const USUAL_LINES = 12;

/** What one walk over a header section found. All offsets count from the first octet of the message. */
export class HeaderIndex {
  /** Offset of the CRLF of the empty line; the end of the text when there is none. */
  headersEnd = 0;
  /** What is wrong with the lines as such, for people; undefined when nothing is. */
  problem: string | undefined = undefined;
  /** A line that is no header field stands there, and no problem. */
  hasOddLine = false;
  /** One without a colon stands where Content-Length follows, or would if it were put in. */
  hidesLength = false;
  /** Bit `id` is set: the field is there, the field is there on more than one line. */
  seen = 0;
  repeated = 0;
  private readonly lines: number[] = new Array(STRIDE * USUAL_LINES);
  /** Of `lines`, how many are in use. */
  private length = 0;

  add(id: number, lineStart: number, valueStart: number, valueEnd: number): void {
    const bit = 1 << id;
    this.repeated |= this.seen & bit;
    this.seen |= bit;
    const { lines, length } = this;
    lines[length] = id;
    lines[length + 1] = lineStart;
    lines[length + 2] = valueStart;
    lines[length + 3] = valueEnd;
    this.length = length + STRIDE;
  }

  /** The slot of the first line of this kind behind slot `after`; -1 when there is none. */
  find(id: HeaderId, after = -STRIDE): number {
    if ((this.seen & (1 << id)) === 0) return -1;
    const { lines, length } = this;
    for (let slot = after + STRIDE; slot < length; slot += STRIDE) if (lines[slot] === id) return slot;
    return -1;
  }

  /** The slot of the last line of this kind; -1 when there is none. */
  findLast(id: HeaderId): number {
    const { lines, length } = this;
    for (let slot = length - STRIDE; slot >= 0; slot -= STRIDE) if (lines[slot] === id) return slot;
    return -1;
  }

  lineStart(slot: number): number {
    return this.lines[slot + 1]!;
  }

  valueStart(slot: number): number {
    return this.lines[slot + 2]!;
  }

  /** Offset of the CRLF that ends the value; white space before it belongs to the value still. */
  valueEnd(slot: number): number {
    return this.lines[slot + 3]!;
  }

  /** Just behind the CRLF of the line. */
  lineEnd(slot: number): number {
    return this.lines[slot + 3]! + 2;
  }

  noteProblem(problem: string): void {
    this.problem ??= problem;
  }
}

/**
 * Walks the header lines of `text` from `start` (just behind the start line) to the empty line, and no further.
 * Linear in the section's length whatever it holds. It never looks behind the end of `text`, where the text of a stream
 * often breaks off: V8 calls a function for `charCodeAt` wherever that has happened once.
 * @param base offset of the message's first octet, from which the index counts
 */
export function indexHeaders(text: string, start: number, base = 0): HeaderIndex {
  const index = new HeaderIndex();
  let pos = start;
  while (!isEmptyLine(text, pos)) {
    if (pos >= text.length) {
      index.noteProblem('no empty line behind the header fields');
      break;
    }
    pos = indexLine(index, text, pos, base);
  }
  index.headersEnd = pos - base;
  return index;
}

function isEmptyLine(text: string, pos: number): boolean {
  return pos + 1 < text.length && text.charCodeAt(pos) === CR && text.charCodeAt(pos + 1) === LF;
}

/** Gives the start of the next line. */
function indexLine(index: HeaderIndex, text: string, pos: number, base: number): number {
  const usual = usualNameAt(text, pos);
  if (usual === undefined) return indexOtherLine(index, text, pos, base);
  const colon = pos + usual.name.length;
  const valueEnd = findValueEnd(index, text, colon);
  index.add(usual.id, pos - base, colon + 1 - base, valueEnd - base);
  return Math.min(valueEnd + 2, text.length);
}

/** HCOLON allows white space before the colon (§25.1). */
function indexOtherLine(index: HeaderIndex, text: string, pos: number, base: number): number {
  const nameEnd = skipClass(text, pos, text.length, TOKEN);
  const colon = skipBlanks(text, nameEnd);
  const valueEnd = findValueEnd(index, text, nameEnd);
  if (nameEnd === pos || colon >= text.length || text.charCodeAt(colon) !== COLON) {
    noteOddLine(index, text, pos, valueEnd);
  } else {
    const id = headerIdAt(text, pos, nameEnd);
    if (id > 0) index.add(id, pos - base, colon + 1 - base, valueEnd - base);
  }
  return Math.min(valueEnd + 2, text.length);
}

function noteOddLine(index: HeaderIndex, text: string, start: number, end: number): void {
  const line = text.slice(start, end);
  const problem = oddLineProblem(line);
  if (problem !== undefined) index.noteProblem(problem);
  index.hasOddLine = true;
  if (!line.includes(':') && isBeforeLength(index, text, end + 2)) index.hidesLength = true;
}

function isBeforeLength(index: HeaderIndex, text: string, pos: number): boolean {
  if (isEmptyLine(text, pos)) return (index.seen & (1 << Header.ContentLength)) === 0;
  const nameEnd = skipClass(text, pos, text.length, TOKEN);
  return nameEnd > pos && headerIdAt(text, pos, nameEnd) === Header.ContentLength;
}

export function skipBlanks(text: string, pos: number): number {
  let i = pos;
  while (isBlankAt(text, i)) i++;
  return i;
}

function isBlankAt(text: string, pos: number): boolean {
  if (pos >= text.length) return false;
  const code = text.charCodeAt(pos);
  return code === SP || code === HTAB;
}

/**
 * The CRLF that ends the value: only CRLF ends a line, and not when the next line begins with white space (§7.3.1).
 * A bare CR or LF is a problem: a peer that takes it for a line end would see other header fields than we do.
 */
function findValueEnd(index: HeaderIndex, text: string, from: number): number {
  let pos = from;
  for (;;) {
    const crlf = findCrlf(index, text, pos);
    if (crlf < 0) return text.length;
    if (!isBlankAt(text, crlf + 2)) return crlf;
    pos = crlf + 2;
  }
}

function findCrlf(index: HeaderIndex, text: string, pos: number): number {
  const cr = text.indexOf('\r', pos);
  const lf = text.indexOf('\n', pos);
  if (cr + 1 === lf && cr >= 0) return cr;
  if (cr >= 0 || lf >= 0) index.noteProblem('a bare CR or LF in a header line');
  return text.indexOf('\r\n', pos);
}

/**
 * A NUL cuts the text for C programs; the grammar has it only as a quoted pair within a quoted string (RFC 4475 §3.1.1.2).
 * @param start of the header lines
 */
export function noteNul(index: HeaderIndex, text: string, start: number): void {
  const first = text.indexOf('\0', start);
  if (first < 0 || first >= index.headersEnd) return;
  if (hasBareNul(text, start, index.headersEnd)) index.noteProblem('a NUL octet in a header line');
}

/** Call-ID is made of words and Subject of text (§25.1): there quotes and backslashes are characters like others. */
const WITHOUT_QUOTES = /(?:call-id|i|in-reply-to|organization|subject|s)[ \t]*:/iy;

function mayQuote(text: string, lineStart: number): boolean {
  WITHOUT_QUOTES.lastIndex = lineStart;
  return !WITHOUT_QUOTES.test(text);
}

/** One walk over all header lines, for the few messages that have a NUL in one. */
function hasBareNul(text: string, start: number, end: number): boolean {
  let canQuote = mayQuote(text, start);
  let isQuoted = false;
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code === 0) return true;
    if (code === DQUOTE) isQuoted = canQuote && !isQuoted;
    else if (code === BACKSLASH && isQuoted) i++;
    else if (code === LF && !isBlankAt(text, i + 1)) {
      canQuote = mayQuote(text, i + 1);
      isQuoted = false;
    }
  }
  return false;
}
