/** A listening TCP or TLS port: accepts connections within the limits and from admitted addresses, up to the end of the handshake. */
import type { AddressInfo, Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { nobody } from '../../certificates/names.ts';
import type { AcceptedSockets } from './accepted-sockets.ts';
import { closedFlow } from './closed-flow.ts';
import type { DiscardCode, Flow, Listener } from './flow.ts';
import { anybodyCalling, identify, isRefusal } from './peer-identity.ts';
import { handshakeRefusal, type PeerRefusal } from './peer-refusal.ts';
import type { ListenSetting, PortSharing, TransportTimeouts } from './settings.ts';
import type { Sockets } from './sockets.ts';
import type { StreamOrigin } from './stream-origin.ts';
import type { Handshaker, TlsContext } from './tls.ts';

/** Read whenever they are needed: a reload changes them in place. */
interface StreamListenerSettings {
  /** Of which `messageMs`: for a handshake. */
  readonly timeouts: Pick<TransportTimeouts, 'messageMs'>;
}

/** What completes the handshakes of one TLS context. */
interface Handshaking {
  readonly context: TlsContext;
  readonly listener: Listener;
  readonly handshakeMs: number;
  readonly server: Handshaker;
}

interface AcceptHandler {
  onAccepted(origin: StreamOrigin): void;
  /** A connection that could not become one. */
  onRefused(code: DiscardCode, flow: Flow, detail: string): void;
  /** One whose peer may not be heard. */
  onPeerRefused(refusal: PeerRefusal, flow: Flow): void;
}

export class StreamListener {
  readonly #settings: StreamListenerSettings;
  /** Of all listeners. */
  readonly #accepted: AcceptedSockets;
  readonly #handler: AcceptHandler;
  readonly #sockets: Sockets;
  readonly #sharing: PortSharing;
  /** Undefined: TCP. */
  #handshaking: Handshaking | undefined;
  #server: Server | undefined;
  #listener: Listener | undefined;

  constructor(
    settings: StreamListenerSettings,
    accepted: AcceptedSockets,
    handler: AcceptHandler,
    sockets: Sockets,
    sharing: PortSharing = 'sole',
  ) {
    this.#settings = settings;
    this.#accepted = accepted;
    this.#handler = handler;
    this.#sockets = sockets;
    this.#sharing = sharing;
  }

  /**
   * Rejects with the system's error, or with the ListenError of `describe`.
   * @param tls undefined: TCP
   */
  async open(
    setting: ListenSetting,
    describe: (port: number) => Listener,
    tls: TlsContext | undefined,
  ): Promise<Listener> {
    const server = await this.#sockets.listenTcp(setting, this.#sharing, this.#onConnection);
    this.#server = server;
    try {
      const listener = describe((server.address() as AddressInfo).port);
      this.use(listener, tls);
      return listener;
    } catch (error) {
      server.close();
      throw error;
    }
  }

  /** For connections from now on; those that are shaking hands finish as they began. */
  use(listener: Listener, tls: TlsContext | undefined): void {
    this.#listener = listener;
    this.#handshaking = tls === undefined ? undefined : this.#handshakingWith(tls, listener);
  }

  #handshakingWith(context: TlsContext, listener: Listener): Handshaking {
    const handshakeMs = this.#settings.timeouts.messageMs;
    const known = this.#handshaking;
    if (known?.context === context && known.listener === listener && known.handshakeMs === handshakeMs) return known;
    const server = this.#sockets.createHandshaker(context, handshakeMs, {
      onSecured: (socket) => this.#judge(socket, context, listener),
      onFailed: this.#onHandshakeFailed,
    });
    return { context, listener, handshakeMs, server };
  }

  /** Accepts no more; what was accepted lives on. */
  close(): void {
    this.#server?.close();
  }

  /**
   * A peer that could not be let in is not read, and costs no handshake. A connection that was reset before it was accepted, as
   * by probes of load balancers, has no address any more, so that nothing can be reported.
   */
  readonly #onConnection = (socket: Socket): void => {
    if (socket.remoteAddress === undefined) return void socket.destroy();
    const refusal = this.#accepted.enter(socket, this.#handshaking === undefined ? 'tcp' : 'tls');
    if (refusal !== undefined) {
      this.#refuse(socket, refusal.code, refusal.detail);
      socket.resetAndDestroy();
    } else if (this.#handshaking === undefined) this.#accept(socket, 'tcp', this.#listener);
    else this.#handshaking.server.emit('connection', socket);
  };

  readonly #onHandshakeFailed = (reason: string, socket: Socket): void =>
    this.#refusePeer(socket, handshakeRefusal(reason));

  /** RFC 5922 §7.4: before anything that the peer has sent is read. */
  #judge(socket: TLSSocket, context: TlsContext, listener: Listener): void {
    const identity = identify(socket, context, anybodyCalling);
    if (isRefusal(identity)) this.#refusePeer(socket, identity);
    else this.#accept(socket, 'tls', listener, identity);
  }

  #accept(socket: Socket, transport: 'tcp' | 'tls', listener: Listener | undefined, names = nobody): void {
    const { remoteAddress, remotePort } = socket;
    // A peer that has gone already has no address.
    if (remoteAddress === undefined || remotePort === undefined || listener === undefined) {
      socket.destroy();
      return;
    }
    const { tlsProfile } = listener;
    const origin = { socket, transport, listener, remoteAddress, remotePort, tlsProfile, openEvent: undefined };
    const expectation = transport === 'tls' ? anybodyCalling : undefined;
    this.#handler.onAccepted({ ...origin, identify: () => names, expectation });
  }

  #refusePeer(socket: Socket, refusal: PeerRefusal): void {
    if (this.#listener !== undefined) this.#handler.onPeerRefused(refusal, closedFlow(socket, this.#listener));
    socket.destroy();
  }

  #refuse(socket: Socket, code: DiscardCode, detail: string): void {
    if (this.#listener !== undefined) this.#handler.onRefused(code, closedFlow(socket, this.#listener), detail);
  }
}
