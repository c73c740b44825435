/**
 * A SIP message as one latin1 string (one char = one octet, body too) and an index of its header lines.
 * Typed values are read when first asked for, and kept. It judges nothing: `checkRequest` and `checkResponse` do.
 *
 * Every value is a slice of `text` and keeps all of it alive: copy what outlives the message.
 */
import { canonicalName, Header, type HeaderId, type HeaderIndex, indexHeaders, noteNul } from './header-index.ts';
import { eachHeaderLine } from './header-lines.ts';
import { readMethod } from './method.ts';
import { type NameAddress, parseNameAddress } from './name-address.ts';
import { parseStartLine, type RequestLine, type StatusLine } from './start-line.ts';
import { isToken, parseDecimal, skipDigits, skipLws, trimmedEnd, unfold } from './syntax.ts';
import { parseSipUri, type SipUri } from './uri.ts';
import { parseLooseList, parseValueList, type ValueList } from './value-list.ts';
import { parseLowerVia, parseVia, type Via } from './via.ts';

/** Not yet asked for; `undefined` means that there is no (well-formed) value. */
const UNREAD = null;
type Lazy<T> = T | undefined | typeof UNREAD;

/** The common half of requests and responses. All offsets count octets of `text`. */
export abstract class SipMessage {
  abstract readonly kind: 'request' | 'response';
  /** The whole message: start line to last octet of the body. Octets behind Content-Length are cut off (RFC 3261 §18.3). */
  readonly text: string;
  /** `SIP/2.0`, or what the start line has in its place. */
  readonly version: string;
  /** Just behind the CRLF of the start line. */
  readonly startLineEnd: number;
  /** Of the empty line's CRLF; the end of `text` when there is none. */
  readonly headersEnd: number;
  readonly bodyStart: number;
  /** Undefined when absent or no number. May be more than the octets that are there. */
  readonly contentLength: number | undefined;
  /** What is wrong with the start line, for people; undefined when nothing is. */
  readonly startLineProblem: string | undefined;

  /** Undefined after `restBare`. */
  private keptIndex: HeaderIndex | undefined;
  /** After `restBare`. */
  private keptTopVia: Via | undefined;
  private readVias: Lazy<ValueList<Via>> = UNREAD;
  private readCallId: Lazy<string> = UNREAD;
  private readCSeqNumber: Lazy<number> = UNREAD;
  /** Read with the number. */
  private readCSeqMethod: string | undefined;
  private readFrom: Lazy<NameAddress> = UNREAD;
  private readTo: Lazy<NameAddress> = UNREAD;
  private readFromTag: Lazy<string> = UNREAD;
  private readToTag: Lazy<string> = UNREAD;
  private readMaxForwards: Lazy<number> = UNREAD;
  private readRoutes: Lazy<ValueList<NameAddress>> = UNREAD;
  private readRecordRoutes: Lazy<ValueList<NameAddress>> = UNREAD;

  constructor(
    text: string,
    startLine: RequestLine | StatusLine,
    index: HeaderIndex,
    contentLength: number | undefined,
  ) {
    this.version = startLine.version;
    this.startLineEnd = startLine.end;
    this.startLineProblem = startLine.problem;
    this.keptIndex = index;
    this.headersEnd = index.headersEnd;
    this.bodyStart = Math.min(index.headersEnd + 2, text.length);
    this.contentLength = contentLength;
    this.text = cutBody(text, this.bodyStart, contentLength);
  }

  /** Where the header lines are, for checks and edits. */
  get index(): HeaderIndex {
    if (this.keptIndex === undefined) {
      this.keptIndex = indexHeaders(this.text, this.startLineEnd);
      noteNul(this.keptIndex, this.text, this.startLineEnd);
    }
    return this.keptIndex;
  }

  /**
   * For a message that has done its work and is only kept: lets go of what nobody is likely to ask for again. It is read
   * anew when somebody does.
   */
  restBare(): void {
    this.keptIndex = undefined;
    this.keptTopVia = this.topVia;
    this.readVias = UNREAD;
  }

  get topVia(): Via | undefined {
    return this.keptTopVia ?? this.vias[0];
  }

  /** Every value in order, comma lists flattened; ends before the first malformed one. So do all lists below. */
  get vias(): readonly Via[] {
    return this.viaList.values;
  }

  get viaList(): ValueList<Via> {
    this.readVias ??= parseValueList(this.text, this.index, Header.Via, parseVia, parseLowerVia);
    return this.readVias;
  }

  get callId(): string | undefined {
    if (this.readCallId === UNREAD) this.readCallId = this.first(Header.CallId) || undefined;
    return this.readCallId;
  }

  /** 0 and up; `checkRequest` knows its ceiling. */
  get cseqNumber(): number | undefined {
    if (this.readCSeqNumber === UNREAD) this.readCSeqNumber = this.takeCSeq();
    return this.readCSeqNumber;
  }

  get cseqMethod(): string | undefined {
    if (this.readCSeqNumber === UNREAD) this.readCSeqNumber = this.takeCSeq();
    return this.readCSeqMethod;
  }

  /** The header parameter, never one of the URI. Undefined when it is absent or no token. */
  get fromTag(): string | undefined {
    if (this.readFromTag === UNREAD) this.readFromTag = tagOf(this.from);
    return this.readFromTag;
  }

  get toTag(): string | undefined {
    if (this.readToTag === UNREAD) this.readToTag = tagOf(this.to);
    return this.readToTag;
  }

  get from(): NameAddress | undefined {
    if (this.readFrom === UNREAD) this.readFrom = this.parseOnly(Header.From);
    return this.readFrom;
  }

  get to(): NameAddress | undefined {
    if (this.readTo === UNREAD) this.readTo = this.parseOnly(Header.To);
    return this.readTo;
  }

  /** 0 and up; `checkRequest` knows its ceiling. */
  get maxForwards(): number | undefined {
    if (this.readMaxForwards === UNREAD) this.readMaxForwards = readNumber(this.text, this.index, Header.MaxForwards);
    return this.readMaxForwards;
  }

  /** RFC 5393 §5. */
  get maxBreadth(): number | undefined {
    return readNumber(this.text, this.index, Header.MaxBreadth);
  }

  get routes(): readonly NameAddress[] {
    return this.routeList.values;
  }

  get routeList(): ValueList<NameAddress> {
    this.readRoutes ??= parseValueList(this.text, this.index, Header.Route, parseNameAddress);
    return this.readRoutes;
  }

  get recordRoutes(): readonly NameAddress[] {
    return this.recordRouteList.values;
  }

  get recordRouteList(): ValueList<NameAddress> {
    this.readRecordRoutes ??= parseLooseList(this.text, this.index, Header.RecordRoute, parseNameAddress);
    return this.readRecordRoutes;
  }

  /** Option tags in order (§20.29). */
  get proxyRequire(): readonly string[] {
    if (!this.has(Header.ProxyRequire)) return [];
    return this.all('proxy-require').flatMap((value) =>
      value
        .split(',')
        .map((tag) => tag.trim())
        .filter((tag) => tag !== ''),
    );
  }

  get body(): string {
    return this.text.slice(this.bodyStart);
  }

  has(id: HeaderId): boolean {
    return (this.index.seen & (1 << id)) !== 0;
  }

  /** How many header lines of this kind there are; a line may hold several values. */
  count(id: HeaderId): number {
    let count = 0;
    for (let slot = this.index.find(id); slot >= 0; slot = this.index.find(id, slot)) count++;
    return count;
  }

  /** The first line's value as sent: outer white space trimmed, folding kept. */
  first(id: HeaderId): string | undefined {
    const slot = this.index.find(id);
    if (slot < 0) return undefined;
    const start = valueStart(this.text, this.index, slot);
    return this.text.slice(start, trimmedEnd(this.text, start, this.index.valueEnd(slot)));
  }

  /** The values of every line of any header field, one per line, unfolded and trimmed. `name` in any case or compact form. Scans. */
  all(name: string): readonly string[] {
    const wanted = canonicalName(name);
    const values: string[] = [];
    for (const line of eachHeaderLine(this.text, this.startLineEnd, this.headersEnd)) {
      if (canonicalName(line.name) === wanted) values.push(unfold(line.value));
    }
    return values;
  }

  /** 1*DIGIT LWS Method (§20.16). Gives the number, and keeps the method. */
  private takeCSeq(): number | undefined {
    const { text, index } = this;
    const slot = index.find(Header.CSeq);
    if (slot < 0) return undefined;
    const end = index.valueEnd(slot);
    const start = skipLws(text, index.valueStart(slot), end);
    const numberEnd = skipDigits(text, start, end);
    const methodStart = skipLws(text, numberEnd, end);
    const number = parseDecimal(text, start, numberEnd);
    const method = readMethod(text, methodStart, trimmedEnd(text, methodStart, end));
    if (number === undefined || methodStart === numberEnd || method === undefined) return undefined;
    this.readCSeqMethod = method;
    return number;
  }

  /** From and To hold exactly one value: a comma behind it is malformed. */
  private parseOnly(id: HeaderId): NameAddress | undefined {
    const slot = this.index.find(id);
    if (slot < 0) return undefined;
    const limit = this.index.valueEnd(slot);
    const value = parseNameAddress(this.text, this.index.valueStart(slot), limit);
    return value !== undefined && skipLws(this.text, value.end, limit) === limit ? value : undefined;
  }
}

export class SipRequest extends SipMessage {
  readonly kind = 'request';
  readonly method: string;
  /** As sent. */
  readonly requestUri: string;
  private readUri: Lazy<SipUri> = UNREAD;

  constructor(text: string, startLine: RequestLine, index: HeaderIndex, contentLength: number | undefined) {
    super(text, startLine, index, contentLength);
    this.method = startLine.method;
    this.requestUri = this.text.slice(startLine.uriStart, startLine.uriEnd);
  }

  override restBare(): void {
    super.restBare();
    this.readUri = UNREAD;
  }

  /** Undefined unless the Request-URI is a well-formed sip or sips URI. */
  get uri(): SipUri | undefined {
    if (this.readUri === UNREAD) this.readUri = parseSipUri(this.requestUri);
    return this.readUri;
  }
}

export class SipResponse extends SipMessage {
  readonly kind = 'response';
  /** As sent, so perhaps none that SIP knows; 0 when it is no number. */
  readonly status: number;
  /** As sent: latin1 chars that are octets of UTF-8; '' when there is none. */
  readonly reason: string;

  constructor(text: string, startLine: StatusLine, index: HeaderIndex, contentLength: number | undefined) {
    super(text, startLine, index, contentLength);
    this.status = startLine.status;
    this.reason = startLine.reason;
  }
}

/**
 * Reads one whole message; a UDP datagram may hold more than its Content-Length says. Leading CRLFs are skipped (§7.5).
 * Never throws: undefined when there is no SIP start line at all, and every other fault is left to the checks.
 */
export function parseMessage(text: string): SipRequest | SipResponse | undefined {
  const message = withoutLeadingCrlf(text);
  const startLine = parseStartLine(message);
  if (startLine === undefined) return undefined;
  const index = indexHeaders(message, startLine.end);
  return assembleMessage(message, startLine, index, readNumber(message, index, Header.ContentLength));
}

/** `text` begins with the start line, and `index` counts from there. */
export function assembleMessage(
  text: string,
  startLine: RequestLine | StatusLine,
  index: HeaderIndex,
  contentLength: number | undefined,
): SipRequest | SipResponse {
  noteNul(index, text, startLine.end);
  return startLine.kind === 'request'
    ? new SipRequest(text, startLine, index, contentLength)
    : new SipResponse(text, startLine, index, contentLength);
}

function withoutLeadingCrlf(text: string): string {
  let start = 0;
  while (text.startsWith('\r\n', start)) start += 2;
  return start === 0 ? text : text.slice(start);
}

function cutBody(text: string, bodyStart: number, contentLength: number | undefined): string {
  const end = bodyStart + (contentLength ?? text.length);
  return end < text.length ? text.slice(0, end) : text;
}

/** @param base offset of the message in `text` */
export function readNumber(text: string, index: HeaderIndex, id: HeaderId, base = 0): number | undefined {
  const slot = index.find(id);
  if (slot < 0) return undefined;
  const end = base + index.valueEnd(slot);
  const start = skipLws(text, base + index.valueStart(slot), end);
  return parseDecimal(text, start, trimmedEnd(text, start, end));
}

function valueStart(text: string, index: HeaderIndex, slot: number): number {
  return skipLws(text, index.valueStart(slot), index.valueEnd(slot));
}

function tagOf(address: NameAddress | undefined): string | undefined {
  const tag = address?.tag;
  return tag != null && isToken(tag) ? tag : undefined;
}
