/**
 * Carries SIP between TLS and plain TCP, for programs that cannot speak TLS themselves (Debian's SIPp is built without).
 * Not a byte is changed.
 */
import { once } from 'node:events';
import { createServer, connect as netConnect, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls';
import type { Credentials } from './development-certificates.ts';
import type { Address } from './raw-message.ts';

export interface Bridge {
  close(): Promise<void>;
}

interface OutwardBridge {
  /** Where plain TCP is accepted. */
  readonly plain: Address;
  /** The TLS peer, and its name. */
  readonly to: Address;
  readonly serverName: string;
  /** Source of the TLS connection: what the peer sees, and what a Contact can name. Serves one connection at a time. */
  readonly source: Address;
  readonly credentials: Credentials;
}

/** Plain TCP in, TLS out: beside a client. */
export function bridgeOutward({ plain, to, serverName, source, credentials }: OutwardBridge): Promise<Bridge> {
  const server = createServer((near) => {
    const socket = netConnect({
      host: to.address,
      port: to.port,
      localAddress: source.address,
      localPort: source.port,
    });
    join(near, tlsConnect({ ...credentials, socket, servername: serverName }));
  });
  return open(server, plain);
}

interface InwardBridge {
  /** Where TLS is accepted; connecting peers must show a certificate. */
  readonly secure: Address;
  /** Where plain TCP is spoken to. */
  readonly to: Address;
  readonly credentials: Credentials;
}

/** TLS in, plain TCP out: before a server. */
export function bridgeInward({ secure, to, credentials }: InwardBridge): Promise<Bridge> {
  const server = createTlsServer({ ...credentials, requestCert: true, rejectUnauthorized: true }, (near) => {
    join(near, netConnect({ host: to.address, port: to.port, localAddress: secure.address }));
  });
  return open(server, secure);
}

/** What one side says the other hears; when one goes, the other goes too. */
function join(near: Socket, far: Socket): void {
  near.pipe(far).pipe(near);
  for (const [one, other] of [
    [near, far],
    [far, near],
  ] as const) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
  }
}

async function open(server: Server, at: Address): Promise<Bridge> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(at.port, at.address);
  await once(server, 'listening');
  return {
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
