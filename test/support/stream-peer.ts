/** The far end of a TCP or TLS connection in tests: raw sockets that keep what they read, until told to read no more. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { until } from './until.ts';

export class StreamPeer {
  readonly socket: Socket;
  /** All that was read, latin1. */
  text = '';
  hasEnded = false;
  isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1');
    });
    socket.on('end', () => {
      this.hasEnded = true;
    });
    socket.on('close', () => {
      this.isClosed = true;
    });
    // What a test does to a connection shows on the other side.
    socket.on('error', () => undefined);
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** Waits for text that contains `part`. */
  read(part: string): Promise<string> {
    return until(() => this.text.includes(part) && this.text);
  }
}

export interface PeerServer {
  readonly port: number;
  /** Those who connected, in order. */
  readonly peers: StreamPeer[];
  /** Waits for the nth connection, from 0. */
  peer(index: number): Promise<StreamPeer>;
}

const closers: (() => void)[] = [];

/** Connects to a listener. */
export function connectPeer(
  { address, port }: { readonly address: string; readonly port: number },
  localAddress?: string,
): StreamPeer {
  const source = localAddress === undefined ? {} : { localAddress };
  return keepPeer(connect({ host: address, port, allowHalfOpen: true, ...source }));
}

/** @param server not listening yet; its `connection` event gives the peers (`secureConnection` for TLS) */
export async function listenAsPeer(
  address = '127.0.0.1',
  server: Server = createServer({ allowHalfOpen: true }),
  event: 'connection' | 'secureConnection' = 'connection',
): Promise<PeerServer> {
  const peers: StreamPeer[] = [];
  server.on(event, (socket: Socket) => peers.push(keepPeer(socket)));
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  closers.push(() => server.close());
  return { port: (server.address() as AddressInfo).port, peers, peer: (index) => until(() => peers[index]) };
}

/** A peer on a socket that the test made. */
export function keepPeer(socket: Socket): StreamPeer {
  closers.push(() => socket.destroy());
  return new StreamPeer(socket);
}

/** For `afterEach`. */
export function closePeers(): void {
  for (const close of closers.splice(0)) close();
}
