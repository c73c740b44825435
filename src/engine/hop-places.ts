/**
 * Where the next hops that are known by name are: the addresses that DNS has given for their names, and those at which somebody
 * has proved the name by TLS. What was true within the last hour counts, for a dialog outlives a change of DNS.
 */

import type { Clock } from '../clock.ts';
import { hostKey, isIp } from '../net/ip-address.ts';
import type { Transport } from '../net/ports.ts';
import type { HopAt, NextHop } from '../routing/types.ts';
import { RecentMap } from '../sip/recent-map.ts';
import { expectedNames, type Target } from '../sip/transport/flow.ts';

/** Which names were proved at which address; plain values, for other threads. */
export interface Proof {
  readonly address: string;
  /** Host names, or `*.example.com` where wildcards count. */
  readonly names: readonly string[];
}

interface Stand {
  readonly hopId: string;
  readonly transport: Transport;
  readonly port: number;
  /** One of these the hop must prove by TLS. */
  readonly names: readonly string[];
  seenMs: number;
}

const historyMs = 3_600_000;

/** Pairs of address and name, and addresses, that are remembered: more than any site has. */
const most = 10_000;

/** A proof that is this young need not be told again. */
const newsMs = 60_000;

const never = Number.NEGATIVE_INFINITY;

const none: readonly never[] = [];

/** The name, and the wildcard that would stand for it. */
const shownFor = (name: string): readonly string[] => [name, `*${name.slice(name.indexOf('.'))}`];

export class HopPlaces {
  readonly #clock: Clock;
  /** By address, then by hop and place. */
  readonly #stands = new RecentMap<Map<string, Stand>>(most);
  /** When it was proved last, by address and name. */
  readonly #proofs = new RecentMap<number>(most);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What a hop has been resolved to. One that is an address itself is known by its route. */
  learn(hop: NextHop, targets: readonly Target[]): void {
    if (isIp(hop.host)) return;
    const now = this.#clock.now();
    for (const target of targets) this.#standAt(hop, target).seenMs = now;
  }

  #standAt(hop: NextHop, target: Target): Stand {
    const { transport, port } = target;
    const address = hostKey(target.address);
    const stands = this.#stands.get(address) ?? new Map<string, Stand>();
    this.#stands.set(address, stands);
    const key = `${hop.id} ${transport} ${port}`;
    const known = stands.get(key);
    if (known !== undefined) return known;
    const names = transport === 'tls' ? expectedNames(target) : none;
    const stand = { hopId: hop.id, transport, port, names, seenMs: 0 };
    stands.set(key, stand);
    return stand;
  }

  /** @returns whether others should be told: it has not been known for the last minute */
  prove({ address, names }: Proof): boolean {
    const now = this.#clock.now();
    const at = hostKey(address);
    let isNews = false;
    for (const name of names) {
      const key = `${at} ${name}`;
      if (now - (this.#proofs.get(key) ?? never) < newsMs) continue;
      this.#proofs.set(key, now);
      isNews = true;
    }
    return isNews;
  }

  readonly hopsAt = (host: string): readonly HopAt[] => {
    const address = hostKey(host);
    const stands = this.#stands.get(address);
    if (stands === undefined) return none;
    const since = this.#clock.now() - historyMs;
    for (const [key, { seenMs }] of stands) if (seenMs < since) stands.delete(key);
    return [...stands.values()].map(({ hopId, transport, port, names }) => ({
      hopId,
      transport,
      port,
      hasProvedName: names.flatMap(shownFor).some((name) => (this.#proofs.get(`${address} ${name}`) ?? never) >= since),
    }));
  };
}
