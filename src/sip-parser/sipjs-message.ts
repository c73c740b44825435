/** Whole messages in the shape of npm `sip`: parse, answer and copy. */
import { randomBytes } from 'node:crypto';
import { canonicalName } from './header-index.ts';
import { eachHeaderLine } from './header-lines.ts';
import { parseMessage, type SipRequest, type SipResponse } from './message.ts';
import { emptyMap, type SipJsAnyUri } from './sipjs-uri.ts';
import {
  Cursor,
  readAddress,
  readAuthenticationInfo,
  readChallenge,
  readContentLength,
  readCSeq,
  readListedAddress,
  readRoute,
  readVia,
  type SipJsAddress,
  type SipJsChallenge,
  type SipJsCSeq,
  type SipJsVia,
} from './sipjs-values.ts';

/** The headers that are more than text. */
export interface SipJsStructuredHeaders {
  via?: SipJsVia[] | undefined;
  from?: SipJsAddress | undefined;
  to?: SipJsAddress | undefined;
  'refer-to'?: SipJsAddress | undefined;
  /** `Contact: *` is one address whose uri is `'*'`. */
  contact?: SipJsAddress[] | undefined;
  route?: SipJsAddress[] | undefined;
  'record-route'?: SipJsAddress[] | undefined;
  path?: SipJsAddress[] | undefined;
  cseq?: SipJsCSeq | undefined;
  /** Octets. */
  'content-length'?: number | undefined;
  'www-authenticate'?: SipJsChallenge[] | undefined;
  'proxy-authenticate'?: SipJsChallenge[] | undefined;
  authorization?: SipJsChallenge[] | undefined;
  'proxy-authorization'?: SipJsChallenge[] | undefined;
  'authentication-info'?: SipJsChallenge | undefined;
}

type SipJsStructuredValue = NonNullable<SipJsStructuredHeaders[keyof SipJsStructuredHeaders]>;

/**
 * By full name in lower case, in order of first appearance. All headers but the structured ones are text as sent, folding
 * kept, repeats joined with `,`. The object that `parse` makes has no prototype.
 */
export interface SipJsHeaders extends SipJsStructuredHeaders {
  'call-id'?: string | undefined;
  [name: string]: string | SipJsStructuredValue | undefined;
}

/** Something of the text that is wrong, and mostly therefore not in `headers`. */
export interface SipJsProblem {
  /** Full name, lower case; `''` when it is the start line, or a line that is no header. */
  readonly header: string;
  readonly detail: string;
}

interface SipJsCommon {
  /** `'2.0'` */
  version?: string | undefined;
  headers: SipJsHeaders;
  /** One character per octet. */
  content?: string | undefined;
  /** Only there when `parse` found something wrong; each header that it had to leave out, wholly or in part, is named. */
  problems?: readonly SipJsProblem[];
}

export interface SipJsRequest extends SipJsCommon {
  method: string;
  /** Text as sent when it comes from `parse`. */
  uri: string | SipJsAnyUri;
  status?: undefined;
}

export interface SipJsResponse extends SipJsCommon {
  status: number;
  reason: string;
  method?: undefined;
}

export type SipJsMessage = SipJsRequest | SipJsResponse;

/**
 * Reads one whole message. Text is taken as one character per octet (latin1).
 * @returns `undefined` when there is no SIP start line or no empty line behind the headers. Never throws: whoever refuses
 * bad messages looks at `problems`, for a request still has to be answered with 400 (RFC 3261 §21.4.1).
 */
export function parse(data: string | Uint8Array): SipJsMessage | undefined {
  const message = parseMessage(latin1(data));
  return message && toSipJs(message);
}

/** The whole of a message that is read already. */
export function toSipJs(message: SipRequest | SipResponse): SipJsMessage | undefined {
  const start = readStartLine(message);
  if (!start || !message.text.startsWith('\r\n', message.headersEnd)) return undefined;
  const { problem, hasOddLine } = message.index;
  const oddLine = hasOddLine ? 'a header line without name and colon' : undefined;
  const problems = [message.startLineProblem, problem ?? oddLine]
    .filter(isGiven)
    .map((detail) => ({ header: '', detail }));
  const headers = readHeaders(message, problems);
  const read = { ...start, version: message.version.slice('SIP/'.length), headers, content: message.body };
  return problems.length > 0 ? { ...read, problems } : read;
}

/** One character per octet; text passes as it is. */
export function latin1(data: string | Uint8Array): string {
  return typeof data === 'string'
    ? data
    : Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1');
}

function isGiven(detail: string | undefined): detail is string {
  return detail !== undefined;
}

/** Users of npm `sip` know a response by a status that is not 0. */
function readStartLine(message: SipRequest | SipResponse) {
  if (message.kind === 'request') return { method: message.method, uri: message.requestUri };
  return message.status === 0 ? undefined : { status: message.status, reason: message.reason };
}

function readHeaders(message: SipRequest | SipResponse, problems: SipJsProblem[]): SipJsHeaders {
  const headers = emptyMap() as SipJsHeaders;
  for (const { name, value } of eachHeaderLine(message.text, message.startLineEnd, message.headersEnd)) {
    const header = canonicalName(name);
    const detail = takeValue(headers, header, value);
    if (detail !== undefined) problems.push({ header, detail });
  }
  return headers;
}

type Read<Value> = (cursor: Cursor) => Value | undefined;
type ListedValue = SipJsVia | SipJsAddress | SipJsChallenge;

const singles: ReadonlyMap<string, Read<SipJsStructuredValue>> = new Map<string, Read<SipJsStructuredValue>>([
  ['from', readAddress],
  ['to', readAddress],
  ['refer-to', readAddress],
  ['cseq', readCSeq],
  ['content-length', readContentLength],
  ['authentication-info', readAuthenticationInfo],
]);

const lists: ReadonlyMap<string, Read<ListedValue>> = new Map<string, Read<ListedValue>>([
  ['via', readVia],
  ['contact', readListedAddress],
  ['route', readRoute],
  ['record-route', readRoute],
  ['path', readRoute],
  ['www-authenticate', readChallenge],
  ['proxy-authenticate', readChallenge],
  ['authorization', readChallenge],
  ['proxy-authorization', readChallenge],
]);

/** Adds one header line's value; gives back what is wrong with it. */
function takeValue(headers: SipJsHeaders, name: string, text: string): string | undefined {
  const readSingle = singles.get(name);
  if (readSingle) return takeSingle(headers, name, readSingle, text);
  const readListed = lists.get(name);
  if (readListed) return takeList(headers, name, readListed, text);
  headers[name] = headers[name] ? `${headers[name]},${text}` : text;
  return undefined;
}

/** The first of several lines counts, as everywhere in this parser: the body was cut by the first Content-Length. */
function takeSingle(
  headers: SipJsHeaders,
  name: string,
  read: Read<SipJsStructuredValue>,
  text: string,
): string | undefined {
  const cursor = new Cursor(text);
  const value = read(cursor);
  if (value === undefined) return leftOut(text);
  if (headers[name] !== undefined) return `repeated, ${leftOut(text)}`;
  headers[name] = value;
  return ignoredRest(cursor);
}

/** All values of a line, or none of them when one is bad: half a route set would lead elsewhere. */
function takeList(headers: SipJsHeaders, name: string, readOne: Read<ListedValue>, text: string): string | undefined {
  const cursor = new Cursor(text);
  const values: ListedValue[] = [];
  do {
    const value = readOne(cursor);
    if (value === undefined) return leftOut(text);
    values.push(value);
  } while (!cursor.isAtEnd && cursor.takeMark(','));
  const earlier = (headers[name] ?? []) as ListedValue[];
  for (const value of values) earlier.push(value);
  headers[name] = earlier as SipJsStructuredValue;
  return ignoredRest(cursor);
}

function ignoredRest(cursor: Cursor): string | undefined {
  cursor.skipSpace();
  return cursor.isAtEnd ? undefined : `ignored from ${excerpt(cursor.rest)}`;
}

function leftOut(text: string): string {
  return `left out: ${excerpt(text)}`;
}

/** Long enough to find the place, short enough for a log line. */
const EXCERPT_LENGTH = 60;

function excerpt(text: string): string {
  return JSON.stringify(text.slice(0, EXCERPT_LENGTH));
}

/**
 * Makes a response to a request (RFC 3261 §8.2.6.2). Via, To, From, Call-ID and CSeq are the request's own objects, so a tag
 * that is put on the response's To stands in the request as well, as in npm `sip`.
 */
export function makeResponse(
  request: SipJsRequest,
  status: number,
  reason = '',
  extension?: { headers?: SipJsHeaders; content?: string },
): SipJsResponse {
  const { via, to, from, 'call-id': callId, cseq } = request.headers;
  const headers = Object.assign(
    emptyMap(),
    { via, to, from, 'call-id': callId, cseq },
    extension?.headers,
  ) as SipJsHeaders;
  return { status, reason, version: request.version, headers, content: extension?.content };
}

/** A copy whose headers and Via list can be changed without touching the original; with `isDeep`, everything in it too. */
export function copyMessage<Message extends SipJsMessage>(message: Message, isDeep = false): Message {
  if (isDeep) return deepCopy(message);
  const headers = Object.assign(emptyMap(), message.headers) as SipJsHeaders;
  headers.via = message.headers.via?.slice();
  return { ...message, headers };
}

function deepCopy<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(deepCopy) as Value;
  const copy = Object.create(Object.getPrototypeOf(value)) as Record<string, unknown>;
  for (const [name, inner] of Object.entries(value)) copy[name] = deepCopy(inner);
  return copy as Value;
}

/** RFC 3261 §8.1.1.7 wants a branch that is unique across space and time: 96 random bits behind the magic cookie. */
export function generateBranch(): string {
  return `z9hG4bK${randomBytes(12).toString('hex')}`;
}
