/** A SIP end made of raw sockets for black-box tests: it listens or connects over UDP, TCP or TLS, sends text, and keeps what comes. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, connect as netConnect, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls';
import type { Credentials } from './development-certificates.ts';
import { type Address, RawFramer, RawMessage } from './raw-message.ts';

export type Transport = 'udp' | 'tcp' | 'tls';

export interface EndOptions {
  readonly transport: Transport;
  /** Local address; a source for `to`, else what is listened on. */
  readonly address: string;
  /** Local port; default any free one. */
  readonly port?: number;
  /** Where to connect (streams), or where `send` goes (UDP). Without it a stream end listens. */
  readonly to?: Address;
  /** TLS only: own certificate and whom to trust; both ends ask for a certificate. */
  readonly credentials?: Credentials;
  /** TLS only: the name that the far certificate must carry; default router.example.com. */
  readonly serverName?: string;
}

/** A message with where it came from; `reply` goes back the same way. */
export class Received extends RawMessage {
  readonly from: Address;
  readonly reply: (text: string) => void;

  constructor(text: string, from: Address, reply: (text: string) => void) {
    super(text);
    this.from = from;
    this.reply = reply;
  }
}

/** What a test waits for: a method, a status, or any condition. */
type Wanted = string | number | ((message: Received) => boolean);

type Responder = (message: Received) => string | undefined;

const matches = (message: Received, wanted: Wanted): boolean =>
  typeof wanted === 'function' ? wanted(message) : message.method === wanted || message.status === wanted;

interface Waiter {
  readonly wanted: Wanted;
  readonly give: (message: Received) => void;
}

/** By a FIN, or by a reset. */
export type Cut = 'end' | 'reset';

/** One end. Keep-alive CRLFs are counted, not kept among the messages. */
export class RawEnd {
  readonly transport: Transport;
  readonly address: string;
  readonly port: number;
  /** Messages that nobody has taken yet, oldest first. */
  readonly inbox: Received[] = [];
  keepAlives = 0;
  /** The far end has closed the stream. */
  isClosed = false;
  readonly #send: (text: string) => void;
  readonly #shut: () => Promise<void>;
  readonly #cut: (how: Cut) => void;
  readonly #waiters: Waiter[] = [];
  #responder: Responder | undefined;

  constructor(
    transport: Transport,
    local: Address,
    send: (text: string) => void,
    shut: () => Promise<void>,
    cut: (how: Cut) => void = () => undefined,
  ) {
    this.transport = transport;
    this.address = local.address;
    this.port = local.port;
    this.#send = send;
    this.#shut = shut;
    this.#cut = cut;
  }

  /** `SIP/2.0/UDP 127.0.0.1:5060` for a Via of this end; the branch is the test's. */
  get via(): string {
    return `SIP/2.0/${this.transport.toUpperCase()} ${this.address}:${this.port}`;
  }

  /** Sends latin1 text to the far end; an end that listens on a stream can only reply. */
  send(text: string): void {
    this.#send(text);
  }

  /** From now on each message is offered to `responder`, whose text is replied; all are kept in the inbox as well. */
  respond(responder: Responder): void {
    this.#responder = responder;
  }

  /** The oldest message wanted, now or when it comes; rejects after `withinMs`. */
  take(wanted: Wanted, withinMs = 5000): Promise<Received> {
    const index = this.inbox.findIndex((message) => matches(message, wanted));
    if (index >= 0) return Promise.resolve(this.inbox.splice(index, 1)[0]!);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(this.#missing(wanted, withinMs))), withinMs);
      const give = (message: Received): void => {
        clearTimeout(timer);
        resolve(message);
      };
      this.#waiters.push({ wanted, give });
    });
  }

  #missing(wanted: Wanted, withinMs: number): string {
    const seen = this.inbox.map((message) => message.startLine).join(' | ') || 'nothing';
    return `${this.via}: no ${typeof wanted === 'function' ? 'such message' : wanted} within ${withinMs} ms; in the inbox: ${seen}`;
  }

  receive(message: Received): void {
    const answer = this.#responder?.(message);
    if (answer !== undefined) message.reply(answer);
    const index = this.#waiters.findIndex(({ wanted }) => matches(message, wanted));
    if (index < 0) this.inbox.push(message);
    else this.#waiters.splice(index, 1)[0]!.give(message);
  }

  close(): Promise<void> {
    return this.#shut();
  }

  /** Breaks the connections that a listening end has accepted so far; it goes on to listen. */
  cut(how: Cut): void {
    this.#cut(how);
  }
}

export function openEnd(options: EndOptions): Promise<RawEnd> {
  if (options.transport === 'udp') return openUdp(options);
  return options.to ? connectStream(options, options.to) : listenStream(options);
}

async function openUdp({ address, port = 0, to }: EndOptions): Promise<RawEnd> {
  const socket: UdpSocket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.bind(port, address);
  await once(socket, 'listening');
  const sendTo = (text: string, target: Address | undefined): void => {
    if (!target) throw new Error('this UDP end has no far address');
    socket.send(Buffer.from(text, 'latin1'), target.port, target.address);
  };
  const end = new RawEnd(
    'udp',
    socket.address(),
    (text) => sendTo(text, to),
    () => new Promise((resolve) => socket.close(() => resolve())),
  );
  socket.on('message', (datagram, from) => {
    end.receive(new Received(datagram.toString('latin1'), from, (text) => sendTo(text, from)));
  });
  return end;
}

async function connectStream(options: EndOptions, to: Address): Promise<RawEnd> {
  const socket = options.transport === 'tls' ? secureSocket(options, to) : plainSocket(options, to);
  await once(socket, options.transport === 'tls' ? 'secureConnect' : 'connect');
  const send = (text: string): void => void socket.write(text, 'latin1');
  const local = { address: socket.localAddress!, port: socket.localPort! };
  const end = new RawEnd(options.transport, local, send, () => closeSocket(socket));
  read(socket, end);
  return end;
}

const plainSocket = ({ address, port = 0 }: EndOptions, to: Address): Socket =>
  netConnect({ host: to.address, port: to.port, localAddress: address, localPort: port, noDelay: true });

const secureSocket = (options: EndOptions, to: Address): Socket =>
  tlsConnect({
    ...options.credentials,
    socket: plainSocket(options, to),
    servername: options.serverName ?? 'router.example.com',
  });

async function listenStream({ transport, address, port = 0, credentials }: EndOptions): Promise<RawEnd> {
  const sockets = new Set<Socket>();
  const server: Server =
    transport === 'tls'
      ? createTlsServer({ ...credentials, requestCert: true, rejectUnauthorized: true })
      : createServer({ noDelay: true });
  server.listen(port, address);
  await once(server, 'listening');
  const shut = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    await Promise.all([...sockets].map(closeSocket));
    await closed;
  };
  const cannotSend = (): void => {
    throw new Error('an end that listens has no far end of its own: reply to a message');
  };
  const cut = (how: Cut): void => {
    for (const socket of sockets) {
      if (how === 'end') socket.end();
      else socket.resetAndDestroy();
    }
  };
  const end = new RawEnd(transport, server.address() as Address, cannotSend, shut, cut);
  server.on(transport === 'tls' ? 'secureConnection' : 'connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    read(socket, end);
  });
  return end;
}

/** Everything that comes in on a stream becomes messages of `end`. */
function read(socket: Socket, end: RawEnd): void {
  const framer = new RawFramer();
  const from = { address: socket.remoteAddress!, port: socket.remotePort! };
  const reply = (text: string): void => void socket.write(text, 'latin1');
  socket.setEncoding('latin1');
  // A far end that breaks off is a normal thing for a test; what it never said is missed by `take`.
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    end.isClosed = true;
  });
  socket.on('data', (chunk: string) => {
    for (const text of framer.push(chunk)) {
      if (text === '\r\n') end.keepAlives += 1;
      else end.receive(new Received(text, from, reply));
    }
  });
}

function closeSocket(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) return resolve();
    socket.once('close', () => resolve());
    socket.destroy();
  });
}
