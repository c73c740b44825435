/**
 * Changes to a message as pieces: what is removed, replaced and put in between. Nothing untouched changes by an octet, but
 * for the place of a Content-Length that stands where others might miss it.
 * Collected first and written once; a later call of a setter replaces the earlier one.
 */
import { applyCuts, type Cut, insert } from './cut.ts';
import { Header, type HeaderId, headerName } from './header-index.ts';
import type { SipMessage } from './message.ts';
import { octetsOnly } from './octets.ts';
import { cutRoutes } from './route-cuts.ts';
import { SIP_VERSION } from './start-line.ts';
import { asciiLower, equalsIgnoreCase, skipLws, trimmedEnd } from './syntax.ts';
import { cutTopVia, cutViaParams, type ViaParams } from './via-cuts.ts';

export class Edit {
  private readonly message: SipMessage;
  private requestUri: string | undefined = undefined;
  private firstLines = '';
  private lastLines = '';
  private maxForwards: number | undefined = undefined;
  private maxBreadth: number | undefined = undefined;
  private viaParams: ViaParams | undefined = undefined;
  private removesTopVia = false;
  private removedRoutes: Set<number> | undefined = undefined;
  private appendedRoutes = '';
  private addsContentLength = false;

  constructor(message: SipMessage) {
    this.message = message;
  }

  /** Of a request; a response has none, and stays as it is. */
  replaceRequestUri(uri: string): void {
    this.requestUri = uri;
  }

  /** Header lines, each with its CRLF, directly behind the start line. Several calls: in call order. */
  insertFirst(lines: string): void {
    this.firstLines += lines;
  }

  /** Header lines, each with its CRLF, directly before the empty line. Several calls: in call order. */
  insertLast(lines: string): void {
    this.lastLines += lines;
  }

  /** Replaces the number, or adds the field behind the lines of `insertFirst` when the message has none. */
  setMaxForwards(value: number): void {
    this.maxForwards = value;
  }

  /** As `setMaxForwards` (RFC 5393 §5.3.3). */
  setMaxBreadth(value: number): void {
    this.maxBreadth = value;
  }

  /**
   * `received` and `rport` of the top Via (RFC 3261 §18.2.1, RFC 3581 §4): a value that is there is replaced, a parameter
   * without value filled, an absent one added at the end. Undefined leaves what is there. IPv6 without brackets.
   */
  addViaParams(received: string | undefined, rport: number | undefined): void {
    this.viaParams = { received, rport };
  }

  /** The whole line, or the first value of a comma list. */
  removeTopVia(): void {
    this.removesTopVia = true;
  }

  /** `count` values of `message.routes` from index `first`; calls add up. Indices that are not there are passed over. */
  removeRoutes(first: number, count: number): void {
    const end = Math.min(first + count, this.message.routes.length);
    this.removedRoutes ??= new Set();
    for (let i = Math.max(first, 0); i < end; i++) this.removedRoutes.add(i);
  }

  /** A new last Route value, on its own line. Several calls: in call order. */
  appendRoute(value: string): void {
    this.appendedRoutes += `Route: ${value}\r\n`;
  }

  /** So that a message may go by a stream (RFC 3261 §18.3). */
  addContentLengthIfAbsent(): void {
    this.addsContentLength = true;
  }

  /** The changed message. @throws Error when what was put in is no octets */
  toString(): string {
    const cuts: Cut[] = [];
    this.cutRequestUri(cuts);
    cutVersion(cuts, this.message);
    this.cutFirstLines(cuts);
    this.cutVia(cuts);
    cutNumber(cuts, this.message, Header.MaxForwards, this.maxForwards);
    cutNumber(cuts, this.message, Header.MaxBreadth, this.maxBreadth);
    if (this.removedRoutes !== undefined) cutRoutes(cuts, this.message, this.removedRoutes);
    this.cutAppendedRoutes(cuts);
    this.cutLastLines(cuts);
    return octetsOnly(applyCuts(this.message.text, cuts, 0, this.message.text.length));
  }

  private cutRequestUri(cuts: Cut[]): void {
    if (this.requestUri === undefined || this.message.kind !== 'request') return;
    const start = this.message.text.indexOf(' ') + 1;
    cuts.push({ start, end: this.message.text.lastIndexOf(' ', this.message.startLineEnd - 1), text: this.requestUri });
  }

  private cutFirstLines(cuts: Cut[]): void {
    const { message, firstLines, maxForwards, maxBreadth, appendedRoutes } = this;
    const text =
      firstLines +
      lineIfAbsent(message, Header.MaxForwards, maxForwards) +
      lineIfAbsent(message, Header.MaxBreadth, maxBreadth) +
      (message.has(Header.Route) ? '' : appendedRoutes) +
      (message.index.hidesLength ? this.cutLength(cuts) : '');
    insert(cuts, message.startLineEnd, text);
  }

  /**
   * The line of Content-Length, taken out of its place behind one without a colon. Who looks for the end of a name across line
   * ends would miss it there, and take what stands in the body for the next message of the stream, in our name.
   */
  private cutLength(cuts: Cut[]): string {
    const { index, text } = this.message;
    const slot = index.find(Header.ContentLength);
    if (slot < 0) return this.absentLength();
    const [start, end] = [index.lineStart(slot), index.lineEnd(slot)];
    cuts.push({ start, end, text: '' });
    return text.slice(start, end);
  }

  private absentLength(): string {
    const { text, bodyStart } = this.message;
    return this.addsContentLength ? lineIfAbsent(this.message, Header.ContentLength, text.length - bodyStart) : '';
  }

  private cutVia(cuts: Cut[]): void {
    if (this.removesTopVia) cutTopVia(cuts, this.message);
    else if (this.viaParams !== undefined) cutViaParams(cuts, this.message, this.viaParams);
  }

  private cutAppendedRoutes(cuts: Cut[]): void {
    const { index } = this.message;
    if (this.appendedRoutes === '' || !this.message.has(Header.Route)) return;
    insert(cuts, index.lineEnd(index.findLast(Header.Route)), this.appendedRoutes);
  }

  private cutLastLines(cuts: Cut[]): void {
    const { message } = this;
    const length = message.index.hidesLength ? '' : this.absentLength();
    insert(cuts, message.headersEnd, this.lastLines + length);
  }
}

/** §7.1: read in any case, sent in upper case. */
function cutVersion(cuts: Cut[], { kind, text, startLineEnd }: SipMessage): void {
  const start = kind === 'request' ? startLineEnd - CRLF.length - SIP_VERSION.length : 0;
  if (text.startsWith(SIP_VERSION, start)) return;
  const end = start + SIP_VERSION.length;
  if (equalsIgnoreCase(text, start, end, LOWER_VERSION)) cuts.push({ start, end, text: SIP_VERSION });
}

const CRLF = '\r\n';
const LOWER_VERSION = asciiLower(SIP_VERSION);

function lineIfAbsent(message: SipMessage, id: HeaderId, value: number | undefined): string {
  return value === undefined || message.has(id) ? '' : `${headerName(id)}: ${value}\r\n`;
}

function cutNumber(cuts: Cut[], { text, index }: SipMessage, id: HeaderId, value: number | undefined): void {
  const slot = value === undefined ? -1 : index.find(id);
  if (slot < 0) return;
  const start = skipLws(text, index.valueStart(slot), index.valueEnd(slot));
  cuts.push({ start, end: trimmedEnd(text, start, index.valueEnd(slot)), text: String(value) });
}
