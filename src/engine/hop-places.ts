/**
 * Which addresses belong to next hops that are configured by name: those that DNS has given, and whether a peer there has proved
 * the name by TLS. All of the last hour counts, because a dialog outlives a change of DNS.
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

interface Sighting {
  readonly hopId: string;
  readonly transport: Transport;
  readonly port: number;
  /** One of these the hop must prove by TLS. */
  readonly names: readonly string[];
  seenMs: number;
}

const historyMs = 3_600_000;

/** Limit of entries in each of the two tables: more than any site needs. */
const most = 10_000;

/** A proof younger than this is not passed on again. */
const newsMs = 60_000;

const never = Number.NEGATIVE_INFINITY;

const none: readonly never[] = [];

/** The name, and the wildcard that would stand for it. */
const shownFor = (name: string): readonly string[] => [name, `*${name.slice(name.indexOf('.'))}`];

export class HopPlaces {
  readonly #clock: Clock;
  /** By address, then by hop and place. */
  readonly #sightings = new RecentMap<Map<string, Sighting>>(most);
  /** When it was proved last, by address and name. */
  readonly #proofs = new RecentMap<number>(most);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes what a hop was resolved to. A hop that is configured by address is known from its route. */
  learn(hop: NextHop, targets: readonly Target[]): void {
    if (isIp(hop.host)) return;
    const now = this.#clock.now();
    for (const target of targets) this.#sightingOf(hop, target).seenMs = now;
  }

  #sightingOf(hop: NextHop, target: Target): Sighting {
    const { transport, port } = target;
    const address = hostKey(target.address);
    const sightings = this.#sightings.get(address) ?? new Map<string, Sighting>();
    this.#sightings.set(address, sightings);
    const key = `${hop.id} ${transport} ${port}`;
    const known = sightings.get(key);
    if (known !== undefined) return known;
    const names = transport === 'tls' ? expectedNames(target) : none;
    const sighting = { hopId: hop.id, transport, port, names, seenMs: 0 };
    sightings.set(key, sighting);
    return sighting;
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
    const sightings = this.#sightings.get(address);
    if (sightings === undefined) return none;
    const since = this.#clock.now() - historyMs;
    for (const [key, { seenMs }] of sightings) if (seenMs < since) sightings.delete(key);
    return [...sightings.values()].map(({ hopId, transport, port, names }) => ({
      hopId,
      transport,
      port,
      hasProvedName: names.flatMap(shownFor).some((name) => (this.#proofs.get(`${address} ${name}`) ?? never) >= since),
    }));
  };
}
