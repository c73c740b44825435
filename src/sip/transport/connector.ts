/** Opens connections to targets. */
import type { Socket } from 'node:net';
import { expectedNames, type Listener, type Target } from './flow.ts';
import { identify } from './peer-identity.ts';
import type { Sockets } from './sockets.ts';
import { StreamConnection, type StreamParts } from './stream-connection.ts';
import type { TlsContext } from './tls.ts';
import type { TransportError } from './transport-error.ts';

export class Connector {
  readonly #tls: ReadonlyMap<string, TlsContext>;
  readonly #parts: StreamParts;
  readonly #system: Sockets;
  /** Not yet closed. */
  readonly sockets = new Set<Socket>();

  constructor(tls: ReadonlyMap<string, TlsContext>, parts: StreamParts, system: Sockets) {
    this.#tls = tls;
    this.#parts = parts;
    this.#system = system;
  }

  /** @param listener whose address and, unless the target names another, TLS profile we show */
  connect(target: Target, listener: Listener): StreamConnection | TransportError {
    return target.transport === 'tls' ? this.#connectTls(target, listener) : this.#connectTcp(target, listener);
  }

  #connectTcp(target: Target, listener: Listener): StreamConnection {
    const socket = this.#keep(this.#system.dialTcp(target, listener));
    return new StreamConnection(
      {
        socket,
        transport: 'tcp',
        listener,
        remoteAddress: target.address,
        remotePort: target.port,
        tlsProfile: undefined,
        openEvent: 'connect',
        identify: undefined,
        expectation: undefined,
      },
      this.#parts,
    );
  }

  #connectTls(target: Target, listener: Listener): StreamConnection | TransportError {
    const tlsProfile = target.tlsProfile ?? listener.tlsProfile ?? '';
    const context = this.#tls.get(tlsProfile);
    if (context === undefined) return { code: 'tls-failed', detail: `there is no TLS profile "${tlsProfile}"` };
    const socket = this.#keep(this.#system.dialTls(target, listener, context));
    const expectation = { isAccepted: false, names: expectedNames(target) };
    return new StreamConnection(
      {
        socket,
        transport: 'tls',
        listener,
        remoteAddress: target.address,
        remotePort: target.port,
        tlsProfile,
        openEvent: 'secureConnect',
        identify: () => identify(socket, context, expectation),
        expectation,
      },
      this.#parts,
    );
  }

  #keep<Kind extends Socket>(socket: Kind): Kind {
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    return socket;
  }
}
