/**
 * The ports that are listened on. A new list of settings takes the place of the old one in two steps: what is new is opened
 * beside what is open, which may fail; then, at once, the new list is in force and the rest leaves.
 */

import { isIPv6 } from 'node:net';
import type { Clock } from '../../clock.ts';
import { isWildcard } from '../../net/special-address.ts';
import type { Listener } from './flow.ts';
import { bindError, ListenError } from './listen-error.ts';
import { describeListener, isSameListener } from './listener.ts';
import type { ListenSetting, TransportSettings } from './settings.ts';
import type { StreamListener } from './stream-listener.ts';
import type { TlsContext } from './tls.ts';
import { UdpPort } from './udp.ts';

type Port = UdpPort | StreamListener;

/** How a port comes about; it is not open yet. */
interface PortMaker {
  udp(setting: ListenSetting): UdpPort;
  stream(): StreamListener;
}

/** A setting with the port that serves it, and what makes a listener of it. */
interface Place {
  readonly setting: ListenSetting;
  readonly port: Port;
  readonly listener: Listener;
  /** Undefined: UDP or TCP. */
  readonly tls: TlsContext | undefined;
  /** Opened for this list. */
  readonly isNew: boolean;
}

/** A list of settings that is ready to be put in force. */
export interface PendingChange {
  /** Puts it in force, in one turn. */
  commit(): void;
  /** Closes what was opened for it. */
  abandon(): void;
}

export interface ListeningChange extends PendingChange {
  /** With the ports that are open for it, in configured order. */
  readonly listeners: readonly Listener[];
}

/** How often a leaving port that still has work is looked at again. */
const lookAgainMs = 1_000;

export class Listening {
  readonly #maker: PortMaker;
  readonly #clock: Clock;
  #places: readonly Place[] = [];
  /** No longer configured, but open until the transactions that came by them are over. */
  readonly #leaving = new Map<UdpPort, Place>();
  #listeners: readonly Listener[] = [];
  #udpPorts: ReadonlyMap<Listener, UdpPort> = new Map();

  constructor(maker: PortMaker, clock: Clock) {
    this.#maker = maker;
    this.#clock = clock;
  }

  /** In configured order. */
  get listeners(): readonly Listener[] {
    return this.#listeners;
  }

  /** The socket of a UDP listener, also of one that is leaving or was described otherwise before. */
  udpPortOf(listener: Listener): UdpPort | undefined {
    return this.#udpPorts.get(listener) ?? this.#formerUdpPortOf(listener);
  }

  #formerUdpPortOf({ transport, address, port }: Listener): UdpPort | undefined {
    if (transport !== 'udp') return undefined;
    const former = [...this.#places, ...this.#leaving.values()];
    const isSame = (it: Listener) => it.transport === 'udp' && it.address === address && it.port === port;
    const found = former.find(({ listener }) => isSame(listener))?.port;
    return found instanceof UdpPort ? found : undefined;
  }

  /** No response is awaited by UDP. */
  get isAtRest(): boolean {
    return this.#allUdpPorts().every((port) => port.isAtRest);
  }

  /** Opens what is new, beside what is open; rejects with a ListenError, and then nothing has changed. */
  async prepare(settings: TransportSettings, tls: ReadonlyMap<string, TlsContext>): Promise<ListeningChange> {
    const places: Place[] = [];
    const abandon = () => {
      for (const { port, isNew } of places) if (isNew) port.close();
    };
    try {
      for (const index of settings.listen.keys()) places.push(await this.#place(settings, tls, index, places));
    } catch (error) {
      abandon();
      throw error;
    }
    return {
      listeners: places.map(({ listener }) => listener),
      commit: () => this.#put(places, settings.transactionMs),
      abandon,
    };
  }

  async #place(
    settings: TransportSettings,
    contexts: ReadonlyMap<string, TlsContext>,
    index: number,
    taken: readonly Place[],
  ): Promise<Place> {
    const setting = settings.listen[index]!;
    const tls = setting.transport === 'tls' ? tlsContextOf(setting, contexts) : undefined;
    const describe = (port: number) => describeListener(setting, settings.nodeName, port, index);
    const open = [...this.#places, ...this.#leaving.values()];
    const kept = open.find(
      (place) => isSamePort(place.setting, setting) && !taken.some(({ port }) => port === place.port),
    );
    if (kept === undefined) return this.#open(setting, index, describe, tls, open);
    const words = describe(kept.listener.port);
    // With another certificate it is another listener, so that connections can be told apart by it.
    const listener = kept.tls === tls && isSameListener(words, kept.listener) ? kept.listener : words;
    return { setting, port: kept.port, listener, tls, isNew: false };
  }

  async #open(
    setting: ListenSetting,
    index: number,
    describe: (port: number) => Listener,
    tls: TlsContext | undefined,
    open: readonly Place[],
  ): Promise<Place> {
    const inTheWay = open.find((place) => overlap(place.setting, setting));
    if (inTheWay !== undefined) throw restartNeeded(setting, inTheWay.setting, index);
    const port = setting.transport === 'udp' ? this.#maker.udp(setting) : this.#maker.stream();
    try {
      const listener = await (port instanceof UdpPort
        ? port.open(setting, describe)
        : port.open(setting, describe, tls));
      return { setting, port, listener, tls, isNew: true };
    } catch (error) {
      throw error instanceof ListenError ? error : bindError(error as NodeJS.ErrnoException, setting, index);
    }
  }

  #put(places: readonly Place[], leavingMs: number): void {
    const before = this.#places;
    this.#places = places;
    this.#listeners = places.map(({ listener }) => listener);
    const stays = new Set(places.map(({ port }) => port));
    for (const place of before) if (!stays.has(place.port)) this.#leave(place, leavingMs);
    for (const { port, listener, tls } of places) {
      if (port instanceof UdpPort) this.#leaving.delete(port);
      if (port instanceof UdpPort) port.use(listener);
      else port.use(listener, tls);
    }
    this.#udpPorts = new Map(
      places.flatMap(({ listener, port }): [Listener, UdpPort][] =>
        port instanceof UdpPort ? [[listener, port]] : [],
      ),
    );
  }

  /** For `leavingMs` peers may retransmit what they sent to a UDP port before. */
  #leave(place: Place, leavingMs: number): void {
    const { port } = place;
    if (!(port instanceof UdpPort)) return port.close();
    this.#leaving.set(port, place);
    this.#clock.after(leavingMs, () => this.#closeWhenAtRest(port, place));
  }

  /** It may have come back into force meanwhile, and may even be leaving for the second time. */
  #closeWhenAtRest(port: UdpPort, place: Place): void {
    if (this.#leaving.get(port) !== place) return;
    if (!port.isAtRest) {
      this.#clock.after(lookAgainMs, () => this.#closeWhenAtRest(port, place));
      return;
    }
    this.#leaving.delete(port);
    port.close();
  }

  /** Accepts no more connections; datagrams come in as ever. */
  stopAccepting(): void {
    for (const { port } of this.#places) if (!(port instanceof UdpPort)) port.close();
  }

  closeUdp(): void {
    for (const port of this.#allUdpPorts()) port.close();
    this.#udpPorts = new Map();
    this.#leaving.clear();
  }

  #allUdpPorts(): readonly UdpPort[] {
    return [...this.#udpPorts.values(), ...this.#leaving.keys()];
  }
}

function tlsContextOf(
  { address, port, tlsProfile }: ListenSetting,
  contexts: ReadonlyMap<string, TlsContext>,
): TlsContext {
  const context = contexts.get(tlsProfile ?? '');
  if (context !== undefined) return context;
  const what = tlsProfile === undefined ? 'names no TLS profile' : `names an unknown TLS profile, "${tlsProfile}"`;
  throw new ListenError('tls-profile-unusable', `port ${port}/tls on ${address} ${what}`);
}

/** To the system TCP and TLS are the same kind of socket. */
const isSameKind = (a: ListenSetting, b: ListenSetting): boolean =>
  (a.transport === 'udp') === (b.transport === 'udp') && a.port === b.port;

const isSamePort = (a: ListenSetting, b: ListenSetting): boolean => isSameKind(a, b) && a.address === b.address;

/** Two sockets that the system does not let be open at once. */
const overlap = (a: ListenSetting, b: ListenSetting): boolean =>
  isSameKind(a, b) &&
  a.port !== 0 &&
  isIPv6(a.address) === isIPv6(b.address) &&
  (isWildcard(a.address) || isWildcard(b.address));

const restartNeeded = (setting: ListenSetting, open: ListenSetting, index: number): ListenError =>
  new ListenError(
    'restart-needed',
    `listen[${index}]: port ${setting.port}/${setting.transport} cannot be opened on ${setting.address} while it is open on ${open.address}: this change needs a restart`,
  );
