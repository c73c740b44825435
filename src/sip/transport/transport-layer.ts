/** The transport layer as a whole (RFC 3261 §18): opens the listeners, finds or makes the flow to a target, and closes down. */
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Clock, Timer } from '../../clock.ts';
import type { Log } from '../../log.ts';
import { isUnicast } from '../../net/special-address.ts';
import { parseMessage, type SipRequest, type Via } from '../../sip-parser/index.ts';
import { MemoryBudget } from '../memory-budget.ts';
import { AcceptedSockets, type Refusal } from './accepted-sockets.ts';
import { closedFlow } from './closed-flow.ts';
import { ConnectionPool } from './connection-pool.ts';
import { Connector } from './connector.ts';
import type { Door } from './door.ts';
import type {
  DiscardCode,
  Flow,
  Listener,
  MessageHandler,
  Sender,
  Target,
  TransportLayer,
  Undelivered,
} from './flow.ts';
import { chooseListener } from './listener.ts';
import { Listening, type ListeningChange, type PendingChange } from './listening.ts';
import { identifyAgain } from './peer-identity.ts';
import { certificateRefusal, type PeerRefusal } from './peer-refusal.ts';
import type { ListenSetting, PortSharing, TransportLimits, TransportSettings, TransportTimeouts } from './settings.ts';
import { StreamConnection, type StreamParts } from './stream-connection.ts';
import { StreamListener } from './stream-listener.ts';
import type { StreamOrigin } from './stream-origin.ts';
import { createTlsContext, type TlsContext } from './tls.ts';
import type { TransportError } from './transport-error.ts';
import { UdpPort } from './udp.ts';
import { goesBackOn, responseTarget, sentByPort } from './via.ts';
import { WriteTurn } from './write-turn.ts';

export interface ReconfigurableTransports extends TransportLayer {
  /** TCP and TLS, by which something may still be sent. */
  readonly connections: Iterable<OpenConnection>;
  /**
   * Makes ready for other settings: new ports are opened, certificates read. Nothing else changes until `commit`, which is
   * done in one turn: then new connections and requests use the new settings; connections of a listener or TLS profile
   * that has changed take no new requests and close when they have been quiet; a port that is gone accepts no more.
   * Connections of peers that are not let in any more are strangers from then on, and soon closed.
   * Rejects with a ListenError when it cannot be done. One at a time.
   */
  reconfigure(settings: TransportSettings, door: Door): Promise<ListeningChange>;
  /** Open stream connections, those that peers opened and our own. */
  countConnections(): number;
  /** The peers now connected whose certificates have no other name, each once: `imp1.example.com at 192.0.2.11`. */
  knownByCommonName(): readonly string[];
  /** What peers make this layer, and the transactions above it, hold. */
  readonly memory: Pick<MemoryBudget, 'held' | 'limit' | 'refusals' | 'accountOf'>;
}

/** For watching. */
export type OpenConnection = Pick<
  StreamConnection,
  'transport' | 'remoteAddress' | 'remotePort' | 'isAccepted' | 'peerCertificate'
>;

/** @param handler told of every message; may use the layer at once */
export function createTransportLayer(
  settings: TransportSettings,
  door: Door,
  handler: MessageHandler,
  clock: Clock,
  log: Log,
  sharing: PortSharing = 'sole',
): ReconfigurableTransports {
  return new Transports(settings, door, handler, clock, log, sharing);
}

/** How often open connections are looked at for certificates that have ended meanwhile. */
const CERTIFICATE_LOOK_MS = 60_000;

/** How often a closing layer looks whether it is done. */
const DRAIN_STEP_MS = 50;

class Transports implements ReconfigurableTransports {
  readonly #first: TransportSettings;
  readonly #handler: MessageHandler;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #pool = new ConnectionPool();
  readonly memory: MemoryBudget;
  /** Those in force: a commit changes them in place, for all that hold a reference. */
  readonly #limits: TransportLimits;
  readonly #timeouts: TransportTimeouts;
  readonly #door: Door;
  readonly #parts: StreamParts;
  readonly #connector: Connector;
  readonly #tls = new Map<string, TlsContext>();
  readonly #listening: Listening;
  readonly #accepted: AcceptedSockets;
  #certificateLook: Timer | undefined;

  constructor(
    settings: TransportSettings,
    first: Door,
    handler: MessageHandler,
    clock: Clock,
    log: Log,
    sharing: PortSharing,
  ) {
    this.#first = settings;
    this.#handler = handler;
    this.#clock = clock;
    this.#log = log;
    const limits = { ...settings.limits };
    const timeouts = { ...settings.timeouts };
    this.#limits = limits;
    this.memory = new MemoryBudget(limits.memoryBytes);
    this.#timeouts = timeouts;
    const door = { ...first };
    this.#door = door;
    this.#accepted = new AcceptedSockets({ limits, timeouts, door }, clock, this.#onTurnedAway);
    const undelivered = (response: string, flow: Flow) => this.#sendAgain(response, flow);
    const lost = (response: string, flow: Flow, why: TransportError) => this.#onUndelivered(response, flow, why);
    this.#parts = {
      limits,
      memory: this.memory,
      timeouts,
      handler,
      clock,
      writeTurn: new WriteTurn(),
      registry: this.#pool,
      onIdentified: this.#onIdentified,
      onPeerRefused: this.#onPeerRefused,
      undelivered,
      lost,
    };
    this.#connector = new Connector(this.#tls, this.#parts);
    const accepting = {
      onAccepted: this.#onAccepted,
      onRefused: this.#onRefused,
      onPeerRefused: this.#onPeerRefused,
    };
    const udp = (setting: ListenSetting) => new UdpPort(setting, limits, this.memory, door, handler, log, sharing);
    const stream = () => new StreamListener({ timeouts }, this.#accepted, accepting, sharing);
    this.#listening = new Listening({ udp, stream }, clock);
  }

  get listeners(): readonly Listener[] {
    return this.#listening.listeners;
  }

  get connections(): Iterable<OpenConnection> {
    return this.#pool.connections;
  }

  async open(): Promise<void> {
    const first = await this.reconfigure(this.#first, this.#door);
    first.commit();
    this.#watchCertificates();
  }

  countConnections(): number {
    return this.#pool.size;
  }

  async reconfigure(settings: TransportSettings, door: Door): Promise<ListeningChange> {
    const contexts = this.#contextsOf(settings);
    const ports = await this.#listening.prepare(settings, contexts);
    return { ...ports, commit: () => this.#put(settings, door, contexts, ports) };
  }

  /** A profile that has not changed keeps its context, and so its connections. */
  #contextsOf({ tls }: TransportSettings): ReadonlyMap<string, TlsContext> {
    const contexts = new Map<string, TlsContext>();
    for (const [name, profile] of tls) {
      const known = this.#tls.get(name);
      const isSame = known !== undefined && isDeepStrictEqual(known.profile, profile);
      contexts.set(name, isSame ? known : createTlsContext(profile));
    }
    return contexts;
  }

  #put(settings: TransportSettings, door: Door, contexts: ReadonlyMap<string, TlsContext>, ports: PendingChange): void {
    const hasNewTimeouts = !isDeepStrictEqual(this.#timeouts, settings.timeouts);
    const before = new Map(this.#tls);
    Object.assign(this.#limits, settings.limits);
    this.memory.limit = settings.limits.memoryBytes;
    Object.assign(this.#timeouts, settings.timeouts);
    Object.assign(this.#door, door);
    this.#tls.clear();
    for (const [name, context] of contexts) this.#tls.set(name, context);
    ports.commit();
    for (const connection of this.#pool.connections) {
      const { tlsProfile = '' } = connection;
      const hasOtherContext = before.get(tlsProfile) !== contexts.get(tlsProfile);
      if (hasOtherContext || this.#isOutdated(connection)) connection.retire();
      else if (hasNewTimeouts) connection.onNewTimeouts();
    }
    this.#reexamine(before);
  }

  /** Closes peers that would not be let in now: a CA, a certificate, a name or an address may have lost its trust. */
  #reexamine(before: ReadonlyMap<string, TlsContext>): void {
    for (const connection of [...this.#pool.connections]) {
      if (this.#contextFor(connection) !== before.get(connection.tlsProfile ?? '')) this.#identifyAgain(connection);
      this.#judge(connection);
    }
  }

  #identifyAgain(connection: StreamConnection): void {
    const context = this.#contextFor(connection);
    if (context === undefined) return;
    connection.reexamine((socket, expectation) => identifyAgain(socket, context, expectation));
  }

  /** Nothing tells when a certificate ends that was good in the handshake (RFC 5280 §4.1.2.5). */
  #watchCertificates(): void {
    this.#certificateLook = this.#clock.after(CERTIFICATE_LOOK_MS, () => {
      const now = new Date();
      for (const connection of [...this.#pool.connections]) {
        expelWhenExpired(connection, now);
        this.#tellProof(connection);
      }
      this.#watchCertificates();
    });
  }

  /** What a connection like this one would be judged by now: by its old profile when its listener is gone. */
  #contextFor({
    isAccepted,
    tlsProfile,
    listener: { transport, address, port },
  }: StreamConnection): TlsContext | undefined {
    const isSame = (other: Listener) =>
      other.transport === transport && other.address === address && other.port === port;
    const current = isAccepted ? this.listeners.find(isSame)?.tlsProfile : undefined;
    return this.#tls.get(current ?? tlsProfile ?? '');
  }

  /** A peer that had to show a certificate can be judged, and closed, before it sends anything. */
  #expelStranger(connection: StreamConnection): void {
    const { isAccepted, state, tlsProfile = '' } = connection;
    if (!isAccepted || state !== 'open' || this.#tls.get(tlsProfile)?.profile.clientCertificate !== 'required') return;
    const refusal = this.#handler.refusalOf?.(connection);
    if (refusal !== undefined) connection.expel(refusal);
  }

  /** Its listener has other words now, shows another certificate, or is gone. */
  #isOutdated({ listener }: StreamConnection): boolean {
    return !this.listeners.includes(listener);
  }

  readonly #onAccepted = (origin: StreamOrigin): void => {
    const connection = new StreamConnection(origin, this.#parts);
    this.#pool.add(connection);
    // Its handshake began before a change and ended after it.
    if (this.#isOutdated(connection)) {
      connection.retire();
      this.#identifyAgain(connection);
    }
    this.#judge(connection);
  };

  readonly #onIdentified = (connection: StreamConnection): void => {
    // It was opened with a profile that has changed meanwhile.
    if (connection.isRetired) this.#identifyAgain(connection);
    this.#tellProof(connection);
    if (connection.nameBasis !== 'common-name') return;
    const { remoteAddress, remotePort, verifiedNames: names, tlsProfile: profile } = connection;
    const peer = `tls:${remoteAddress}:${remotePort}`;
    this.#log.info(
      { event: 'known-by-common-name', peer, names, profile },
      'the certificate of this peer has no other name',
    );
  };

  #tellProof(connection: StreamConnection): void {
    if (connection.state === 'open' && connection.verifiedNames.length > 0) this.#handler.onProved?.(connection);
  }

  knownByCommonName(): readonly string[] {
    const found = [...this.#pool.connections].filter(({ nameBasis }) => nameBasis === 'common-name');
    return [
      ...new Set(found.map(({ verifiedNames, remoteAddress }) => `${verifiedNames.join(', ')} at ${remoteAddress}`)),
    ];
  }

  readonly #onPeerRefused = (refusal: PeerRefusal, flow: Flow): void => {
    const direction = flow instanceof StreamConnection && !flow.isAccepted ? 'out' : 'in';
    this.#handler.onPeerRefused?.(refusal, flow, direction);
  };

  /** A peer that is not let in stays only until its 403 is sent, if it is answered at all. */
  #judge(connection: StreamConnection): void {
    this.#expelStranger(connection);
    if (!connection.isAccepted || connection.state !== 'open') return;
    const { admits, answersStrangers } = this.#door;
    const isAdmitted = admits(connection);
    const refusal = this.#accepted.judge(connection, isAdmitted) ?? (isAdmitted ? undefined : stranger(connection));
    if (refusal === undefined || (refusal.code === 'stranger' && answersStrangers)) return;
    this.#onRefused(refusal.code, connection, refusal.detail);
    connection.destroy(refusal.detail);
  }

  readonly #onRefused = (code: DiscardCode, flow: Flow, detail: string): void => {
    this.#handler.onDiscarded(code, flow, detail);
  };

  readonly #onTurnedAway = (socket: Socket, { code, detail }: Refusal): void => {
    const listener = this.listeners.find(({ transport, port }) => transport !== 'udp' && port === socket.localPort);
    if (listener !== undefined) this.#onRefused(code, closedFlow(socket, listener), detail);
  };

  flowTo(target: Target): Flow | TransportError {
    const listener = chooseListener(this.listeners, target);
    if (listener === undefined) {
      return { code: 'no-listener', detail: `no ${target.transport} listener to reach ${target.address} from` };
    }
    const reused = target.transport === 'udp' ? undefined : this.#pool.find(target, listener);
    return reused ?? this.#flowFrom(listener, target);
  }

  leave(target: Target): void {
    const listener = chooseListener(this.listeners, target);
    const connection = listener && this.#pool.find(target, listener);
    if (connection === undefined) return;
    if (connection.isAtRest) connection.close('nothing has come back on it');
    else this.#pool.forget(connection);
  }

  #flowFrom(listener: Listener, target: Target): Flow | TransportError {
    const port = this.#listening.udpPortOf(listener);
    if (port !== undefined) return port.flowTo(target.address, target.port);
    if (!isUnicast(target.address) || target.port < 1 || target.port > 65_535) {
      return { code: 'connect-failed', detail: `nothing can be sent to ${target.address} port ${target.port}` };
    }
    const connection = this.#connector.connect(target, listener);
    if (connection instanceof StreamConnection) this.#pool.add(connection);
    return connection;
  }

  sendResponse(text: string, request: SipRequest | undefined, flow: Flow): void {
    const via = (request ?? parseMessage(text))?.topVia;
    // Without a readable Via there is only the source of the request to go by.
    if (via === undefined || goesBackOn(via, flow)) this.#sendBack(text, flow, flow);
    else this.#sendElsewhere(text, via, flow);
  }

  /** @param asker brought the request */
  #sendBack(text: string, flow: Flow, asker: Sender): void {
    if (text.length <= flow.maxOctets) return flow.send(text);
    const detail = `${text.length} octets do not fit in a datagram, which holds ${flow.maxOctets}`;
    this.#onUndelivered(text, asker, { code: 'answer-too-large', detail });
  }

  #onUndelivered(text: string, asker: Sender, why: Undelivered): void {
    this.#handler.onUndelivered?.(text, asker, why);
  }

  /** RFC 3261 §18.2.2: the connection is gone, so the response goes to where its Via says. */
  #sendAgain(response: string, flow: Flow): void {
    const via = parseMessage(response)?.topVia;
    if (via !== undefined) this.#sendElsewhere(response, via, flow);
  }

  #sendElsewhere(text: string, via: Via, flow: Flow): void {
    const target = responseTarget(via, flow);
    if (target === undefined) {
      const detail = `nothing can be sent to ${flow.remoteAddress} port ${sentByPort(via, flow.transport)}`;
      return this.#onUndelivered(text, flow, { code: 'no-address', detail });
    }
    // RFC 3581 §4: from the UDP port that the request came to, while there is one; streams have none to keep to.
    const isOpenPort = this.#listening.udpPortOf(flow.listener) !== undefined;
    const other = isOpenPort ? this.#flowFrom(flow.listener, target) : this.flowTo(target);
    if ('send' in other) this.#sendBack(text, other, flow);
    else this.#onUndelivered(text, flow, other);
  }

  async close(graceMs: number): Promise<void> {
    this.#certificateLook?.cancel();
    this.#listening.stopAccepting();
    const deadline = this.#clock.now() + graceMs;
    await new Promise<void>((resolve) => this.#drain(deadline, resolve));
    for (const connection of [...this.#pool.connections]) connection.destroy('the router has closed');
    for (const socket of [...this.#accepted.sockets(), ...this.#connector.sockets]) socket.destroy();
    // Datagrams leave in the next look at the sockets (cli/node-options.ts), before the second turn from here at the latest.
    await nextTurn();
    await nextTurn();
    this.#listening.closeUdp();
  }

  #drain(deadline: number, whenDone: () => void): void {
    for (const connection of [...this.#pool.connections]) {
      if (connection.isAtRest) connection.close('the router is closing');
    }
    if (this.#isDrained() || this.#clock.now() >= deadline) whenDone();
    else this.#clock.after(DRAIN_STEP_MS, () => this.#drain(deadline, whenDone));
  }

  #isDrained(): boolean {
    if (this.#accepted.size > 0 || this.#connector.sockets.size > 0) return false;
    return this.#listening.isAtRest;
  }
}

const expelWhenExpired = (connection: StreamConnection, now: Date): void => {
  const { peerCertificate, state } = connection;
  if (state !== 'open' || peerCertificate === undefined || now <= peerCertificate.validToDate) return;
  connection.expel(certificateRefusal('CERT_HAS_EXPIRED', peerCertificate));
};

const stranger = ({ remoteAddress, verifiedNames }: StreamConnection): Refusal => {
  const names = verifiedNames.length === 0 ? 'no name' : verifiedNames.join(', ');
  return { code: 'stranger', detail: `no access rule lets in ${remoteAddress}, which has proved ${names}` };
};
