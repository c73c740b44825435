/** The measured message: a MESSAGE of about 860 octets as Lync writes it, rendered once per connection, then only numbered. */
import type { Place, Transport } from './wire.ts';

/** Digits of the number that makes branch, Call-ID, From tag and recipient of a message its own. */
const digits = 10;
const mark = 'bench';

export const userName = (index: number): string => `user${String(index).padStart(6, '0')}`;

const body =
  'Good morning, do you have five minutes for the figures of last week? I have put them into the usual folder.';

const text = (transport: Transport, local: Place): string =>
  [
    'MESSAGE sip:{user}@example.com SIP/2.0',
    `Via: SIP/2.0/${transport.toUpperCase()} ${local.address}:${local.port};branch=z9hG4bK${mark}{number}`,
    'Max-Forwards: 70',
    'From: "Alice Liddell" <sip:alice.liddell@example.com>;tag={number};epid=6f2a3b4c5d',
    'To: <sip:{user}@example.com>',
    'Call-ID: {number}f3a94bd3a0e14c55b6e0b1f0a9d5c1e7',
    'CSeq: 1 MESSAGE',
    'Contact: <sip:alice.liddell@example.com;opaque=user:epid:Yx5nQm3Z1VqkP0dW2rT8cAAA;gruu>',
    'User-Agent: UCCAPI/15.0.4569.1503 OC/15.0.4569.1503 (Microsoft Lync)',
    'Supported: ms-sender, ms-delayed-accept',
    'ms-asserted-verification-level: ms-source-verified-user=verified',
    'ms-text-format: text/plain; charset=UTF-8',
    'P-Asserted-Identity: "Alice Liddell" <sip:alice.liddell@example.com>',
    'Content-Type: text/plain; charset=UTF-8',
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');

/** @returns a function that gives the message of a number; recipients are spread over `users` names */
export function messageMaker(
  transport: Transport,
  local: Place,
  users: number,
  nameOf: (index: number) => string = userName,
): (number: number) => string {
  const pieces = text(transport, local).split(/(\{user\}|\{number\})/);
  return (number) => {
    // A large prime step visits all users in an order that no cache of recent ones likes.
    const user = nameOf((number * 7_919) % users);
    const own = String(number).padStart(digits, '0');
    let message = '';
    for (const piece of pieces) message += piece === '{user}' ? user : piece === '{number}' ? own : piece;
    return message;
  };
}

/** The number of a response, from the branch of its first Via. */
export function numberOf(response: string): number {
  const start = response.indexOf(mark) + mark.length;
  return Number(response.slice(start, start + digits));
}

export const isSuccess = (response: string): boolean => response.startsWith('SIP/2.0 200 ');

const copied = /^(?:Via|From|To|Call-ID|CSeq):/;

/** The 200 to a request, by copying lines. */
export function answerTo(request: string): string {
  const lines = request.slice(0, request.indexOf('\r\n\r\n')).split('\r\n');
  let answer = 'SIP/2.0 200 OK\r\n';
  for (const line of lines) {
    if (!copied.test(line)) continue;
    answer += line.startsWith('To:') ? `${line};tag=${mark}\r\n` : `${line}\r\n`;
  }
  return `${answer}Content-Length: 0\r\n\r\n`;
}
