/** A listening TCP or TLS port: accepts connections up to a limit, and sees them through the handshake. */
import type { AddressInfo, Server, Socket } from 'node:net';
import type { TLSSocket, Server as TlsServer } from 'node:tls';
import type { DiscardCode, Flow, Listener } from './flow.ts';
import { FlowUsers } from './flow-users.ts';
import type { ListenSetting } from './settings.ts';
import type { StreamOrigin } from './stream-connection.ts';
import { listenTcp } from './tcp.ts';
import { createHandshaker, provedNames, type TlsContext } from './tls.ts';
import { nobody } from './tls-names.ts';

export interface StreamListenerSettings {
  /** Accepted connections at a time, on all listeners. */
  readonly limit: number;
  readonly handshakeMs: number;
  /** Undefined: TCP. */
  readonly tls: TlsContext | undefined;
  describe(port: number): Listener;
}

export interface AcceptHandler {
  onAccepted(origin: StreamOrigin): void;
  /** A connection that could not become one. */
  onRefused(code: DiscardCode, flow: Flow, detail: string): void;
}

export class StreamListener {
  readonly #settings: StreamListenerSettings;
  /** Accepted by any listener and not yet closed, handshakes included. */
  readonly #accepted: Set<Socket>;
  readonly #handler: AcceptHandler;
  readonly #handshaker: TlsServer | undefined;
  #server: Server | undefined;
  #listener: Listener | undefined;

  constructor(settings: StreamListenerSettings, accepted: Set<Socket>, handler: AcceptHandler) {
    this.#settings = settings;
    this.#accepted = accepted;
    this.#handler = handler;
    const { tls, handshakeMs } = settings;
    const hands = { onSecured: this.#onSecured, onFailed: this.#onHandshakeFailed };
    this.#handshaker = tls === undefined ? undefined : createHandshaker(tls, handshakeMs, hands);
  }

  /** Rejects with the system's error, or with the ListenError of `describe`. */
  async open({ address, port }: ListenSetting): Promise<Listener> {
    const server = await listenTcp(address, port, this.#onConnection);
    this.#server = server;
    this.#listener = this.#settings.describe((server.address() as AddressInfo).port);
    return this.#listener;
  }

  /** Accepts no more; what was accepted lives on. */
  close(): void {
    this.#server?.close();
  }

  readonly #onConnection = (socket: Socket): void => {
    if (this.#accepted.size >= this.#settings.limit) {
      this.#refuse(socket, 'connection-limit', `${this.#settings.limit} connections are open`);
      socket.destroy();
      return;
    }
    this.#accepted.add(socket);
    socket.once('close', () => this.#accepted.delete(socket));
    if (this.#handshaker === undefined) this.#accept(socket, 'tcp');
    else this.#handshaker.emit('connection', socket);
  };

  readonly #onSecured = (socket: TLSSocket): void => this.#accept(socket, 'tls');

  readonly #onHandshakeFailed = (reason: string, socket: Socket): void => {
    this.#refuse(socket, 'tls-failed', reason);
    socket.destroy();
  };

  #accept(socket: Socket, transport: 'tcp' | 'tls'): void {
    const { remoteAddress, remotePort } = socket;
    const listener = this.#listener;
    // A peer that has gone already has no address.
    if (remoteAddress === undefined || remotePort === undefined || listener === undefined) {
      socket.destroy();
      return;
    }
    const { tlsProfile } = listener;
    const names = () => (transport === 'tls' ? provedNames(socket as TLSSocket) : nobody);
    const origin = { socket, transport, listener, remoteAddress, remotePort, tlsProfile, openEvent: undefined };
    this.#handler.onAccepted({ ...origin, provedNames: names });
  }

  #refuse(socket: Socket, code: DiscardCode, detail: string): void {
    if (this.#listener !== undefined) this.#handler.onRefused(code, stillborn(socket, this.#listener), detail);
  }
}

/** Stands for a connection that no message ever came by. */
function stillborn(socket: Socket, listener: Listener): Flow {
  return {
    transport: listener.transport,
    isReliable: true,
    listener,
    localAddress: socket.localAddress ?? listener.address,
    localPort: socket.localPort ?? listener.port,
    remoteAddress: socket.remoteAddress ?? '',
    remotePort: socket.remotePort ?? 0,
    verifiedNames: [],
    state: 'closed',
    users: new FlowUsers(),
    send: () => undefined,
  };
}
