/** Sockets of the load generator and the sink: whole messages in, many messages a write out. It knows SIP's framing only. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
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

/** The other end of a connection, or a UDP address. */
export interface Peer {
  /** Where we are, as it sees us. */
  readonly local: Place;
  /** Latin1, a whole message; it leaves with the next flush. */
  put(message: string): void;
  /** On streams all that was put leaves in one write; on UDP each message as a datagram of its own. */
  flush(): void;
}

/** Told of each whole message, latin1. What it puts to the peer is flushed when the read is done. */
type Take = (message: string, peer: Peer) => void;

/** The name that the certificates of the measured programs carry. */
const routerName = 'router.example.com';

/** So that a burst is not lost in this program's own buffers. */
const udpBufferBytes = 4 << 20;

export async function connect(
  transport: Transport,
  from: string,
  to: Place,
  identity: Identity,
  take: Take,
): Promise<Peer> {
  if (transport === 'udp') {
    const socket = await udpSocket({ address: from, port: 0 }, take);
    return udpPeer(socket, socket.address(), to);
  }
  const plain = netConnect({ host: to.address, port: to.port, localAddress: from, noDelay: true });
  const socket = transport === 'tls' ? tlsConnect({ ...identity, socket: plain, servername: routerName }) : plain;
  await once(socket, transport === 'tls' ? 'secureConnect' : 'connect');
  return streamPeer(socket, { address: plain.localAddress!, port: plain.localPort! }, take);
}

export async function serve(transport: Transport, at: Place, identity: Identity, take: Take): Promise<void> {
  if (transport === 'udp') {
    await udpSocket(at, take);
    return;
  }
  const accept = (socket: Socket): void => {
    socket.setNoDelay(true);
    streamPeer(socket, at, take);
  };
  const server =
    transport === 'tls' ? createTlsServer({ ...identity, requestCert: true }, accept) : createServer(accept);
  server.listen({ port: at.port, host: at.address, backlog: 4_096 });
  await once(server, 'listening');
}

function streamPeer(socket: Socket, local: Place, take: Take): Peer {
  let waiting = '';
  let out: string[] = [];
  const peer: Peer = {
    local,
    put: (message) => void out.push(message),
    flush: () => {
      if (out.length === 0) return;
      socket.write(out.join(''), 'latin1');
      out = [];
    },
  };
  // The measured program closes its connections when it ends.
  socket.on('error', () => socket.destroy());
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    waiting = takeWhole(waiting + chunk, (message) => take(message, peer));
    peer.flush();
  });
  return peer;
}

async function udpSocket(at: Place, take: Take): Promise<UdpSocket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: udpBufferBytes, sendBufferSize: udpBufferBytes });
  socket.bind(at.port, at.address);
  await once(socket, 'listening');
  const local = socket.address();
  const peers = new Map<string, Peer>();
  const peerAt = (from: Place): Peer => {
    const key = `${from.address}:${from.port}`;
    const peer = peers.get(key) ?? udpPeer(socket, local, from);
    peers.set(key, peer);
    return peer;
  };
  socket.on('message', (datagram, from) => {
    const peer = peerAt(from);
    take(datagram.toString('latin1'), peer);
    peer.flush();
  });
  return socket;
}

function udpPeer(socket: UdpSocket, local: Place, to: Place): Peer {
  let out: string[] = [];
  return {
    local,
    put: (message) => void out.push(message),
    flush: () => {
      for (const message of out) socket.send(Buffer.from(message, 'latin1'), to.port, to.address);
      if (out.length > 0) out = [];
    },
  };
}

/**
 * Cuts by Content-Length, which every message here carries as its last header field.
 * @returns what is left of a message that is not whole
 */
function takeWhole(text: string, take: (message: string) => void): string {
  let start = 0;
  for (let head = text.indexOf('\r\n\r\n'); head >= 0; head = text.indexOf('\r\n\r\n', start)) {
    const length = Number(text.slice(text.lastIndexOf(':', head) + 1, head));
    if (Number.isNaN(length)) throw new Error(`Content-Length is not the last field of ${text.slice(start, head)}`);
    const end = head + 4 + length;
    if (end > text.length) break;
    take(text.slice(start, end));
    start = end;
  }
  return text.slice(start);
}
