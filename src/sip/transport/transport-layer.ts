/** The transport layer as a whole (RFC 3261 §18): opens the listeners, finds or makes the flow to a target, and closes down. */
import type { Socket } from 'node:net';
import type { SipRequest, Via } from '../../sip-parser/index.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { ConnectionPool } from './connection-pool.ts';
import { Connector } from './connector.ts';
import type { DiscardCode, Flow, Listener, MessageHandler, Target, TransportLayer } from './flow.ts';
import { bindError, ListenError } from './listen-error.ts';
import { chooseListener, describeListener } from './listener.ts';
import type { ListenSetting, TransportSettings } from './settings.ts';
import { StreamConnection, type StreamOrigin, type StreamSurroundings } from './stream-connection.ts';
import { StreamListener } from './stream-listener.ts';
import { createTlsContext, type TlsContext } from './tls.ts';
import type { TransportError } from './transport-error.ts';
import { UdpPort } from './udp.ts';
import { goesBackOn, isUnicast, responseTarget } from './via.ts';
import { WriteTurn } from './write-turn.ts';

/** @param handler told of every message; may use the layer at once */
export function createTransportLayer(
  settings: TransportSettings,
  handler: MessageHandler,
  clock: Clock,
  log: Log,
): TransportLayer {
  return new Transports(settings, handler, clock, log);
}

/** How often a closing layer looks whether it is done. */
const DRAIN_STEP_MS = 50;

class Transports implements TransportLayer {
  readonly #settings: TransportSettings;
  readonly #handler: MessageHandler;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #pool = new ConnectionPool();
  readonly #surroundings: StreamSurroundings;
  readonly #connector: Connector;
  readonly #tls = new Map<string, TlsContext>();
  readonly #udpPorts = new Map<Listener, UdpPort>();
  readonly #streamListeners: StreamListener[] = [];
  /** Sockets that peers opened, from before the handshake until they are closed. */
  readonly #accepted = new Set<Socket>();
  #listeners: readonly Listener[] = [];

  constructor(settings: TransportSettings, handler: MessageHandler, clock: Clock, log: Log) {
    this.#settings = settings;
    this.#handler = handler;
    this.#clock = clock;
    this.#log = log;
    const { limits, timeouts } = settings;
    this.#surroundings = { limits, timeouts, handler, clock, writeTurn: new WriteTurn(), registry: this.#pool };
    this.#connector = new Connector(this.#tls, this.#surroundings);
  }

  get listeners(): readonly Listener[] {
    return this.#listeners;
  }

  async open(): Promise<void> {
    for (const profile of this.#settings.tls.values()) this.#tls.set(profile.name, createTlsContext(profile));
    const opened: Listener[] = [];
    try {
      for (const [index, setting] of this.#settings.listen.entries()) opened.push(await this.#listen(setting, index));
    } catch (error) {
      this.#stopAccepting();
      this.#closeUdp();
      throw error;
    }
    this.#listeners = opened;
  }

  async #listen(setting: ListenSetting, index: number): Promise<Listener> {
    const describe = (port: number) => describeListener(setting, this.#settings.nodeName, port, index);
    try {
      if (setting.transport === 'udp') return await this.#listenUdp(setting, describe);
      return await this.#listenStream(setting, describe);
    } catch (error) {
      throw error instanceof ListenError ? error : bindError(error as NodeJS.ErrnoException, setting, index);
    }
  }

  async #listenUdp(setting: ListenSetting, describe: (port: number) => Listener): Promise<Listener> {
    const port = new UdpPort(setting, this.#settings.limits, this.#handler, this.#log);
    const listener = await port.open(setting, describe);
    this.#udpPorts.set(listener, port);
    return listener;
  }

  #listenStream(setting: ListenSetting, describe: (port: number) => Listener): Promise<Listener> {
    const { limits, timeouts } = this.#settings;
    const tls = setting.transport === 'tls' ? this.#tlsContextOf(setting) : undefined;
    const stream = new StreamListener(
      { limit: limits.connections, handshakeMs: timeouts.messageMs, tls, describe },
      this.#accepted,
      { onAccepted: this.#onAccepted, onRefused: this.#onRefused },
    );
    this.#streamListeners.push(stream);
    return stream.open(setting);
  }

  #tlsContextOf({ address, port, tlsProfile }: ListenSetting): TlsContext {
    const context = this.#tls.get(tlsProfile ?? '');
    if (context !== undefined) return context;
    const what = tlsProfile === undefined ? 'names no TLS profile' : `names an unknown TLS profile, "${tlsProfile}"`;
    throw new ListenError('tls-profile-unusable', `port ${port}/tls on ${address} ${what}`);
  }

  readonly #onAccepted = (origin: StreamOrigin): void => {
    this.#pool.add(new StreamConnection(origin, this.#surroundings));
  };

  readonly #onRefused = (code: DiscardCode, flow: Flow, detail: string): void => {
    this.#log.info({ code, detail, peer: flow.remoteAddress, listener: flow.listener.sentBy }, 'connection refused');
    this.#handler.onDiscarded(code, flow, detail);
  };

  flowTo(target: Target): Flow | TransportError {
    const reused = target.transport === 'udp' ? undefined : this.#pool.find(target);
    if (reused !== undefined) return reused;
    const listener = chooseListener(this.#listeners, target);
    if (listener === undefined) {
      return { code: 'no-listener', detail: `no ${target.transport} listener to reach ${target.address} from` };
    }
    return this.#flowFrom(listener, target);
  }

  #flowFrom(listener: Listener, target: Target): Flow | TransportError {
    const port = this.#udpPorts.get(listener);
    if (port !== undefined) return port.flowTo(target.address, target.port);
    if (!isUnicast(target.address) || target.port < 1 || target.port > 65_535) {
      return { code: 'connect-failed', detail: `nothing can be sent to ${target.address} port ${target.port}` };
    }
    const connection = this.#connector.connect(target, listener);
    if (connection instanceof StreamConnection) this.#pool.add(connection, target.tlsName);
    return connection;
  }

  sendResponse(text: string, request: SipRequest, flow: Flow): void {
    const via = request.topVia;
    // Without a readable Via there is only the source of the request to go by.
    if (via === undefined || goesBackOn(via, flow)) flow.send(text);
    else this.#sendElsewhere(text, via, flow);
  }

  #sendElsewhere(text: string, via: Via, flow: Flow): void {
    const target = responseTarget(via, flow);
    if (target === undefined)
      return this.#log.info({ peer: flow.remoteAddress, sentBy: via.host }, 'response has no address');
    // RFC 3581 §4: from the address that the request came to. Streams look for another open one first.
    const other = flow.isReliable ? this.flowTo(target) : this.#flowFrom(flow.listener, target);
    if ('send' in other) other.send(text);
    else this.#log.info({ ...other, peer: flow.remoteAddress }, 'response cannot be sent');
  }

  async close(graceMs: number): Promise<void> {
    this.#stopAccepting();
    const deadline = this.#clock.now() + graceMs;
    await new Promise<void>((resolve) => this.#drain(deadline, resolve));
    for (const connection of [...this.#pool.connections]) connection.destroy('the router has closed');
    for (const socket of [...this.#accepted, ...this.#connector.sockets]) socket.destroy();
    this.#closeUdp();
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
    return [...this.#udpPorts.values()].every((port) => port.isAtRest);
  }

  #stopAccepting(): void {
    for (const listener of this.#streamListeners) listener.close();
  }

  #closeUdp(): void {
    for (const port of this.#udpPorts.values()) port.close();
    this.#udpPorts.clear();
  }
}
