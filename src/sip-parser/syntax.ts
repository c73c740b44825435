/** The character classes and small scanners of RFC 3261 §25.1 that every header field shares. Knows no header field. */

export const HTAB = 9;
export const LF = 10;
export const CR = 13;
export const SP = 32;
export const DQUOTE = 34;
export const COMMA = 44;
export const DOT = 46;
export const SLASH = 47;
export const COLON = 58;
export const SEMICOLON = 59;
export const LAQUOT = 60;
export const EQUAL = 61;
export const RAQUOT = 62;
export const QUESTION = 63;
export const AT = 64;
export const LBRACKET = 91;
export const BACKSLASH = 92;
export const RBRACKET = 93;

/** A table of 256 flags: 1 where the octet belongs to the class. An index beyond it (NaN at the end of a text) reads as no member. */
export type CharClass = Uint8Array;

const ALPHANUM = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

export function charClass(members: string): CharClass {
  const table = new Uint8Array(256);
  for (let i = 0; i < members.length; i++) table[members.charCodeAt(i)] = 1;
  return table;
}

/** token, §25.1. */
export const TOKEN = charClass(`${ALPHANUM}-.!%*_+\`'~`);

/** Host names and IPv4 addresses. No RFC allows the underscore, but administrators of Windows use it. */
export const HOST = charClass(`${ALPHANUM}-._`);

export const HEX = charClass('0123456789abcdefABCDEF');

/** What an IPv6 address may be written with (IPv4 tail included). */
export const IPV6 = charClass('0123456789abcdefABCDEF:.');

/** What may stand in a URI: all but control octets, white space and the delimiters `<` `>` `"`. Raw UTF-8 is let through. */
export const URI = uriClass();

function uriClass(): CharClass {
  const table = new Uint8Array(256).fill(1, 0x21);
  for (const delimiter of '<>"\x7f') table[delimiter.charCodeAt(0)] = 0;
  return table;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** White space inside a header field's value: CR and LF are there only as part of folding (§7.3.1). */
function isLws(code: number): boolean {
  return code === SP || code === HTAB || code === CR || code === LF;
}

/** Usually one comparison, so that it costs nothing to allow white space wherever the grammar does. */
export function skipLws(text: string, pos: number, end: number): number {
  return pos >= end || text.charCodeAt(pos) > SP ? pos : skipMoreLws(text, pos, end);
}

function skipMoreLws(text: string, pos: number, end: number): number {
  let i = pos;
  while (i < end && isLws(text.charCodeAt(i))) i++;
  return i;
}

/** The end of `[start, end)` without its trailing white space. */
export function trimmedEnd(text: string, start: number, end: number): number {
  let i = end;
  while (i > start && isLws(text.charCodeAt(i - 1))) i--;
  return i;
}

/** The first position at or behind `pos` whose octet is not in the class. */
export function skipClass(text: string, pos: number, end: number, members: CharClass): number {
  let i = pos;
  while (i < end && members[text.charCodeAt(i)] === 1) i++;
  return i;
}

export function skipDigits(text: string, pos: number, end: number): number {
  let i = pos;
  while (i < end && isDigit(text.charCodeAt(i))) i++;
  return i;
}

export function isToken(text: string): boolean {
  return text.length > 0 && skipClass(text, 0, text.length, TOKEN) === text.length;
}

/** Just behind the closing quote of the quoted string that opens at `pos`; -1 when it is never closed. */
export function quotedStringEnd(text: string, pos: number, end: number): number {
  for (let i = pos + 1; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code === DQUOTE) return i + 1;
    if (code === BACKSLASH) i++;
  }
  return -1;
}

/** More digits than a double keeps exactly: every such number is too large for any SIP field. */
const EXACT_DIGITS = 15;

/** The number that `[start, end)` spells in digits only; undefined otherwise; saturated when longer than any field's range. */
export function parseDecimal(text: string, start: number, end: number): number | undefined {
  if (start >= end) return undefined;
  let value = 0;
  let digits = 0;
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) return undefined;
    value = value * 10 + digit;
    if (value > 0) digits++;
    if (digits > EXACT_DIGITS) value = Number.MAX_SAFE_INTEGER;
  }
  return value;
}

/** True when `[start, end)` spells `lower` (ASCII, lower case letters) in any case. */
export function equalsIgnoreCase(text: string, start: number, end: number, lower: string): boolean {
  if (end - start !== lower.length) return false;
  for (let i = 0; i < lower.length; i++) {
    const code = text.charCodeAt(start + i);
    const wanted = lower.charCodeAt(i);
    if (code !== wanted && (code < 65 || (code | 32) !== wanted)) return false;
  }
  return true;
}

/** `[start, end)` in lower case; without a second copy when it already is. */
export function lowerSlice(text: string, start: number, end: number): string {
  const slice = text.slice(start, end);
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code >= 65 && code <= 90) return lowerLetters(slice);
  }
  return slice;
}

/** Octets above 127 are UTF-8 fragments, which `toLowerCase` would change; so ASCII only. */
function lowerLetters(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

export function asciiLower(text: string): string {
  return lowerSlice(text, 0, text.length);
}

/** A value with each folding (CRLF and the white space around it) made one SP, as §7.3.1 equates them. */
export function unfold(value: string): string {
  return value.includes('\n') ? value.split('\r\n').map(trimFold).join(' ') : value;
}

function trimFold(part: string, index: number, parts: readonly string[]): string {
  const start = index === 0 ? 0 : skipLws(part, 0, part.length);
  const end = index === parts.length - 1 ? part.length : trimmedEnd(part, start, part.length);
  return part.slice(start, end);
}
