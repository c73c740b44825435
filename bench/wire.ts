/** Sockets of the load generator and the sink: text in, text out, one write per turn. No parser. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, connect as netConnect, type Socket } from 'node:net';
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls';

export type Transport = 'udp' | 'tcp' | 'tls';

export interface Place {
  readonly address: string;
  readonly port: number;
}

/** PEM texts. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

export interface Wire {
  readonly local: Place;
  /** One or more whole messages, latin1; on UDP each of them goes as a datagram of its own. */
  send(messages: readonly string[]): void;
}

/** Whatever came in, latin1: on UDP a datagram, on streams any piece. */
export type Receive = (text: string) => void;

export async function connect(
  transport: Transport,
  from: string,
  to: Place,
  identity: Identity,
  receive: Receive,
): Promise<Wire> {
  if (transport === 'udp') return udpWire(from, to, receive);
  const plain = netConnect({ host: to.address, port: to.port, localAddress: from, noDelay: true });
  const socket = transport === 'tls' ? tlsConnect({ ...identity, socket: plain, servername: routerName }) : plain;
  await once(socket, transport === 'tls' ? 'secureConnect' : 'connect');
  socket.setEncoding('latin1').on('data', receive);
  return {
    local: { address: plain.localAddress!, port: plain.localPort! },
    send: (messages) => void socket.write(messages.join(''), 'latin1'),
  };
}

const routerName = 'router.example.com';

async function udpWire(from: string, to: Place, receive: Receive): Promise<Wire> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: udpBufferBytes, sendBufferSize: udpBufferBytes });
  socket.bind(0, from);
  await once(socket, 'listening');
  socket.on('message', (datagram) => receive(datagram.toString('latin1')));
  return {
    local: socket.address(),
    send: (messages) => {
      for (const message of messages) socket.send(Buffer.from(message, 'latin1'), to.port, to.address);
    },
  };
}

/** So that a burst is not lost in this program's own buffers. */
const udpBufferBytes = 4 << 20;

/** Answers every message that comes in with the text that `answer` makes of it. */
export async function serve(
  transport: Transport,
  at: Place,
  identity: Identity,
  answer: (request: string) => string,
): Promise<void> {
  if (transport === 'udp') return serveUdp(at, answer);
  const accept = (socket: Socket): void => answerStream(socket, answer);
  const server =
    transport === 'tls' ? createTlsServer({ ...identity, requestCert: true }, accept) : createServer(accept);
  server.listen(at.port, at.address);
  await once(server, 'listening');
}

async function serveUdp(at: Place, answer: (request: string) => string): Promise<void> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: udpBufferBytes, sendBufferSize: udpBufferBytes });
  socket.on('message', (datagram, { address, port }) => {
    socket.send(Buffer.from(answer(datagram.toString('latin1')), 'latin1'), port, address);
  });
  socket.bind(at.port, at.address);
  await once(socket, 'listening');
}

function answerStream(socket: Socket, answer: (request: string) => string): void {
  let waiting = '';
  socket.setNoDelay(true);
  // The router closes its connections when it ends.
  socket.on('error', () => socket.destroy());
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    const { whole, rest } = cut(waiting + chunk);
    waiting = rest;
    if (whole.length > 0) socket.write(whole.map(answer).join(''), 'latin1');
  });
}

/** Cuts by Content-Length, which every message here carries as its last header field. */
export function cut(text: string): { readonly whole: string[]; readonly rest: string } {
  const whole: string[] = [];
  let start = 0;
  for (let head = text.indexOf('\r\n\r\n'); head >= 0; head = text.indexOf('\r\n\r\n', start)) {
    const length = Number(text.slice(text.lastIndexOf(':', head) + 1, head));
    if (Number.isNaN(length))
      throw new Error(`Content-Length is not the last header field of ${text.slice(start, head)}`);
    const end = head + 4 + length;
    if (end > text.length) break;
    whole.push(text.slice(start, end));
    start = end;
  }
  return { whole, rest: text.slice(start) };
}
