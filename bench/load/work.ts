/**
 * The measured transactions, as both ends write them: MESSAGE; INVITE, 180, 200, ACK, BYE, 200; SUBSCRIBE, 200, NOTIFY, 200.
 * Texts are rendered once and then only numbered; answers copy lines. Nothing here is shared with the router's parser.
 */
import { nameOf } from '../../test/interop/directory/users.ts';
import type { Place, Transport } from './wire.ts';

export type Work = 'message' | 'call' | 'subscribe';

/** The number of a transaction stands in Call-ID, From tag and branches, with so many digits. */
const digits = 10;
const mark = 'bench';

export const userName = (index: number): string => `user${index}`;

/** Every twentieth user of a test directory, from the first on, is enabled for Lync. */
export const enabledUser = (index: number): string => nameOf(20 * index + 1);

const chat =
  'Good morning, do you have five minutes for the figures of last week? I have put them into the usual folder.';

const offer = (address: string): string =>
  [
    'v=0',
    `o=- 0 0 IN IP4 ${address}`,
    's=session',
    `c=IN IP4 ${address}`,
    't=0 0',
    'm=message 5060 sip null',
    'a=accept-types:text/plain text/rtf multipart/alternative',
    '',
  ].join('\r\n');

const presence = (event: string): string =>
  `<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@example.com"><tuple id="${event}"><status><basic>open</basic></status></tuple></presence>`;

const withBody = (type: string, body: string): string[] => [
  `Content-Type: ${type}`,
  `Content-Length: ${body.length}`,
  '',
  body,
];

const ownFields: Readonly<Record<Work, (local: string) => string[]>> = {
  message: () => withBody('text/plain; charset=UTF-8', chat),
  call: (local) => withBody('application/sdp', offer(local)),
  subscribe: () => [
    'Event: presence',
    'Expires: 3600',
    'Accept: application/pidf+xml, multipart/related',
    'Content-Length: 0',
    '',
    '',
  ],
};

const methods: Readonly<Record<Work, string>> = { message: 'MESSAGE', call: 'INVITE', subscribe: 'SUBSCRIBE' };

const viaOf = (transport: Transport, at: Place): string =>
  `Via: SIP/2.0/${transport.toUpperCase()} ${at.address}:${at.port};branch=z9hG4bK${mark}`;

export const contactOf = (transport: Transport, user: string, at: Place): string =>
  `sip:${user}@${at.address}:${at.port};transport=${transport}`;

/** About 860 octets, as Lync writes them. */
function firstRequest(work: Work, transport: Transport, local: Place, listening: Place): string {
  const method = methods[work];
  return [
    `${method} sip:{user}@example.com SIP/2.0`,
    `${viaOf(transport, local)}{number}0`,
    'Max-Forwards: 70',
    'From: "Alice Liddell" <sip:alice.liddell@example.com>;tag={number};epid=6f2a3b4c5d',
    'To: <sip:{user}@example.com>',
    `Call-ID: ${mark}{number}f3a94bd3a0e14c55b6e0b1f0a9d5c1e7`,
    `CSeq: 1 ${method}`,
    `Contact: <${contactOf(transport, 'alice.liddell', listening)}>`,
    'User-Agent: UCCAPI/15.0.4569.1503 OC/15.0.4569.1503 (Microsoft Lync)',
    'Supported: ms-sender, ms-delayed-accept',
    'ms-asserted-verification-level: ms-source-verified-user=verified',
    'ms-text-format: text/plain; charset=UTF-8',
    'P-Asserted-Identity: "Alice Liddell" <sip:alice.liddell@example.com>',
    ...ownFields[work](local.address),
  ].join('\r\n');
}

const textOf = (number: number): string => String(number).padStart(digits, '0');

/**
 * @param listening where the other end's requests within the dialog are to go
 * @returns a function that gives the first request of a number; recipients are spread over `users` names
 */
export function requestMaker(
  work: Work,
  transport: Transport,
  local: Place,
  listening: Place,
  users: number,
  userOf: (index: number) => string = userName,
): (number: number) => string {
  const [start = '', ...pieces] = firstRequest(work, transport, local, listening).split(/(?=\{user\}|\{number\})/);
  const slots = pieces.map((piece) => ({
    isUser: piece.startsWith('{user}'),
    rest: piece.slice(piece.indexOf('}') + 1),
  }));
  return (number) => {
    // A large prime step visits all users in an order that no cache of recent ones likes.
    const user = userOf((number * 7_919) % users);
    const own = textOf(number);
    let message = start;
    for (const { isUser, rest } of slots) message += (isUser ? user : own) + rest;
    return message;
  };
}

/** From the Call-ID. Negative when the message is none of ours: a probe. */
export function numberOf(message: string): number {
  const start = message.indexOf(`ID: ${mark}`);
  if (start < 0) return -1;
  const digitsAt = start + 4 + mark.length;
  return Number(message.slice(digitsAt, digitsAt + digits));
}

/** 0 for a request. */
export const statusOf = (message: string): number =>
  message.startsWith('SIP/2.0 ') ? Number(message.slice(8, 11)) : 0;

/** Which of a transaction's requests a response answers: the digit after the number in our own branch. */
function requestAnswered(response: string): string {
  return response.charAt(response.indexOf(`=z9hG4bK${mark}`) + 8 + mark.length + digits);
}

export const isAnswerToBye = (response: string): boolean => requestAnswered(response) === '2';

/** The line of the first field of this name with its end of line; the name as it is written here, with its colon. */
function line(message: string, name: string): string {
  const start = message.indexOf(`\r\n${name}`) + 2;
  return message.slice(start, message.indexOf('\r\n', start) + 2);
}

/** Record-Route lines, each as it stands, in their order. */
function recordRoutes(message: string): string[] {
  const lines: string[] = [];
  const name = '\r\nRecord-Route: ';
  for (let at = message.indexOf(name); at >= 0; at = message.indexOf(name, at + 2)) {
    lines.push(message.slice(at + name.length, message.indexOf('\r\n', at + 2)));
  }
  return lines;
}

const routesOf = (values: readonly string[]): string => values.map((value) => `Route: ${value}\r\n`).join('');

/** What the caller sends when the call is taken: ACK and at once BYE. */
export function ackAndBye(response: string, transport: Transport, local: Place, contact: string): [string, string] {
  const number = textOf(numberOf(response));
  const routes = routesOf(recordRoutes(response).reverse());
  const dialog = line(response, 'From:') + line(response, 'To:') + line(response, 'Call-ID:');
  const request = (method: string, which: number, sequence: number): string =>
    `${method} ${contact} SIP/2.0\r\n${viaOf(transport, local)}${number}${which}\r\n${routes}Max-Forwards: 70\r\n${dialog}` +
    `CSeq: ${sequence} ${method}\r\nUser-Agent: UCCAPI/15.0.4569.1503 OC/15.0.4569.1503 (Microsoft Lync)\r\nContent-Length: 0\r\n\r\n`;
  return [request('ACK', 1, 1), request('BYE', 2, 2)];
}

const onceEach = ['From:', 'To:', 'Call-ID:', 'CSeq:'];

/** Lines of a request that its responses repeat (RFC 3261 §8.2.6.2), as they stand; Via and Record-Route come before the others. */
function copiedLines(request: string, tag: string): string {
  let copied = '';
  let start = request.indexOf('\r\n') + 2;
  for (let missing = onceEach.length; missing > 0; ) {
    const end = request.indexOf('\r\n', start);
    const field = request.slice(start, end);
    start = end + 2;
    const isOneOfFour = onceEach.some((name) => field.startsWith(name));
    if (isOneOfFour) missing -= 1;
    else if (!field.startsWith('Via:') && !field.startsWith('Record-Route:')) continue;
    const needsTag = field.startsWith('To:') && !field.includes(';tag=');
    copied += needsTag ? `${field};tag=${tag}\r\n` : `${field}\r\n`;
  }
  return copied;
}

/** @returns the answers of the far side to a request, none to an ACK; each a whole message */
export function answersTo(request: string, transport: Transport, at: Place): string[] {
  const initial = request.charAt(0);
  if (initial === 'A') return [];
  const copied = copiedLines(request, mark);
  const ok = `SIP/2.0 200 OK\r\n${copied}`;
  const contact = `Contact: <${contactOf(transport, 'bob', at)}>\r\n`;
  if (initial === 'I') {
    const sdp = offer(at.address);
    const ringing = `SIP/2.0 180 Ringing\r\n${copied}${contact}Content-Length: 0\r\n\r\n`;
    return [ringing, `${ok}${contact}Content-Type: application/sdp\r\nContent-Length: ${sdp.length}\r\n\r\n${sdp}`];
  }
  if (initial !== 'S') return [`${ok}Content-Length: 0\r\n\r\n`];
  return [`${ok}${contact}Expires: 3600\r\nContent-Length: 0\r\n\r\n`, notifyFor(request, transport, at, contact)];
}

/** The first NOTIFY of the subscription that this SUBSCRIBE begins. */
function notifyFor(subscribe: string, transport: Transport, at: Place, contact: string): string {
  const number = textOf(numberOf(subscribe));
  const asked = line(subscribe, 'Contact:');
  const body = presence(number);
  const [from, to] = [line(subscribe, 'To:').slice(4, -2), line(subscribe, 'From:').slice(6)];
  return (
    `NOTIFY ${asked.slice(asked.indexOf('<') + 1, asked.indexOf('>'))} SIP/2.0\r\n${viaOf(transport, at)}${number}3\r\n` +
    `${routesOf(recordRoutes(subscribe))}Max-Forwards: 70\r\nFrom: ${from};tag=${mark}\r\nTo: ${to}` +
    `${line(subscribe, 'Call-ID:')}CSeq: 1 NOTIFY\r\n${contact}Event: presence\r\nSubscription-State: active;expires=3600\r\n` +
    `Content-Type: application/pidf+xml\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  );
}
