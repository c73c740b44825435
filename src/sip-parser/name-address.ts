/** name-addr and addr-spec with their header parameters: From, To, Contact, Route, Record-Route (RFC 3261 §20, §25.1). */
import { ParameterCursor, PLAIN_VALUE } from './parameter-cursor.ts';
import {
  asciiLower,
  COMMA,
  charClass,
  DQUOTE,
  LAQUOT,
  quotedStringEnd,
  RAQUOT,
  SEMICOLON,
  skipClass,
  skipLws,
  TOKEN,
  URI,
} from './syntax.ts';
import { parseSipUri, type SipUri, schemeOf } from './uri.ts';

export interface NameAddress {
  /** Of the whole value, display name to last header parameter, in the message's text. */
  readonly start: number;
  readonly end: number;
  /** As sent, without `<` and `>`; any scheme. */
  readonly uri: string;
  /** The `tag` header parameter as sent; null when it has no value, undefined when it is absent. */
  readonly tag: string | null | undefined;
  /** Undefined unless it is a well-formed sip or sips URI. */
  readonly parsedUri: SipUri | undefined;
  /** A header parameter (never one of the URI): its value as sent, quotes included; null when it has none; undefined when absent. */
  param(name: string): string | null | undefined;
}

/** Reads the value that begins at `pos` in a header field that ends at `limit`; undefined when it is malformed. */
export function parseNameAddress(text: string, pos: number, limit: number): NameAddress | undefined {
  const start = skipLws(text, pos, limit);
  const laquot = findLaquot(text, start, limit);
  return laquot < 0 ? parseAddrSpec(text, start, limit) : parseNameAddr(text, start, laquot, limit);
}

/**
 * What an unquoted display name may hold: tokens and white space (§25.1); raw UTF-8, and separators that stand in no URI's
 * beginning, no list and no quoting, occur (`AT&T`) and mislead nobody.
 */
const DISPLAY_NAME = displayNameClass();

function displayNameClass(): Uint8Array {
  const table = charClass(' \t\r\n&/#$|^{}[]=?').map((flag, code) => flag | TOKEN[code]!);
  return table.fill(1, 0x80);
}

/** Offset of the `<` behind a display name, quoted or not; -1 when none stands there. */
function findLaquot(text: string, start: number, limit: number): number {
  const behindName =
    text.charCodeAt(start) === DQUOTE
      ? skipLws(text, quotedStringEnd(text, start, limit), limit)
      : skipClass(text, start, limit, DISPLAY_NAME);
  return behindName < limit && text.charCodeAt(behindName) === LAQUOT ? behindName : -1;
}

/** Between `<` and `>` even a URI without scheme is told apart (RFC 3666 §2.3 F14); who must follow it will find out. */
function parseNameAddr(text: string, start: number, laquot: number, limit: number): NameAddress | undefined {
  const uriEnd = skipBracketedUri(text, laquot + 1, limit);
  if (uriEnd === laquot + 1 || uriEnd >= limit || text.charCodeAt(uriEnd) !== RAQUOT) return undefined;
  return withParameters(text, start, text.slice(laquot + 1, uriEnd), uriEnd + 1, limit);
}

/** [MS-SIP] §4.5 has `;transport="tcp"` in a Contact. Quotes are let through in pairs only, so that no `>` hides in one. */
function skipBracketedUri(text: string, start: number, limit: number): number {
  let end = skipClass(text, start, limit, URI);
  while (end < limit && text.charCodeAt(end) === DQUOTE) {
    const closing = skipClass(text, end + 1, limit, URI);
    if (closing >= limit || text.charCodeAt(closing) !== DQUOTE) return end;
    end = skipClass(text, closing + 1, limit, URI);
  }
  return end;
}

/** Without `<` and `>` a semicolon begins the header parameters, and a comma the next value (§20). */
function parseAddrSpec(text: string, start: number, limit: number): NameAddress | undefined {
  let end = start;
  while (end < limit && URI[text.charCodeAt(end)] === 1 && !endsAddrSpec(text.charCodeAt(end))) end++;
  const uri = text.slice(start, end);
  return schemeOf(uri) === undefined ? undefined : withParameters(text, start, uri, end, limit);
}

function endsAddrSpec(code: number): boolean {
  return code === SEMICOLON || code === COMMA;
}

function withParameters(
  text: string,
  start: number,
  uri: string,
  paramsStart: number,
  limit: number,
): NameAddress | undefined {
  const tagEnd = usualTagEnd(text, paramsStart, limit);
  let tag: string | null | undefined = tagEnd < 0 ? undefined : text.slice(paramsStart + USUAL_TAG.length, tagEnd);
  const rest = tagEnd < 0 ? paramsStart : tagEnd;
  if (rest === limit) return new ParsedNameAddress(text, start, limit, uri, tag, paramsStart);
  const cursor = new ParameterCursor(text, rest, limit);
  while (cursor.next()) if (tag === undefined && cursor.isNamed('tag')) tag = cursor.value;
  return cursor.isMalformed ? undefined : new ParsedNameAddress(text, start, cursor.end, uri, tag, paramsStart);
}

const USUAL_TAG = ';tag=';

/** Where nearly everybody writes it, first and without white space or quotes; -1 when it does not stand there. */
function usualTagEnd(text: string, paramsStart: number, limit: number): number {
  if (!text.startsWith(USUAL_TAG, paramsStart)) return -1;
  const end = skipClass(text, paramsStart + USUAL_TAG.length, limit, PLAIN_VALUE);
  return end === paramsStart + USUAL_TAG.length ? -1 : end;
}

class ParsedNameAddress implements NameAddress {
  readonly start: number;
  readonly end: number;
  readonly uri: string;
  readonly tag: string | null | undefined;
  private readonly text: string;
  private readonly paramsStart: number;
  private sipUri: SipUri | undefined | null = null;

  constructor(
    text: string,
    start: number,
    end: number,
    uri: string,
    tag: string | null | undefined,
    paramsStart: number,
  ) {
    this.text = text;
    this.start = start;
    this.end = end;
    this.uri = uri;
    this.tag = tag;
    this.paramsStart = paramsStart;
  }

  get parsedUri(): SipUri | undefined {
    if (this.sipUri === null) this.sipUri = parseSipUri(this.uri);
    return this.sipUri;
  }

  param(name: string): string | null | undefined {
    const lower = asciiLower(name);
    const cursor = new ParameterCursor(this.text, this.paramsStart, this.end);
    while (cursor.next()) if (cursor.isNamed(lower)) return cursor.value;
    return undefined;
  }
}
