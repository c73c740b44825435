/** SIP and SIPS URIs (RFC 3261 §19.1, §25.1); of all other schemes only the name. */

import { isIPv6 } from 'node:net';
import { canonicalAddress } from '../net/host.ts';
import {
  AT,
  asciiLower,
  COLON,
  charClass,
  DOT,
  EQUAL,
  equalsIgnoreCase,
  HEX,
  HOST,
  IPV6,
  LBRACKET,
  lowerSlice,
  parseDecimal,
  QUESTION,
  RBRACKET,
  SEMICOLON,
  skipClass,
  skipDigits,
  URI,
} from './syntax.ts';

/** A sip or sips URI. `as sent` means that `%XX` is not decoded. */
export interface SipUri {
  readonly scheme: 'sip' | 'sips';
  /** As sent; undefined without a user part. It may hold `;`, `?` and `/`. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** In the one spelling that hosts are compared by (see `hostAt`). */
  readonly host: string;
  /** 0 to 65535; undefined when the URI names none. */
  readonly port: number | undefined;
  readonly hasLr: boolean;
  /** The `transport` parameter in lower case. */
  readonly transport: string | undefined;
  /** Spelt as `host` is; empty when the parameter has an empty value. */
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
  const at = text.indexOf('@', start);
  if (start === 0 || (at >= 0 && !isUserInfo(text, start, at)) || !hasWholeEscapes(text)) return undefined;
  const hostStart = at < 0 ? start : at + 1;
  const hostEnd = findHostEnd(text, hostStart, text.length);
  const portEnd = hostEnd < 0 ? -1 : findPortEnd(text, hostEnd);
  const paramsEnd = portEnd < 0 ? -1 : findParamsEnd(text, portEnd);
  if (paramsEnd < 0 || skipClass(text, paramsEnd, text.length, URI) < text.length) return undefined;
  return new ParsedSipUri(text, start, at, hostStart, hostEnd, portEnd, paramsEnd);
}

const SIP_SCHEME = 'sip:'.length;
const SIPS_SCHEME = 'sips:'.length;

/** Offset behind `sip:` or `sips:`, 0 when the scheme is another. */
function afterScheme(text: string): number {
  if (text.startsWith('sip:') || equalsIgnoreCase(text, 0, SIP_SCHEME, 'sip:')) return SIP_SCHEME;
  return equalsIgnoreCase(text, 0, SIPS_SCHEME, 'sips:') ? SIPS_SCHEME : 0;
}

/** A user, and perhaps a password behind a colon. */
function isUserInfo(text: string, start: number, at: number): boolean {
  return at > start && text.charCodeAt(start) !== COLON && skipClass(text, start, at, URI) === at;
}

/** `%` must be followed by two hexadecimal digits (escaped, §25.1). */
function hasWholeEscapes(text: string): boolean {
  for (let i = text.indexOf('%'); i >= 0; i = text.indexOf('%', i + 1)) {
    if (HEX[text.charCodeAt(i + 1)] !== 1 || HEX[text.charCodeAt(i + 2)] !== 1) return false;
  }
  return true;
}

/** Behind the host name, IPv4 address or IPv6 reference that stands at `start`; -1 when none does. */
export function findHostEnd(text: string, start: number, limit: number): number {
  if (text.charCodeAt(start) === LBRACKET) return ipv6ReferenceEnd(text, start, limit);
  const end = skipClass(text, start, limit, HOST);
  return end > start ? end : -1;
}

/** Just behind the `]` of the IPv6 reference that opens at `start`; -1 when it is none. */
function ipv6ReferenceEnd(text: string, start: number, limit: number): number {
  const end = skipClass(text, start + 1, limit, IPV6);
  return end < limit && text[end] === ']' && isIPv6(text.slice(start + 1, end)) ? end + 1 : -1;
}

const HIGHEST_PORT = 65_535;

/** Behind the port, or `hostEnd` when there is none; -1 when it is no number from 0 to 65535. */
function findPortEnd(text: string, hostEnd: number): number {
  if (hostEnd === text.length || text.charCodeAt(hostEnd) !== COLON) return hostEnd;
  const end = skipDigits(text, hostEnd + 1, text.length);
  return isPort(parseDecimal(text, hostEnd + 1, end)) ? end : -1;
}

export function isPort(value: number | undefined): boolean {
  return value !== undefined && value <= HIGHEST_PORT;
}

/** What a URI parameter may hold: no delimiter of the URI itself. */
const PARAMETER = URI.map((flag, code) => (code === SEMICOLON || code === QUESTION || code === AT ? 0 : flag));

/** Where the headers part or the URI ends; -1 when something else than parameters follows, or one has no name. */
function findParamsEnd(text: string, start: number): number {
  let pos = start;
  while (pos < text.length && text.charCodeAt(pos) === SEMICOLON) {
    const end = skipClass(text, pos + 1, text.length, PARAMETER);
    if (end === pos + 1 || text.charCodeAt(pos + 1) === EQUAL) return -1;
    pos = end;
  }
  return pos === text.length || text.charCodeAt(pos) === QUESTION ? pos : -1;
}

/**
 * A SIP URI without its port and without some of its parameters; all else as sent.
 * @param text one that `parseSipUri` reads
 * @param names lower case
 */
export function withoutPortAndParameters(text: string, names: ReadonlySet<string>): string {
  const start = afterScheme(text);
  const at = text.indexOf('@', start);
  const hostEnd = findHostEnd(text, at < 0 ? start : at + 1, text.length);
  let kept = text.slice(0, hostEnd);
  let pos = findPortEnd(text, hostEnd);
  while (text.charCodeAt(pos) === SEMICOLON) {
    const end = skipClass(text, pos + 1, text.length, PARAMETER);
    const name = decodeEscapes(text.slice(pos + 1, findEqual(text, pos + 1, end)));
    if (!names.has(asciiLower(name))) kept += text.slice(pos, end);
    pos = end;
  }
  return kept + text.slice(pos);
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

  /** `start` is behind the scheme's colon, `at` -1 without a user part. */
  constructor(
    text: string,
    start: number,
    at: number,
    hostStart: number,
    hostEnd: number,
    portEnd: number,
    paramsEnd: number,
  ) {
    const userEnd = at < 0 ? start : passwordColon(text, start, at);
    this.text = text;
    this.scheme = start === SIP_SCHEME ? 'sip' : 'sips';
    this.user = at < 0 ? undefined : text.slice(start, userEnd);
    this.password = userEnd < at ? text.slice(userEnd + 1, at) : undefined;
    this.host = hostAt(text, hostStart, hostEnd);
    this.port = portEnd > hostEnd ? parseDecimal(text, hostEnd + 1, portEnd) : undefined;
    this.paramsStart = portEnd;
    this.paramsEnd = paramsEnd;
    this.hasHeaders = paramsEnd < text.length;
  }

  /** Loose routing (§19.1.1): some write `lr=on`, `lr=true`. */
  get hasLr(): boolean {
    return this.find('lr') !== undefined;
  }

  get transport(): string | undefined {
    const value = this.find('transport');
    return value == null ? undefined : lowerSlice(value, 0, value.length);
  }

  get maddr(): string | undefined {
    const value = this.find('maddr');
    if (value == null) return undefined;
    // Some write an IPv6 address there without brackets.
    return isIPv6(value) ? ipv6At(value, 0, value.length) : hostAt(value, 0, value.length);
  }

  param(name: string): string | null | undefined {
    return this.find(asciiLower(name));
  }

  /** Names are compared without case, and an escaped letter is that letter (§19.1.4, RFC 4475 §3.1.1.3). */
  private find(lower: string): string | null | undefined {
    const { text, paramsStart, paramsEnd } = this;
    const hasEscapes = text.includes('%', paramsStart);
    for (let pos = paramsStart; pos < paramsEnd; ) {
      const end = skipClass(text, pos + 1, paramsEnd, PARAMETER);
      const nameEnd = findEqual(text, pos + 1, end);
      const isSame =
        equalsIgnoreCase(text, pos + 1, nameEnd, lower) ||
        (hasEscapes && asciiLower(decodeEscapes(text.slice(pos + 1, nameEnd))) === lower);
      if (isSame) return nameEnd < end ? text.slice(nameEnd + 1, end) : null;
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

/**
 * A host in the one spelling that it is compared by: lower case; a name without the final dot, which only says that it is
 * whole (RFC 1034 §3.1, RFC 3261 §25.1); an IPv6 address without brackets, as RFC 5952 writes it (RFC 5954 §4.2). What leaves
 * stays as it came.
 */
export function hostAt(text: string, start: number, end: number): string {
  if (text.charCodeAt(start) === LBRACKET && text.charCodeAt(end - 1) === RBRACKET)
    return ipv6At(text, start + 1, end - 1);
  const hasFinalDot = text.charCodeAt(end - 1) === DOT && end - start > 1;
  return lowerSlice(text, start, hasFinalDot ? end - 1 : end);
}

function ipv6At(text: string, start: number, end: number): string {
  const address = text.slice(start, end);
  return isIPv6(address) ? canonicalAddress(address) : asciiLower(address);
}

function decodeEscapes(text: string): string {
  return text.replace(/%[0-9a-f]{2}/gi, (octet) => String.fromCharCode(Number.parseInt(octet.slice(1), 16)));
}
