/**
 * The connections that peers have opened, from before the handshake until they are closed: how many there may be, and which is
 * closed when there are more. Those whose peer is not let in yet have a limit and a time of their own, so that peers that only
 * connect and wait cannot keep others out.
 */
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../clock.ts';
import type { Door } from './door.ts';
import type { DiscardCode } from './flow.ts';
import { ownerOf } from './owner.ts';
import type { TransportLimits, TransportTimeouts } from './settings.ts';

/** All of it is read whenever it is needed: a reload changes it in place. */
interface AcceptRules {
  readonly limits: Pick<TransportLimits, 'connections' | 'connectionsPerAddress' | 'connectionsOfStrangers'>;
  readonly timeouts: Pick<TransportTimeouts, 'strangerMs'>;
  readonly door: Door;
}

export interface Refusal {
  readonly code: DiscardCode;
  readonly detail: string;
}

/** The ends of a connection, which are the same before and behind the handshake. */
type Ends = Pick<Socket, 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort'>;

interface Entry {
  readonly key: string;
  /** The address, as far as one owner goes. */
  readonly owner: string;
  readonly socket: Socket;
  isStranger: boolean;
  timer: Timer | undefined;
}

const keyOf = ({ remoteAddress, remotePort, localAddress, localPort }: Ends): string =>
  `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;

export class AcceptedSockets {
  readonly #rules: AcceptRules;
  readonly #clock: Clock;
  readonly #turnedAway: (socket: Socket, refusal: Refusal) => void;
  readonly #entries = new Map<string, Entry>();
  /** By owner. */
  readonly #counts = new Map<string, number>();
  /** By owner, each with the one that came first in front. */
  readonly #strangers = new Map<string, Set<Entry>>();
  #strangerCount = 0;

  /** @param turnedAway told of those that were in, and have to go */
  constructor(rules: AcceptRules, clock: Clock, turnedAway: (socket: Socket, refusal: Refusal) => void) {
    this.#rules = rules;
    this.#clock = clock;
    this.#turnedAway = turnedAway;
  }

  get size(): number {
    return this.#entries.size;
  }

  *sockets(): IterableIterator<Socket> {
    for (const { socket } of this.#entries.values()) yield socket;
  }

  /** Takes a new connection in, or says why not. */
  enter(socket: Socket, transport: 'tcp' | 'tls'): Refusal | undefined {
    const { remoteAddress = '' } = socket;
    const prospect = this.#rules.door.prospectOf(remoteAddress, transport);
    const owner = ownerOf(remoteAddress);
    const refusal = this.#refusalOf(prospect, owner, `${remoteAddress} over ${transport}`);
    if (refusal !== undefined) return refusal;
    const entry: Entry = { key: keyOf(socket), owner, socket, isStranger: false, timer: undefined };
    this.#entries.set(entry.key, entry);
    this.#counts.set(owner, (this.#counts.get(owner) ?? 0) + 1);
    if (prospect === 'unproved') this.#estrange(entry);
    socket.once('close', () => this.#leave(entry));
    return undefined;
  }

  #refusalOf(prospect: ReturnType<Door['prospectOf']>, owner: string, peer: string): Refusal | undefined {
    const { connectionsPerAddress } = this.#rules.limits;
    if (prospect === 'stranger') return { code: 'stranger', detail: `no access rule could let in ${peer}` };
    if ((this.#counts.get(owner) ?? 0) >= connectionsPerAddress) {
      return { code: 'address-limit', detail: `${connectionsPerAddress} connections of ${owner} are open` };
    }
    return prospect === 'admitted' ? this.#lackOfRoom() : undefined;
  }

  #lackOfRoom(): Refusal | undefined {
    const { connections } = this.#rules.limits;
    if (this.#entries.size - this.#strangerCount < connections) return undefined;
    return { code: 'connection-limit', detail: `${connections} connections are open` };
  }

  /**
   * What the peer of a connection is now that more is known, of it or by a reload.
   * @returns why it cannot be kept
   */
  judge(ends: Ends, isAdmitted: boolean): Refusal | undefined {
    const entry = this.#entries.get(keyOf(ends));
    if (entry === undefined || entry.isStranger === !isAdmitted) return undefined;
    if (!isAdmitted) return this.#estrange(entry);
    const refusal = this.#lackOfRoom();
    if (refusal === undefined) this.#befriend(entry);
    return refusal;
  }

  #estrange(entry: Entry): undefined {
    const { strangerMs } = this.#rules.timeouts;
    if (this.#strangerCount >= this.#rules.limits.connectionsOfStrangers) this.#makeRoom();
    entry.isStranger = true;
    this.#strangerCount += 1;
    const own = this.#strangers.get(entry.owner) ?? new Set();
    this.#strangers.set(entry.owner, own.add(entry));
    const detail = `has not proved within ${strangerMs} ms to be somebody whom an access rule lets in`;
    entry.timer = this.#clock.after(strangerMs, () => this.#turnAway(entry, { code: 'stranger-time', detail }));
  }

  #befriend(entry: Entry): void {
    entry.timer?.cancel();
    entry.isStranger = false;
    this.#strangerCount -= 1;
    const own = this.#strangers.get(entry.owner);
    own?.delete(entry);
    if (own?.size === 0) this.#strangers.delete(entry.owner);
  }

  /** The address that has most strangers here pays with its first one: a flood pushes out itself. */
  #makeRoom(): void {
    let most: ReadonlySet<Entry> = new Set();
    for (const own of this.#strangers.values()) if (own.size > most.size) most = own;
    const [first] = most;
    const detail = `${this.#strangerCount} connections of peers that have proved nothing are open`;
    if (first !== undefined) this.#turnAway(first, { code: 'stranger-limit', detail });
  }

  #turnAway(entry: Entry, refusal: Refusal): void {
    this.#turnedAway(entry.socket, refusal);
    this.#leave(entry);
    entry.socket.resetAndDestroy();
  }

  #leave(entry: Entry): void {
    if (this.#entries.get(entry.key) !== entry) return;
    this.#entries.delete(entry.key);
    if (entry.isStranger) this.#befriend(entry);
    const count = (this.#counts.get(entry.owner) ?? 1) - 1;
    if (count > 0) this.#counts.set(entry.owner, count);
    else this.#counts.delete(entry.owner);
  }
}
