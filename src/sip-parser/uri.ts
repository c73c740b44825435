/** SIP and SIPS URIs (RFC 3261 §19.1, §25.1); of all other schemes only the name. */
import { isIPv6 } from 'node:net';
import {
  asciiLower,
  COLON,
  charClass,
  EQUAL,
  equalsIgnoreCase,
  HEX,
  HOST,
  IPV6,
  LBRACKET,
  lowerSlice,
  PERCENT,
  parseDecimal,
  QUESTION,
  SEMICOLON,
  skipClass,
  URI,
} from './syntax.ts';

/** A sip or sips URI. `as sent` means that `%XX` is not decoded. */
export interface SipUri {
  readonly scheme: 'sip' | 'sips';
  /** As sent; undefined without a user part. It may hold `;`, `?` and `/`. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Lower case; an IPv6 address without its brackets. */
  readonly host: string;
  /** 0 to 65535; undefined when the URI names none. */
  readonly port: number | undefined;
  readonly hasLr: boolean;
  /** The `transport` parameter in lower case. */
  readonly transport: string | undefined;
  readonly maddr: string | undefined;
  /** There is a `?name=value` part. */
  readonly hasHeaders: boolean;
  /** The value of a URI parameter, as sent; null when it has no value, undefined when it is absent. */
  param(name: string): string | null | undefined;
}

const SCHEME = charClass('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-.');

/** The scheme of any URI in lower case; undefined when `uri` does not begin with one. */
export function schemeOf(uri: string): string | undefined {
  const colon = skipClass(uri, 0, uri.length, SCHEME);
  if (colon === 0 || uri.charCodeAt(colon) !== COLON || !isAlpha(uri.charCodeAt(0))) return undefined;
  return lowerSlice(uri, 0, colon);
}

function isAlpha(code: number): boolean {
  const lower = code | 32;
  return lower >= 97 && lower <= 122;
}

/** Reads a sip or sips URI. Undefined for every other scheme and for one that is not well formed (port above 65535 too). */
export function parseSipUri(text: string): SipUri | undefined {
  const start = afterScheme(text);
  if (start === 0 || !hasLegalOctets(text, start)) return undefined;
  const at = text.indexOf('@', start);
  if (at === start || (at >= 0 && text.indexOf('@', at + 1) >= 0)) return undefined;
  const hostStart = at < 0 ? start : at + 1;
  const hostEnd = findHostEnd(text, hostStart);
  if (hostEnd < 0) return undefined;
  const portEnd = findPortEnd(text, hostEnd);
  const paramsEnd = portEnd < 0 ? -1 : findParamsEnd(text, portEnd);
  if (paramsEnd < 0 || (at >= 0 && text.charCodeAt(start) === COLON)) return undefined;
  return new ParsedSipUri(text, { start, at, hostStart, hostEnd, portEnd, paramsEnd });
}

const SIP_SCHEME = 'sip:'.length;
const SIPS_SCHEME = 'sips:'.length;

/** Offset behind `sip:` or `sips:`, 0 when the scheme is another. */
function afterScheme(text: string): number {
  if (text.startsWith('sip:') || equalsIgnoreCase(text, 0, SIP_SCHEME, 'sip:')) return SIP_SCHEME;
  return equalsIgnoreCase(text, 0, SIPS_SCHEME, 'sips:') ? SIPS_SCHEME : 0;
}

function hasLegalOctets(text: string, start: number): boolean {
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (URI[code] !== 1 || (code === PERCENT && !isEscape(text, i))) return false;
  }
  return true;
}

function isEscape(text: string, percent: number): boolean {
  return HEX[text.charCodeAt(percent + 1)] === 1 && HEX[text.charCodeAt(percent + 2)] === 1;
}

/** -1 when no host stands at `start`. */
function findHostEnd(text: string, start: number): number {
  if (text.charCodeAt(start) === LBRACKET) return ipv6ReferenceEnd(text, start, text.length);
  const end = skipClass(text, start, text.length, HOST);
  return end > start ? end : -1;
}

/** Just behind the `]` of the IPv6 reference that opens at `start`; -1 when it is none. */
export function ipv6ReferenceEnd(text: string, start: number, limit: number): number {
  const end = skipClass(text, start + 1, limit, IPV6);
  return end < limit && text[end] === ']' && isIPv6(text.slice(start + 1, end)) ? end + 1 : -1;
}

const HIGHEST_PORT = 65_535;

/** Behind the port, or `hostEnd` when there is none; -1 when it is no number from 0 to 65535. */
function findPortEnd(text: string, hostEnd: number): number {
  if (text.charCodeAt(hostEnd) !== COLON) return hostEnd;
  const end = endOfComponent(text, hostEnd + 1);
  return isPort(parseDecimal(text, hostEnd + 1, end)) ? end : -1;
}

export function isPort(value: number | undefined): boolean {
  return value !== undefined && value <= HIGHEST_PORT;
}

function endOfComponent(text: string, start: number): number {
  let i = start;
  while (i < text.length && text.charCodeAt(i) !== SEMICOLON && text.charCodeAt(i) !== QUESTION) i++;
  return i;
}

/** Where the headers part or the URI ends; -1 when something else than parameters follows, or one has no name. */
function findParamsEnd(text: string, start: number): number {
  let pos = start;
  while (text.charCodeAt(pos) === SEMICOLON) {
    const end = endOfComponent(text, pos + 1);
    if (end === pos + 1 || text.charCodeAt(pos + 1) === EQUAL) return -1;
    pos = end;
  }
  return pos === text.length || text.charCodeAt(pos) === QUESTION ? pos : -1;
}

interface Offsets {
  /** Behind the scheme's colon. */
  readonly start: number;
  /** Of the `@`, -1 without a user part. */
  readonly at: number;
  readonly hostStart: number;
  readonly hostEnd: number;
  readonly portEnd: number;
  readonly paramsEnd: number;
}

class ParsedSipUri implements SipUri {
  readonly scheme: 'sip' | 'sips';
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly host: string;
  readonly port: number | undefined;
  readonly hasHeaders: boolean;
  private readonly text: string;
  private readonly paramsStart: number;
  private readonly paramsEnd: number;

  constructor(text: string, { start, at, hostStart, hostEnd, portEnd, paramsEnd }: Offsets) {
    const userEnd = at < 0 ? start : passwordColon(text, start, at);
    this.text = text;
    this.scheme = start === SIP_SCHEME ? 'sip' : 'sips';
    this.user = at < 0 ? undefined : text.slice(start, userEnd);
    this.password = userEnd < at ? text.slice(userEnd + 1, at) : undefined;
    this.host = hostWithoutBrackets(text, hostStart, hostEnd);
    this.port = parseDecimal(text, hostEnd + 1, portEnd);
    this.paramsStart = portEnd;
    this.paramsEnd = paramsEnd;
    this.hasHeaders = paramsEnd < text.length;
  }

  /** Loose routing (§19.1.1): some write `lr=on`, `lr=true`. */
  get hasLr(): boolean {
    return this.param('lr') !== undefined;
  }

  get transport(): string | undefined {
    const value = this.param('transport');
    return value == null ? undefined : lowerSlice(value, 0, value.length);
  }

  get maddr(): string | undefined {
    return this.param('maddr') ?? undefined;
  }

  param(name: string): string | null | undefined {
    const { text, paramsEnd } = this;
    const lower = asciiLower(name);
    for (let pos = this.paramsStart; pos < paramsEnd; ) {
      const end = Math.min(endOfComponent(text, pos + 1), paramsEnd);
      const nameEnd = findEqual(text, pos + 1, end);
      if (isSameName(text, pos + 1, nameEnd, lower)) return nameEnd < end ? text.slice(nameEnd + 1, end) : null;
      pos = end;
    }
    return undefined;
  }
}

function findEqual(text: string, start: number, end: number): number {
  let i = start;
  while (i < end && text.charCodeAt(i) !== EQUAL) i++;
  return i;
}

/** `:` may not stand unescaped in a user, so the first one begins the password. */
function passwordColon(text: string, start: number, at: number): number {
  const colon = text.indexOf(':', start);
  return colon < 0 || colon > at ? at : colon;
}

export function hostWithoutBrackets(text: string, start: number, end: number): string {
  return text.charCodeAt(start) === LBRACKET ? lowerSlice(text, start + 1, end - 1) : lowerSlice(text, start, end);
}

/** Names are compared without case, and an escaped letter is that letter (§19.1.4, RFC 4475 §3.1.1.3). */
function isSameName(text: string, start: number, end: number, lower: string): boolean {
  if (equalsIgnoreCase(text, start, end, lower)) return true;
  const sent = text.slice(start, end);
  return sent.includes('%') && asciiLower(decodeEscapes(sent)) === lower;
}

function decodeEscapes(text: string): string {
  return text.replace(/%[0-9a-f]{2}/gi, (octet) => String.fromCharCode(Number.parseInt(octet.slice(1), 16)));
}
