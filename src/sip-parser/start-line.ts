/** The start line (RFC 3261 §7.1, §7.2): liberal enough that a bad one can still be answered, and it says what is bad. */
import { readMethod } from './method.ts';
import { asciiLower, equalsIgnoreCase, HTAB, isToken, parseDecimal, SP, skipDigits } from './syntax.ts';

export interface RequestLine {
  readonly kind: 'request';
  readonly method: string;
  /** Where the Request-URI stands: a slice of this text would keep it alive beside that of the whole message. */
  readonly uriStart: number;
  readonly uriEnd: number;
  readonly version: string;
  /** Just behind the CRLF of the line. */
  readonly end: number;
  readonly problem: string | undefined;
}

export interface StatusLine {
  readonly kind: 'response';
  readonly version: string;
  /** 0 when the line has none that is a number. */
  readonly status: number;
  readonly reason: string;
  readonly end: number;
  readonly problem: string | undefined;
}

export const SIP_VERSION = 'SIP/2.0';
const REQUEST_LINE_TAIL = ' SIP/2.0';
const STATUS_LINE_HEAD = 'SIP/2.0 ';

/** Reads the first line of `text`. Undefined when it is no SIP start line at all. */
export function parseStartLine(text: string): RequestLine | StatusLine | undefined {
  const crlf = text.indexOf('\r\n');
  const lineEnd = crlf < 0 ? text.length : crlf;
  const end = Math.min(lineEnd + 2, text.length);
  if (startsWithSip(text)) return anyStatusLine(text.slice(0, lineEnd), end);
  return wellFormedRequestLine(text, lineEnd, end) ?? anyRequestLine(text.slice(0, lineEnd), end);
}

/** The usual case: two single SPs, the version as everybody writes it. */
function wellFormedRequestLine(text: string, lineEnd: number, end: number): RequestLine | undefined {
  const uriEnd = lineEnd - REQUEST_LINE_TAIL.length;
  const methodEnd = text.indexOf(' ');
  if (methodEnd < 0 || methodEnd + 1 >= uriEnd || !text.startsWith(REQUEST_LINE_TAIL, uriEnd)) return undefined;
  if (text.indexOf(' ', methodEnd + 1) !== uriEnd) return undefined;
  const method = readMethod(text, 0, methodEnd);
  if (method === undefined) return undefined;
  return { kind: 'request', method, uriStart: methodEnd + 1, uriEnd, version: SIP_VERSION, end, problem: undefined };
}

/** "SIP/" in any case, §7.1. */
function startsWithSip(text: string): boolean {
  return equalsIgnoreCase(text, 0, 4, 'sip/');
}

function canonicalVersion(version: string): string {
  return asciiLower(version) === 'sip/2.0' ? SIP_VERSION : version;
}

function anyRequestLine(line: string, end: number): RequestLine | undefined {
  const lineWithoutTail = line.trimEnd();
  const methodEnd = line.indexOf(' ');
  const uriEnd = lineWithoutTail.lastIndexOf(' ');
  const version = lineWithoutTail.slice(uriEnd + 1);
  const method = line.slice(0, methodEnd);
  if (methodEnd < 0 || uriEnd < methodEnd || !isToken(method) || !startsWithSip(version)) return undefined;
  const uriStart = methodEnd + 1;
  const problem = requestLineProblem(line.slice(uriStart, uriEnd), line.length > lineWithoutTail.length);
  return { kind: 'request', method, uriStart, uriEnd, version: canonicalVersion(version), end, problem };
}

/** §7.1: single SPs and no others; lenient readings of more differ (RFC 4475 §3.1.2.8 to §3.1.2.10). */
function requestLineProblem(requestUri: string, hasTail: boolean): string | undefined {
  if (hasTail) return 'white space at the end of the request line';
  if (requestUri === '') return 'no Request-URI';
  return /\s/.test(requestUri) ? 'white space around or in the Request-URI' : undefined;
}

/** `SIP/2.0 200` without the SP that should follow occurs; nobody can misread it, so it passes. */
function anyStatusLine(line: string, end: number): StatusLine | undefined {
  const versionEnd = line.indexOf(' ');
  if (versionEnd < 0) return undefined;
  const statusEnd = skipDigits(line, versionEnd + 1, line.length);
  const status = parseDecimal(line, versionEnd + 1, statusEnd) ?? 0;
  const problem = statusLineProblem(line, versionEnd + 1, statusEnd, status);
  const version = line.startsWith(STATUS_LINE_HEAD) ? SIP_VERSION : canonicalVersion(line.slice(0, versionEnd));
  return { kind: 'response', version, status, reason: line.slice(statusEnd + 1), end, problem };
}

function statusLineProblem(line: string, start: number, end: number, status: number): string | undefined {
  if (end - start !== 3 || status < 100 || status > 699) return 'status code not between 100 and 699';
  if (end < line.length && line[end] !== ' ') return 'no SP behind the status code';
  return hasControlOctet(line, end) ? 'a control octet in the reason phrase' : undefined;
}

/** HTAB may stand in a reason phrase (§25.1); a bare CR or LF ends the line for some, and a NUL the text. */
function hasControlOctet(line: string, start: number): boolean {
  for (let i = start; i < line.length; i++) {
    const code = line.charCodeAt(i);
    if ((code < SP && code !== HTAB) || code === DEL) return true;
  }
  return false;
}

const DEL = 127;
