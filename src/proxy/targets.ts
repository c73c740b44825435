/** The targets of one request, one after the other: the hops in order, each with its resolved addresses (RFC 3263 §4.3). */
import type { NextHop } from '../routing/types.ts';
import type { Target } from '../sip/transport/flow.ts';
import type { TransportError } from '../sip/transport/transport-error.ts';

export interface HopTarget {
  readonly hop: NextHop;
  readonly target: Target;
  /** UDP although the message is large, because the hop takes no TCP (RFC 3261 §18.1.1). */
  readonly isLastResort: boolean;
}

/** A hop that has no address at all. */
export interface Unresolved {
  readonly hop: NextHop;
  readonly error: TransportError;
}

export type Resolve = (hop: NextHop) => readonly Target[] | Promise<readonly Target[] | TransportError>;

const isError = (value: readonly Target[] | TransportError): value is TransportError => 'code' in value;

export class Targets {
  readonly #hops: readonly NextHop[];
  readonly #resolve: Resolve;
  readonly #ready: HopTarget[] = [];
  #nextHop = 0;

  constructor(hops: readonly NextHop[], resolve: Resolve) {
    this.#hops = hops;
    this.#resolve = resolve;
  }

  /** Whether another target may be had. A hop whose name is not resolved yet counts as one. */
  get hasMore(): boolean {
    return this.#ready.length > 0 || this.#nextHop < this.#hops.length;
  }

  /** The next target; undefined when there is none. A promise only while a name is being resolved. */
  next(): HopTarget | Unresolved | undefined | Promise<HopTarget | Unresolved | undefined> {
    const ready = this.#ready.shift();
    if (ready !== undefined) return ready;
    const hop = this.#hops[this.#nextHop];
    if (hop === undefined) return undefined;
    this.#nextHop += 1;
    const resolved = this.#resolve(hop);
    return resolved instanceof Promise ? resolved.then((value) => this.#take(hop, value)) : this.#take(hop, resolved);
  }

  #take(hop: NextHop, resolved: readonly Target[] | TransportError): HopTarget | Unresolved {
    if (isError(resolved)) return { hop, error: resolved };
    for (const target of resolved) this.#ready.push({ hop, target, isLastResort: false });
    return this.#ready.shift() ?? { hop, error: { code: 'unresolved', detail: `${hop.host} has no address` } };
  }

  /** A message too large for UDP goes by TCP first, and by UDP only if that fails (§18.1.1). */
  preferTcp({ hop, target }: HopTarget): void {
    this.#ready.unshift(
      { hop, target: { ...target, transport: 'tcp' }, isLastResort: false },
      { hop, target, isLastResort: true },
    );
  }
}
