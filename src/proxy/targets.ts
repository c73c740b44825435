/**
 * The targets of one request, one after the other: the hops in order, each with its resolved addresses (RFC 3263 §4.3); those
 * that are down or ask to be spared come last.
 */
import { Rank } from '../health/hop-health.ts';
import type { HopKnowledge, Resolve } from '../health/hop-knowledge.ts';
import type { NextHop } from '../routing/types.ts';
import type { Target } from '../sip/transport/flow.ts';
import type { TransportError } from '../sip/transport/transport-error.ts';

export interface HopTarget {
  readonly hop: NextHop;
  readonly target: Target;
  /** UDP although the message is large, because the hop takes no TCP (RFC 3261 §18.1.1). */
  readonly isLastResort: boolean;
  /** Its connection broke under the request; this is a try on a new one. */
  readonly isAgain: boolean;
}

/** A hop that has no address at all. */
export interface Unresolved {
  readonly hop: NextHop;
  readonly error: TransportError;
}

const isError = (value: readonly Target[] | TransportError): value is TransportError => 'code' in value;

const none: readonly never[] = [];

const isEmpty = (list: readonly unknown[] | undefined): boolean => list === undefined || list.length === 0;

interface Later extends HopTarget {
  readonly rank: number;
}

/** Behind every rank: it has been asked before. */
const againRank = Rank.disabled + 1;

export class Targets {
  readonly #hops: readonly NextHop[];
  readonly #resolve: Resolve;
  readonly #knowledge: HopKnowledge;
  readonly #callId: string;
  #ready: readonly HopTarget[] = none;
  /** Of `#ready`, how many have been had. */
  #taken = 0;
  /** Those that have to wait for their turn; undefined as long as there is none, which is nearly always. */
  #later: Later[] | undefined;
  #nextHop = 0;
  /** Hops that come after all others, as asking DNS for them may take its time. */
  #unresolved: NextHop[] | undefined;

  constructor(hops: readonly NextHop[], resolve: Resolve, knowledge: HopKnowledge, callId: string) {
    this.#hops = hops;
    this.#resolve = resolve;
    this.#knowledge = knowledge;
    this.#callId = callId;
  }

  /** Whether another target may be had. A hop whose name is not resolved yet counts as one. */
  get hasMore(): boolean {
    if (this.#taken < this.#ready.length || this.#nextHop < this.#hops.length) return true;
    return !isEmpty(this.#later) || !isEmpty(this.#unresolved);
  }

  /** The next target; undefined when there is none. A promise only while a name is being resolved. */
  next(): HopTarget | Unresolved | undefined | Promise<HopTarget | Unresolved | undefined> {
    for (;;) {
      const ready = this.#nextInTurn();
      if (ready !== undefined) return ready;
      const hop = this.#nextHopInTurn() ?? (isEmpty(this.#later) ? this.#unresolved?.shift() : undefined);
      if (hop === undefined) return this.#later?.shift();
      const resolved = this.#resolve(hop);
      if (resolved instanceof Promise) return resolved.then((late) => this.#take(hop, late) ?? this.next());
      const unresolved = this.#take(hop, resolved);
      if (unresolved !== undefined) return unresolved;
    }
  }

  #nextInTurn(): HopTarget | undefined {
    while (this.#taken < this.#ready.length) {
      const next = this.#ready[this.#taken] as HopTarget;
      this.#taken += 1;
      if (this.#taken === this.#ready.length) this.#setReady(none);
      if (this.#isInTurn(next)) return next;
    }
    return undefined;
  }

  #nextHopInTurn(): NextHop | undefined {
    while (this.#nextHop < this.#hops.length) {
      const hop = this.#hops[this.#nextHop] as NextHop;
      this.#nextHop += 1;
      if (this.#knowledge.isAllWell || !this.#knowledge.isUnresolved(hop)) return hop;
      this.#unresolved ??= [];
      this.#unresolved.push(hop);
    }
    return undefined;
  }

  #take(hop: NextHop, resolved: readonly Target[] | TransportError): Unresolved | undefined {
    if (!isError(resolved)) {
      const found = resolved.map((target) => ({ hop, target, isLastResort: false, isAgain: false }));
      this.#setReady(this.#taken < this.#ready.length ? [...this.#rest, ...found] : found);
      return undefined;
    }
    this.#knowledge.onUnresolved(hop, resolved);
    return { hop, error: resolved };
  }

  get #rest(): readonly HopTarget[] {
    return this.#ready.slice(this.#taken);
  }

  #setReady(ready: readonly HopTarget[]): void {
    this.#ready = ready;
    this.#taken = 0;
  }

  #isInTurn(next: HopTarget): boolean {
    if (this.#knowledge.isAllWell || next.isLastResort) return true;
    const rank = this.#knowledge.rankOf(next.hop, next.target, this.#callId);
    if (rank === Rank.live) return true;
    if (rank !== Rank.disabled) this.#wait(next, rank);
    return false;
  }

  /** Behind those of its rank: among equals the plan's order holds. */
  #wait(next: HopTarget, rank: number): void {
    this.#later ??= [];
    const place = this.#later.findIndex((other) => other.rank > rank);
    this.#later.splice(place < 0 ? this.#later.length : place, 0, { ...next, rank });
  }

  /** A message too large for UDP goes by TCP first, and by UDP only if that fails (§18.1.1). */
  preferTcp(next: HopTarget): void {
    const byTcp = { ...next, target: { ...next.target, transport: 'tcp' as const } };
    this.#setReady([byTcp, { ...next, isLastResort: true }, ...this.#rest]);
  }

  /**
   * A broken connection says nothing about a new one: the peer may have closed it as idle, or been restarted. When no other
   * target is left, this one is tried once more.
   */
  tryAgain(next: HopTarget): void {
    if (!next.isAgain) this.#wait({ ...next, isAgain: true }, againRank);
  }
}
