/**
 * Judges what leaves the router as a strict and naive receiver would: is it a SIP message from its first octet to its last, and
 * does the next one begin where this one ends (RFC 3261 §7, §18.3)? It knows nothing of the product's own parser.
 */

/** What a receiver that goes by the grammar could not take. */
export interface Flaw {
  readonly why: string;
  /** From where it could not go on; latin1. */
  readonly text: string;
}

export interface StrictMessage {
  readonly text: string;
  readonly startLine: string;
  /** Header lines with folding undone, in order. */
  readonly lines: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

const REQUEST_LINE = /^[A-Za-z0-9\-.!%*_+`'~]+ [^\x00-\x20\x7f]+ SIP\/2\.0$/;
const STATUS_LINE = /^SIP\/2\.0 [1-6]\d\d [^\x00-\x08\x0a-\x1f]*$/;
const HEADER_LINE = /^([A-Za-z0-9\-.!%*_+`'~]+)[ \t]*:(.*)$/s;
/** Neither a line end that is none to others, nor a NUL that ends the text for others (escaped in a quoted string it may stand). */
const MISLEADING = /\r(?!\n)|(?<!\r)\n|(?<!\\)\0/;

const compactNames: Readonly<Record<string, string>> = {
  v: 'via',
  f: 'from',
  t: 'to',
  i: 'call-id',
  l: 'content-length',
};

/** The full name in lower case. */
export const fullName = (name: string): string => compactNames[name.toLowerCase()] ?? name.toLowerCase();

const valuesOf = (lines: StrictMessage['lines'], wanted: string): string[] =>
  lines.filter(([name]) => fullName(name) === wanted).map(([, value]) => value);

/** By which a message is framed, its sender known, and its way found. */
const DECIDING = ['contentlength', 'via', 'from', 'to', 'callid', 'cseq', 'route', 'recordroute', 'maxforwards'];

/** Whether a line that is no header field might be taken for one that matters, or for the rest of the line before it. */
function isDangerous(row: string): boolean {
  const name = row.split(':', 1)[0] ?? '';
  const first = /^[\w.!%*+`'~-]+/.exec(name)?.[0] ?? '';
  return /^\s|[\x00-\x08\x0a-\x1f\x7f]/.test(name) || [name, first].some((text) => DECIDING.includes(bareOf(text)));
}

const bareOf = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]/g, '');

/** Start line and header lines, or why they are none. Odd lines that nobody could take for anything are passed over (§16.3). */
function readHead(head: string): Omit<StrictMessage, 'text' | 'body'> | string {
  if (MISLEADING.test(head)) return 'a bare CR or LF, or a NUL, in the header section';
  const [startLine = '', ...rows] = head.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  if (!REQUEST_LINE.test(startLine) && !STATUS_LINE.test(startLine)) return 'the start line is none';
  const lines: (readonly [string, string])[] = [];
  for (const row of rows) {
    const match = HEADER_LINE.exec(row);
    if (match !== null) lines.push([match[1] ?? '', (match[2] ?? '').trim()]);
    else if (isDangerous(row)) return `a header line is none: ${row.slice(0, 80)}`;
  }
  return { startLine, lines };
}

/** How many octets of body follow; undefined when no Content-Length says so. */
function readLength(lines: StrictMessage['lines']): number | undefined | string {
  const lengths = valuesOf(lines, 'content-length');
  if (lengths.length > 1) return 'more than one Content-Length';
  const [length] = lengths;
  if (length === undefined) return undefined;
  return /^0*\d{1,9}$/.test(length) ? Number(length) : `Content-Length is no number: ${length.slice(0, 40)}`;
}

const ONCE = ['from', 'to', 'call-id', 'cseq'];

/** What every message that was forwarded must have (§8.1.1); our own answers to bad requests may lack it. */
export function missingIn({ lines }: StrictMessage): string | undefined {
  if (valuesOf(lines, 'via').length === 0) return 'no Via';
  const odd = ONCE.find((name) => valuesOf(lines, name).length !== 1);
  return odd === undefined ? undefined : `${odd} does not stand there once`;
}

/** One datagram: one message, and no octet more. */
export function frameDatagram(text: string): StrictMessage | Flaw {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return { why: 'no empty line', text };
  const head = readHead(text.slice(0, end));
  if (typeof head === 'string') return { why: head, text };
  const length = readLength(head.lines);
  if (typeof length === 'string') return { why: length, text };
  const body = text.slice(end + 4);
  if (length !== undefined && length !== body.length) return { why: 'Content-Length is not that of the body', text };
  return { ...head, text, body };
}

/** A stream: it stops at the first flaw, as whatever comes behind it could be anything. */
export class StrictStream {
  #waiting = '';
  flaw: Flaw | undefined;

  /** Messages that the chunk completes; CRLFs between messages are passed over. */
  push(chunk: string): StrictMessage[] {
    this.#waiting += chunk;
    const whole: StrictMessage[] = [];
    while (this.flaw === undefined) {
      const next = this.#next();
      if (next === undefined) break;
      if ('why' in next) this.flaw = next;
      else whole.push(next);
    }
    return whole;
  }

  /** Octets of a message that is not whole yet. */
  get rest(): string {
    return this.#waiting;
  }

  #next(): StrictMessage | Flaw | undefined {
    while (this.#waiting.startsWith('\r\n')) this.#waiting = this.#waiting.slice(2);
    const end = this.#waiting.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const head = readHead(this.#waiting.slice(0, end));
    if (typeof head === 'string') return { why: head, text: this.#waiting };
    const length = readLength(head.lines);
    if (typeof length === 'string') return { why: length, text: this.#waiting };
    if (length === undefined) return { why: 'no Content-Length on a stream', text: this.#waiting };
    if (this.#waiting.length < end + 4 + length) return undefined;
    const text = this.#waiting.slice(0, end + 4 + length);
    this.#waiting = this.#waiting.slice(text.length);
    return { ...head, text, body: text.slice(end + 4) };
  }
}

const copied = new Set(['via', 'record-route', 'from', 'to', 'call-id', 'cseq']);

/** A 200 to a request, for ends that answer whatever they can frame. */
export function answerTo({ lines }: StrictMessage, status = '200 OK', headers = ''): string {
  const rows = lines.filter(([name]) => copied.has(fullName(name)));
  const text = rows.map(([name, value]) => {
    const tag = fullName(name) === 'to' && !/;\s*tag\s*=/i.test(value) ? ';tag=far' : '';
    return `${name}: ${value}${tag}\r\n`;
  });
  return `SIP/2.0 ${status}\r\n${text.join('')}${headers}Content-Length: 0\r\n\r\n`;
}

export const isRequest = ({ startLine }: StrictMessage): boolean => !startLine.startsWith('SIP/2.0 ');
