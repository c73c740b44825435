/** A small well-formed request and response whose header lines a test can exchange. */
import { parseMessage, SipRequest, SipResponse } from '../../../src/sip-parser/index.ts';

const LINES = {
  Via: 'Via: SIP/2.0/TLS 192.0.2.10:49180;branch=z9hG4bKa1;rport',
  From: 'From: "Alice" <sip:alice@example.com>;tag=a73kszlfl',
  To: 'To: <sip:bob@example.com>',
  'Call-ID': 'Call-ID: 1j9FpLxk3uxtm8tn@192.0.2.10',
  CSeq: 'CSeq: 1 MESSAGE',
  'Max-Forwards': 'Max-Forwards: 70',
  'Content-Length': 'Content-Length: 5',
};

export type Lines = { readonly [name: string]: string | undefined };

/** Header lines in the order above; `changes` exchanges one, leaves one out (undefined), or adds one behind. */
function headerLines(changes: Lines): string {
  const lines = Object.values({ ...LINES, ...changes }).filter((line) => line !== undefined);
  return lines.map((line) => `${line}\r\n`).join('');
}

export function requestText(changes: Lines = {}, startLine = 'MESSAGE sip:bob@example.com SIP/2.0'): string {
  return `${startLine}\r\n${headerLines(changes)}\r\nhello`;
}

export function responseText(changes: Lines = {}, startLine = 'SIP/2.0 200 OK'): string {
  return `${startLine}\r\n${headerLines(changes)}\r\nhello`;
}

export function parseRequest(text: string): SipRequest {
  const message = parseMessage(text);
  if (message instanceof SipRequest) return message;
  throw new Error(`no request: ${text}`);
}

export function parseResponse(text: string): SipResponse {
  const message = parseMessage(text);
  if (message instanceof SipResponse) return message;
  throw new Error(`no response: ${text}`);
}

export function request(changes: Lines = {}): SipRequest {
  return parseRequest(requestText(changes));
}
