/**
 * SIP messages as text for black-box tests: naive framing, header fields by pattern, and templates.
 * It must not know the product's parser, so that both are never wrong in the same way.
 */
import { randomBytes } from 'node:crypto';

export interface Address {
  readonly address: string;
  readonly port: number;
}

/** A message as text, with just enough reading for assertions. */
export class RawMessage {
  readonly text: string;
  readonly startLine: string;
  readonly body: string;
  /** undefined for a response. */
  readonly method: string | undefined;
  /** undefined for a request. */
  readonly status: number | undefined;
  readonly requestUri: string | undefined;
  readonly #head: string;

  constructor(text: string) {
    this.text = text;
    this.#head = `${text.slice(0, headLength(text) ?? text.length).replace(/\r\n[ \t]+/g, ' ')}\r\n`;
    this.body = text.slice((headLength(text) ?? text.length) + 4);
    this.startLine = text.slice(0, text.indexOf('\r\n'));
    const response = /^SIP\/2\.0 (\d{3})/.exec(this.startLine);
    const [method, requestUri] = this.startLine.split(' ');
    this.status = response ? Number(response[1]) : undefined;
    this.method = response ? undefined : method;
    this.requestUri = response ? undefined : requestUri;
  }

  /** Values of all lines of that name (long form, any case), unfolded; comma lists are not split. */
  headers(name: string): string[] {
    return [...this.#head.matchAll(new RegExp(`^${name}[ \\t]*:[ \\t]*(.*?)[ \\t]*\\r$`, 'gim'))].map(
      (match) => match[1]!,
    );
  }

  header(name: string): string | undefined {
    return this.headers(name)[0];
  }
}

function headLength(text: string): number | undefined {
  const end = text.indexOf('\r\n\r\n');
  return end < 0 ? undefined : end;
}

/** Cuts a stream by Content-Length; bare CRLFs between messages are given as messages of their own. */
export class RawFramer {
  #waiting = '';

  /** Whole messages that the chunk completes; a CRLF keep-alive comes as '\r\n'. */
  push(chunk: string): string[] {
    this.#waiting += chunk;
    const whole: string[] = [];
    for (let next = this.#next(); next !== undefined; next = this.#next()) whole.push(next);
    return whole;
  }

  #next(): string | undefined {
    if (this.#waiting.startsWith('\r\n')) return this.#cut(2);
    const head = headLength(this.#waiting);
    if (head === undefined) return undefined;
    const length = /^(?:content-length|l)[ \t]*:[ \t]*(\d+)/im.exec(this.#waiting.slice(0, head));
    const end = head + 4 + Number(length?.[1] ?? 0);
    return this.#waiting.length < end ? undefined : this.#cut(end);
  }

  #cut(end: number): string {
    const message = this.#waiting.slice(0, end);
    this.#waiting = this.#waiting.slice(end);
    return message;
  }
}

export const newTag = (): string => randomBytes(5).toString('hex');
export const newBranch = (): string => `z9hG4bK${newTag()}`;

export interface RequestFields {
  readonly method: string;
  readonly uri: string;
  /** Via values, topmost first. */
  readonly via: readonly string[];
  /** Whole header value; default Alice of example.com with a new tag. */
  readonly from?: string;
  /** Whole header value; default the Request-URI in angle brackets. */
  readonly to?: string;
  readonly callId?: string;
  /** Default 1. */
  readonly cseq?: number;
  /** Default 70; null leaves the field out. */
  readonly maxForwards?: number | null;
  /** Further header lines without line ends: `Contact: <sip:...>`. */
  readonly headers?: readonly string[];
  readonly body?: string;
}

export function requestText(fields: RequestFields): string {
  const { method, uri, via, maxForwards = 70, headers = [], body = '' } = fields;
  return [
    `${method} ${uri} SIP/2.0`,
    ...via.map((value) => `Via: ${value}`),
    ...(maxForwards === null ? [] : [`Max-Forwards: ${maxForwards}`]),
    `From: ${fields.from ?? `<sip:alice@example.com>;tag=${newTag()}`}`,
    `To: ${fields.to ?? `<${uri}>`}`,
    `Call-ID: ${fields.callId ?? newTag()}`,
    `CSeq: ${fields.cseq ?? 1} ${method}`,
    ...headers,
    ...(body && !headers.some((line) => /^content-type:/i.test(line)) ? ['Content-Type: text/plain'] : []),
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}

export interface ResponseFields {
  /** Default `Test`. */
  readonly reason?: string;
  /** Added to To when it has none; default a new tag (none with 100). */
  readonly toTag?: string;
  readonly headers?: readonly string[];
  readonly body?: string;
}

/** A response as the recipient of the request would make it (RFC 3261 §8.2.6), Record-Route included (§12.1.1). */
export function responseText(request: RawMessage, status: number, fields: ResponseFields = {}): string {
  const { reason = 'Test', headers = [], body = '' } = fields;
  const to = request.header('To') ?? '';
  const isTagged = status === 100 || /;tag=/.test(to);
  return [
    `SIP/2.0 ${status} ${reason}`,
    ...request.headers('Via').map((value) => `Via: ${value}`),
    ...request.headers('Record-Route').map((value) => `Record-Route: ${value}`),
    `From: ${request.header('From')}`,
    `To: ${to}${isTagged ? '' : `;tag=${fields.toTag ?? newTag()}`}`,
    `Call-ID: ${request.header('Call-ID')}`,
    `CSeq: ${request.header('CSeq')}`,
    ...headers,
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}
