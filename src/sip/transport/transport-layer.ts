/**
 * The transport layer as a whole (RFC 3261 §18): opens the listeners, finds or makes the flow to a target, sends responses,
 * and closes down.
 */
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import { isUnicast } from '../../net/special-address.ts';
import { parseMessage, type SipRequest, type Via } from '../../sip-parser/index.ts';
import { MemoryBudget } from '../memory-budget.ts';
import { AcceptedSockets, type Refusal } from './accepted-sockets.ts';
import { closedFlow } from './closed-flow.ts';
import { ConnectedPeers } from './connected-peers.ts';
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
import type { PeerRefusal } from './peer-refusal.ts';
import type { ListenSetting, PortSharing, TransportLimits, TransportSettings, TransportTimeouts } from './settings.ts';
import { type Sockets, systemSockets } from './sockets.ts';
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
  sockets: Sockets = systemSockets,
  sharing: PortSharing = 'sole',
): ReconfigurableTransports {
  return new Transports(settings, door, handler, clock, log, sockets, sharing);
}

/** How often a closing layer looks whether it is done. */
const drainStepMs = 50;

class Transports implements ReconfigurableTransports {
  readonly #first: TransportSettings;
  readonly #handler: MessageHandler;
  readonly #clock: Clock;
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
  readonly #peers: ConnectedPeers;

  constructor(
    settings: TransportSettings,
    first: Door,
    handler: MessageHandler,
    clock: Clock,
    log: Log,
    sockets: Sockets,
    sharing: PortSharing,
  ) {
    this.#first = settings;
    this.#handler = handler;
    this.#clock = clock;
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
      onIdentified: (connection) => this.#peers.onIdentified(connection),
      onPeerRefused: this.#onPeerRefused,
      undelivered,
      lost,
    };
    this.#connector = new Connector(this.#tls, this.#parts, sockets);
    const accepting = {
      onAccepted: this.#onAccepted,
      onRefused: this.#onRefused,
      onPeerRefused: this.#onPeerRefused,
    };
    const udp = (setting: ListenSetting) =>
      new UdpPort(setting, limits, this.memory, door, handler, log, sockets, sharing);
    const stream = () => new StreamListener({ timeouts }, this.#accepted, accepting, sockets, sharing);
    const listening = new Listening({ udp, stream }, clock);
    this.#listening = listening;
    this.#peers = new ConnectedPeers(
      { listening, tls: this.#tls, pool: this.#pool, accepted: this.#accepted, door, handler },
      clock,
      log,
    );
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
    this.#peers.watchCertificates();
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
      if (hasOtherContext || this.#peers.isOutdated(connection)) connection.retire();
      else if (hasNewTimeouts) connection.onNewTimeouts();
    }
    this.#peers.reexamine(before);
  }

  readonly #onAccepted = (origin: StreamOrigin): void => {
    const connection = new StreamConnection(origin, this.#parts);
    this.#pool.add(connection);
    this.#peers.onAccepted(connection);
  };

  knownByCommonName(): readonly string[] {
    return this.#peers.knownByCommonName();
  }

  readonly #onPeerRefused = (refusal: PeerRefusal, flow: Flow): void => {
    const direction = flow instanceof StreamConnection && !flow.isAccepted ? 'out' : 'in';
    this.#handler.onPeerRefused?.(refusal, flow, direction);
  };

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
    this.#peers.close();
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
    else this.#clock.after(drainStepMs, () => this.#drain(deadline, whenDone));
  }

  #isDrained(): boolean {
    if (this.#accepted.size > 0 || this.#connector.sockets.size > 0) return false;
    return this.#listening.isAtRest;
  }
}
