/** Reads single header values into the objects of npm `sip`: name-addr, Via, CSeq, challenges and their parameters. */
import { emptyMap, parseUri, type SipJsAnyUri, type SipJsParams } from './sipjs-uri.ts';
import { type CharClass, charClass, quotedStringEnd, skipClass, skipLws, TOKEN, trimmedEnd } from './syntax.ts';
import { findHostEnd } from './uri.ts';

/** A value of From, To, Refer-To, Contact, Route, Record-Route or Path. */
export interface SipJsAddress {
  /** As sent, quotes and escapes kept: `'"Alice"'`. */
  name?: string | undefined;
  /** Text as sent, without `<>`; in Route, Record-Route and Path the parsed URI, or text when it is no URI. */
  uri: string | SipJsAnyUri;
  params?: SipJsParams;
}

export interface SipJsVia {
  /** `'2.0'` */
  version?: string;
  /** The transport as sent: `'UDP'`. */
  protocol: string;
  /** As sent; an IPv6 address keeps its brackets. */
  host: string;
  port?: number | undefined;
  params?: SipJsParams;
}

export interface SipJsCSeq {
  seq: number;
  method: string;
}

/** `scheme`, then each parameter by its name as sent; quoted values keep their quotes. */
export type SipJsChallenge = Record<string, string>;

/** A place in a header value. Every reader moves it over what it took, and leaves it where it was when there was nothing. */
export class Cursor {
  readonly text: string;
  at: number;

  constructor(text: string, at = 0) {
    this.text = text;
    this.at = at;
  }

  get isAtEnd(): boolean {
    return this.at >= this.text.length;
  }

  get rest(): string {
    return this.text.slice(this.at);
  }

  /** Folds included. */
  skipSpace(): void {
    this.at = skipLws(this.text, this.at, this.text.length);
  }

  /** Takes `mark` with the white space on both sides of it. */
  takeMark(mark: string): boolean {
    const at = skipLws(this.text, this.at, this.text.length);
    if (this.text[at] !== mark) return false;
    this.at = at + 1;
    this.skipSpace();
    return true;
  }

  /** The longest run of members; may be empty. */
  takeRun(members: CharClass): string {
    const start = this.at;
    this.at = skipClass(this.text, start, this.text.length, members);
    return this.text.slice(start, this.at);
  }

  /** A quoted string with its quotes; `''` when there is none or its end is missing. */
  takeQuoted(): string {
    const start = this.at;
    const end = this.text[start] === '"' ? quotedStringEnd(this.text, start, this.text.length) : -1;
    if (end < 0) return '';
    this.at = end;
    return this.text.slice(start, end);
  }
}

const SPACE = ' \t\r\n';
const DIGITS = charClass('0123456789');
const VERSION = charClass('0123456789.');
/** `gen-value` is a token or a host, and `via-received` an IPv6 address even without brackets (RFC 3261 §25.1). */
const PARAM_VALUE = either(TOKEN, '[]:');
const VISIBLE = allBut(SPACE);
const SENT_BY_NAME = allBut(`${SPACE};:,`);
const BARE_URI = allBut(`${SPACE};`);
const LISTED_BARE_URI = allBut(`${SPACE};,`);
const AUTH_NAME = allBut(`${SPACE},"=`);
const AUTH_VALUE = allBut(`${SPACE},"`);

function either(members: CharClass, more: string): CharClass {
  const others = charClass(more);
  return members.map((isMember, code) => isMember | (others[code] as number));
}

function allBut(marks: string): CharClass {
  return charClass(marks).map((isMark) => 1 - isMark);
}

/** `;name` and `;name=value`, names lower case; ends before the first thing that is neither. */
function readParams(cursor: Cursor): SipJsParams {
  const params = emptyMap<string | null>();
  for (let start = cursor.at; cursor.takeMark(';'); start = cursor.at) {
    const name = cursor.takeRun(TOKEN);
    if (name === '') {
      cursor.at = start;
      break;
    }
    params[name.toLowerCase()] = readParamValue(cursor);
  }
  return params;
}

function readParamValue(cursor: Cursor): string | null {
  const start = cursor.at;
  if (!cursor.takeMark('=')) return null;
  const value = cursor.takeQuoted() || cursor.takeRun(PARAM_VALUE);
  if (value === '') cursor.at = start;
  return value || null;
}

/**
 * Reads an address (name-addr or addr-spec with its parameters) from text, or from where a cursor of npm `sip`'s form stands,
 * which is moved behind it.
 * @returns `undefined` when there is none. Never throws.
 */
export function parseAOR(data: string | { s: string; i: number }): SipJsAddress | undefined {
  if (typeof data === 'string') return readAddress(new Cursor(data));
  const cursor = new Cursor(data.s, data.i);
  const address = readAddress(cursor);
  data.i = cursor.at;
  return address;
}

/** A From, To or Refer-To value; a comma in it does not end it. */
export function readAddress(cursor: Cursor): SipJsAddress | undefined {
  return readNameAddress(cursor, '<;', BARE_URI);
}

/** One value of a comma list of addresses. */
export function readListedAddress(cursor: Cursor): SipJsAddress | undefined {
  return readNameAddress(cursor, '<;,', LISTED_BARE_URI);
}

/** A Route, Record-Route or Path value. Its URI stays text when it is none: nothing of a route set may get lost. */
export function readRoute(cursor: Cursor): SipJsAddress | undefined {
  const address = readListedAddress(cursor);
  return address && { ...address, uri: parseUri(address.uri) ?? address.uri };
}

function readNameAddress(
  cursor: Cursor,
  endsOfName: string,
  bareUri: CharClass,
): (SipJsAddress & { uri: string }) | undefined {
  const name = readDisplayName(cursor, endsOfName);
  const isBracketed = cursor.takeMark('<');
  if (!isBracketed && name !== undefined) return undefined;
  const uri = isBracketed ? takeBracketed(cursor) : cursor.takeRun(bareUri);
  if (uri === undefined || (!isBracketed && uri === '')) return undefined;
  return { name, uri, params: readParams(cursor) };
}

/** A quoted string, or all text before a `<` that no other end precedes. */
function readDisplayName(cursor: Cursor, ends: string): string | undefined {
  const { text, at } = cursor;
  if (text[at] === '"') return cursor.takeQuoted();
  let end = at;
  while (end < text.length && !ends.includes(text[end] as string)) end += 1;
  if (text[end] !== '<') return undefined;
  cursor.at = end;
  return text.slice(at, trimmedEnd(text, at, end)) || undefined;
}

/** What stands before `>`, whose end the cursor passes. */
function takeBracketed(cursor: Cursor): string | undefined {
  const end = cursor.text.indexOf('>', cursor.at);
  if (end < 0) return undefined;
  const uri = cursor.text.slice(cursor.at, end);
  cursor.at = end + 1;
  return uri;
}

/** `SIP/2.0/UDP host:port;params`, white space allowed around each mark (RFC 4475 §3.1.1.1). */
export function readVia(cursor: Cursor): SipJsVia | undefined {
  if (cursor.takeRun(TOKEN).toUpperCase() !== 'SIP' || !cursor.takeMark('/')) return undefined;
  const version = cursor.takeRun(VERSION);
  if (version === '' || !cursor.takeMark('/')) return undefined;
  const protocol = cursor.takeRun(VISIBLE);
  cursor.skipSpace();
  const host = readSentByHost(cursor);
  if (protocol === '' || host === '') return undefined;
  return { version, protocol, host, port: readPort(cursor), params: readParams(cursor) };
}

/** A host as sent; `''` when there is none, or no IPv6 address in its brackets. */
function readSentByHost(cursor: Cursor): string {
  const { text, at } = cursor;
  if (text[at] !== '[') return cursor.takeRun(SENT_BY_NAME);
  cursor.at = Math.max(at, findHostEnd(text, at, text.length));
  return text.slice(at, cursor.at);
}

function readPort(cursor: Cursor): number | undefined {
  const start = cursor.at;
  const port = cursor.takeMark(':') ? cursor.takeRun(DIGITS) : '';
  if (port === '') cursor.at = start;
  return port === '' ? undefined : Number(port);
}

export function readCSeq(cursor: Cursor): SipJsCSeq | undefined {
  const seq = cursor.takeRun(DIGITS);
  cursor.skipSpace();
  const method = cursor.takeRun(VISIBLE);
  return seq === '' || method === '' ? undefined : { seq: Number(seq), method };
}

/** Digits only: what `Number` would take besides (`0x10`, `1e3`, `-1`) is no length (RFC 3261 §20.14). */
export function readContentLength(cursor: Cursor): number | undefined {
  const length = cursor.takeRun(DIGITS);
  cursor.skipSpace();
  return length === '' || !cursor.isAtEnd ? undefined : Number(length);
}

/** A challenge or credentials: a scheme and its parameters. A list of challenges ends before the comma of the next one. */
export function readChallenge(cursor: Cursor): SipJsChallenge | undefined {
  const scheme = cursor.takeRun(VISIBLE);
  cursor.skipSpace();
  const challenge = emptyMap<string>();
  challenge.scheme = scheme;
  return readAuthParams(cursor, challenge);
}

/** Authentication-Info: parameters without a scheme. */
export function readAuthenticationInfo(cursor: Cursor): SipJsChallenge | undefined {
  return readAuthParams(cursor, emptyMap<string>());
}

function readAuthParams(cursor: Cursor, into: SipJsChallenge): SipJsChallenge | undefined {
  if (!readAuthParam(cursor, into)) return undefined;
  for (let start = cursor.at; cursor.takeMark(','); start = cursor.at) {
    if (readAuthParam(cursor, into)) continue;
    cursor.at = start;
    break;
  }
  return into;
}

function readAuthParam(cursor: Cursor, into: SipJsChallenge): boolean {
  const name = cursor.takeRun(AUTH_NAME);
  const value = cursor.takeMark('=') ? cursor.takeQuoted() || cursor.takeRun(AUTH_VALUE) : '';
  if (value === '') return false;
  into[name] = value;
  cursor.skipSpace();
  return true;
}
