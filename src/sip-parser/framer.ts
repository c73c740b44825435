/**
 * Cuts the octets of a stream into messages by Content-Length (RFC 3261 §18.3, §7.5), each octet looked at a fixed number
 * of times however the stream is cut. Where framing is lost it says so once, and is done.
 */
import { Header, type HeaderIndex, indexHeaders } from './header-index.ts';
import { assembleMessage, readNumber, type SipRequest, type SipResponse } from './message.ts';
import { ownCopy } from './own-copy.ts';
import { parseStartLine, type RequestLine, type StatusLine } from './start-line.ts';
import { CR, equalsIgnoreCase, HTAB, isToken, LF, SP } from './syntax.ts';

export interface StreamLimits {
  /** Octets of start line, header fields and the empty line together. */
  readonly headerBytes: number;
  readonly bodyBytes: number;
}

export type Frame =
  /** `message` is what parseMessage(text) would give, read already. */
  | { readonly kind: 'message'; readonly text: string; readonly message: SipRequest | SipResponse }
  /** One or more CRLFCRLF between messages: a ping (RFC 5626 §3.5.1). */
  | { readonly kind: 'keep-alive' }
  | LostFrame;

export interface LostFrame {
  readonly kind: 'lost';
  readonly code: 'not-sip' | 'framing-lost' | 'header-too-large' | 'body-too-large';
  readonly status: 400 | 513;
  /** Fit for a reason phrase. */
  readonly detail: string;
  /**
   * Start line and header lines as far as they are whole, which parseMessage reads if there are any; the first octets of what
   * came where the code is `not-sip`.
   */
  readonly text: string;
}

/** What of a stranger's protocol is told on. */
const STRANGE_BYTES = 64;

/** What is known of a message before its body is here. */
interface Head {
  /** The whole message; only start line and header fields while the body is awaited. */
  readonly text: string;
  readonly startLine: RequestLine | StatusLine;
  readonly index: HeaderIndex;
  readonly bodyLength: number;
  /** Octets of the whole message. */
  readonly length: number;
}

type State = 'between' | 'start-line' | 'headers' | 'body' | 'lost';

export class StreamFramer {
  private readonly limits: StreamLimits;
  private state: State = 'between';
  /** Octets at hand in one flat string; those before `pos` are done with. */
  private buffer = '';
  private pos = 0;
  /** What came behind `buffer` while nothing could be done with it: joined only when it can. */
  private parts: string[] = [];
  private partsLength = 0;
  /** The last three octets that came, to find a CRLFCRLF that is cut. */
  private tail = '';
  private isReady = false;
  /** Octets of CRLFs taken since the last message or ping; odd when the last was a CR. */
  private crlfOctets = 0;
  private head: Head | undefined = undefined;

  constructor(limits: StreamLimits) {
    this.limits = limits;
  }

  /** One read, latin1. Call `next` until it gives undefined. */
  push(chunk: string): void {
    if (this.state === 'lost' || chunk === '') return;
    if (this.pos === this.buffer.length && this.parts.length === 0) {
      this.buffer = chunk;
      this.pos = 0;
    } else {
      this.parts.push(chunk);
      this.partsLength += chunk.length;
    }
    this.isReady ||= this.isEnough(chunk);
  }

  /** What the stream holds next; undefined when more octets are needed. */
  next(): Frame | undefined {
    if (!this.isReady) return undefined;
    this.join();
    const frame = this.takeFrame();
    if (frame === undefined) this.pause();
    return frame;
  }

  /** A quiet connection does not keep what it has read last, which may be 64 KiB. */
  private pause(): void {
    this.isReady = false;
    if (this.pos < this.buffer.length) return this.letGo();
    this.buffer = '';
    this.pos = 0;
  }

  /** Nor does one that waits for the rest of a message keep a large one before it. */
  private letGo(): void {
    if (this.pos < LARGE_BYTES) return;
    this.buffer = ownCopy(this.buffer.slice(this.pos));
    this.pos = 0;
  }

  /** The first octets of a message are here and its last are not. */
  get isMidMessage(): boolean {
    return this.state !== 'between' && this.state !== 'lost';
  }

  /** Octets that wait for the rest of their message; once its length is known, those that are still to come, too. */
  get heldOctets(): number {
    const here = this.buffer.length + this.partsLength;
    return this.head === undefined ? here : Math.max(here, this.head.length) + this.head.text.length;
  }

  /** Of a message that is not whole: start line and header lines that are. It copies all that is here. */
  get begun(): string {
    if (!this.isMidMessage) return '';
    const text = this.head?.text ?? this.buffer.slice(this.pos) + this.parts.join('');
    return wholeLines(text, this.limits.headerBytes);
  }

  private get length(): number {
    return this.buffer.length - this.pos + this.partsLength;
  }

  /** Whether a look at all octets may bring something new: without it every single octet would cost a look at all. */
  private isEnough(chunk: string): boolean {
    switch (this.state) {
      case 'between':
        return true;
      case 'start-line':
        return hasControlOctet(chunk) || this.isTooLong();
      case 'headers':
        return this.completesHeaders(chunk) || this.isTooLong();
      case 'body':
        return this.length >= this.head!.length;
      case 'lost':
        return false;
    }
  }

  private isTooLong(): boolean {
    return this.length > this.limits.headerBytes;
  }

  private completesHeaders(chunk: string): boolean {
    const last = this.tail + chunk;
    this.tail = last.slice(-3);
    return last.includes('\r\n\r\n');
  }

  private join(): void {
    if (this.parts.length === 0) return;
    this.buffer = this.buffer.slice(this.pos) + this.parts.join('');
    this.pos = 0;
    this.parts = [];
    this.partsLength = 0;
  }

  private takeFrame(): Frame | undefined {
    if (this.state === 'between') {
      const frame = this.takeCrlfs();
      if (frame !== undefined || this.pos === this.buffer.length) return frame;
    }
    if (this.state !== 'body') {
      const frame = this.takeHead();
      if (frame !== undefined) return frame;
    }
    return this.head === undefined ? undefined : this.takeMessage(this.head);
  }

  /** §7.5: CRLFs before a start line are to be ignored. */
  private takeCrlfs(): Frame | undefined {
    const { buffer } = this;
    while (this.pos < buffer.length && buffer.charCodeAt(this.pos) === (this.isBehindCr ? LF : CR)) {
      this.pos++;
      this.crlfOctets++;
    }
    if (this.crlfOctets >= PING_OCTETS) {
      this.crlfOctets &= 1;
      return { kind: 'keep-alive' };
    }
    if (this.pos === buffer.length) return undefined;
    if (this.isBehindCr) return this.lose('not-sip', 'a bare CR between messages');
    this.crlfOctets = 0;
    return undefined;
  }

  private get isBehindCr(): boolean {
    return (this.crlfOctets & 1) === 1;
  }

  /** Reads start line and header fields once they are whole. The usual message is whole then, and is copied once. */
  private takeHead(): Frame | undefined {
    const { buffer, pos } = this;
    const index = indexHeaders(buffer, behindLine(buffer, pos), pos);
    const headLength = index.headersEnd + 2;
    if (pos + headLength > buffer.length) return this.awaitHead();
    if (headLength > this.limits.headerBytes) return this.loseTooLong();
    const bodyLength = readNumber(buffer, index, Header.ContentLength, pos);
    const length = headLength + (bodyLength ?? 0);
    const text = ownCopy(buffer.slice(pos, pos + (length > this.length ? headLength : length)));
    const startLine = parseStartLine(text);
    if (startLine === undefined) return this.lose('not-sip', 'no SIP start line');
    const lost = this.judgeContentLength(index, bodyLength, text);
    if (lost !== undefined || bodyLength === undefined) return lost;
    this.head = { text, startLine, index, bodyLength, length };
    this.state = 'body';
    return undefined;
  }

  /** §18.3: on a stream the field must be there. Two of them, even of one value, are what smugglers send. */
  private judgeContentLength(index: HeaderIndex, bodyLength: number | undefined, text: string): Frame | undefined {
    const loss = contentLengthLoss(index, bodyLength, this.limits.bodyBytes);
    return loss && this.lose(loss.code, loss.detail, text.slice(0, index.headersEnd + 2));
  }

  /** Gives up as soon as it is certain that no SIP message will come of what is here. */
  private awaitHead(): Frame | undefined {
    const lineEnd = findControlOctet(this.buffer, this.pos);
    const isWhole = this.buffer.startsWith('\r\n', lineEnd);
    const isHopeless = isWhole
      ? parseStartLine(this.buffer.slice(this.pos, lineEnd)) === undefined
      : !isLastCr(this.buffer, lineEnd);
    if (isHopeless) return this.lose('not-sip', 'no SIP start line');
    if (this.isTooLong()) return this.loseTooLong();
    this.state = isWhole ? 'headers' : 'start-line';
    this.tail = this.buffer.slice(-3);
    return undefined;
  }

  private takeMessage(head: Head): Frame | undefined {
    const { startLine, index, bodyLength, length } = head;
    if (this.length < length) return undefined;
    const text = head.text.length === length ? head.text : ownCopy(this.buffer.slice(this.pos, this.pos + length));
    this.pos += length;
    this.state = 'between';
    this.head = undefined;
    return { kind: 'message', text, message: assembleMessage(text, startLine, index, bodyLength) };
  }

  /** However it was cut: a start line that is too long by itself is never read, even if it is whole. */
  private loseTooLong(): LostFrame {
    const { headerBytes } = this.limits;
    const text = wholeLines(this.buffer.slice(this.pos, this.pos + headerBytes), headerBytes);
    if (text === '' && !beginsLikeSip(this.buffer, this.pos)) return this.lose('not-sip', 'no SIP start line');
    const what = text === '' ? 'start line' : 'header section';
    return this.lose('header-too-large', `${what} larger than ${headerBytes} octets`, text);
  }

  /** Nothing more is wanted of the stream: what has come of a message is let go. */
  discard(): void {
    this.state = 'lost';
    this.buffer = '';
    this.pos = 0;
    this.parts = [];
    this.partsLength = 0;
    this.head = undefined;
    this.isReady = false;
  }

  private lose(code: LostFrame['code'], detail: string, text?: string): LostFrame {
    const known = text ?? ownCopy(this.buffer.slice(this.pos, this.pos + STRANGE_BYTES));
    this.discard();
    return { kind: 'lost', code, status: code.endsWith('too-large') ? 513 : 400, detail, text: known };
  }
}

/** More than one read brings: it is worth a copy of what is left. */
const LARGE_BYTES = 65_536;

/** CRLFCRLF */
const PING_OCTETS = 4;

const CONTENT_LENGTH = 1 << Header.ContentLength;

function contentLengthLoss(
  index: HeaderIndex,
  bodyLength: number | undefined,
  most: number,
): Pick<LostFrame, 'code' | 'detail'> | undefined {
  if ((index.seen & CONTENT_LENGTH) === 0) return { code: 'framing-lost', detail: 'no Content-Length on a stream' };
  if ((index.repeated & CONTENT_LENGTH) !== 0) return { code: 'framing-lost', detail: 'more than one Content-Length' };
  if (bodyLength === undefined) return { code: 'framing-lost', detail: 'Content-Length is no number' };
  return bodyLength > most ? { code: 'body-too-large', detail: `body larger than ${most} octets` } : undefined;
}

/** Just behind the CRLF of the line; the end of the text when it has none. */
function behindLine(text: string, start: number): number {
  const crlf = text.indexOf('\r\n', start);
  return crlf < 0 ? text.length : crlf + 2;
}

/** Up to the last CRLF among the first `most` octets; '' when there is none. */
function wholeLines(text: string, most: number): string {
  const end = text.lastIndexOf('\r\n', most - 2);
  return end < 0 ? '' : text.slice(0, end + 2);
}

/** A method and a blank, or a version. */
function beginsLikeSip(text: string, pos: number): boolean {
  const blank = text.indexOf(' ', pos);
  const first = text.slice(pos, blank);
  return blank > pos && (isToken(first) || equalsIgnoreCase(first, 0, 4, 'sip/'));
}

function hasControlOctet(text: string): boolean {
  return findControlOctet(text, 0) < text.length;
}

/** HTAB may stand in a reason phrase (§25.1); no other control octet in a start line. */
function findControlOctet(text: string, start: number): number {
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < SP && code !== HTAB) return i;
  }
  return text.length;
}

/** Nothing at all, or a CR whose LF may yet come. */
function isLastCr(text: string, pos: number): boolean {
  return pos === text.length || (pos === text.length - 1 && text.charCodeAt(pos) === CR);
}
