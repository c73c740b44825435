/** The static routes, compiled: where a side can be reached for a host or user, and which places are known at all. */

import { hostKey } from '../../net/ip-address.ts';
import type { RouteInput } from '../policy-input.ts';
import type { NextHop, RequestFacts, Side } from '../types.ts';
import { userOfKey } from '../user-key.ts';
import { compileDestination, type Destination, isFixed, nextHopOf, planFor, type RouteMatch } from './destination.ts';
import { HostIndex, UserIndex } from './pattern-index.ts';
import { patternKey } from './route-pattern.ts';

/** More rows of one pattern are not used (Cisco guide, static routes). */
export const maxRoutesPerPattern = 100;

type Spread = Pick<RequestFacts, 'spread'>;

/** What serves a host, and the match itself when neither user nor spread can change it. */
interface HostEntry {
  readonly destinations: readonly Destination[];
  readonly fixed: RouteMatch | undefined;
}

/** The routes that lead to one side. */
class SideRoutes {
  readonly #to: Side;
  readonly #hosts = new HostIndex<Destination>();
  readonly #users = new UserIndex<Destination>();
  /** Only hosts that have a pattern of their own are kept here, so that strangers cannot fill it. */
  readonly #entries = new Map<string, HostEntry>();

  constructor(to: Side, rows: readonly RouteInput[]) {
    this.#to = to;
    for (const [first, ...rest] of Map.groupBy(rows, ({ pattern }) => patternKey(pattern)).values()) {
      if (first !== undefined) this.#add([first, ...rest.slice(0, maxRoutesPerPattern - 1)]);
    }
  }

  match(host: string, key: string | undefined, call: Spread): RouteMatch | undefined {
    const entry = this.#entryOf(host);
    const users = key === undefined || this.#users.isEmpty ? [] : this.#users.matches(userOfKey(key));
    if (users.length > 0) return planFor(this.#to, [...users, ...entry.destinations], call.spread);
    return entry.fixed ?? planFor(this.#to, entry.destinations, call.spread);
  }

  hasRouteFor(host: string): boolean {
    return this.#entryOf(host).destinations.length > 0;
  }

  #add(rows: readonly [RouteInput, ...RouteInput[]]): void {
    const { pattern } = rows[0];
    const destination = compileDestination(rows);
    if (pattern.kind === 'user' || pattern.kind === 'user-wildcard') this.#users.add(pattern, destination);
    else this.#hosts.add(pattern, destination);
  }

  #entryOf(host: string): HostEntry {
    const kept = this.#entries.get(host);
    if (kept !== undefined) return kept;
    const key = hostKey(host);
    const destinations = this.#hosts.matches(key);
    const fixed = destinations.every(isFixed) ? planFor(this.#to, destinations, 0) : undefined;
    const entry = { destinations, fixed };
    if (this.#hosts.hasExact(key)) this.#entries.set(host, entry);
    return entry;
  }
}

/** A place that some row leads to, and the side that it belongs to. */
export interface KnownHop {
  readonly side: Side;
  readonly hop: NextHop;
}

export class RouteTable {
  readonly #bySide: Readonly<Record<Side, SideRoutes>>;
  /** Next hops of all rows that are not blocked, also of those out of service: their dialogs still live. */
  readonly knownHops: readonly KnownHop[];
  readonly #inService: ReadonlySet<string>;

  constructor(rows: readonly RouteInput[]) {
    const towards = (side: Side) =>
      new SideRoutes(
        side,
        rows.filter(({ to }) => to === side),
      );
    this.#bySide = { cisco: towards('cisco'), microsoft: towards('microsoft') };
    const sending = rows.filter(({ block }) => !block);
    this.knownHops = sending.map((row) => ({ side: row.to, hop: nextHopOf(row) }));
    this.#inService = new Set(sending.filter(({ inService }) => inService).map((row) => nextHopOf(row).id));
  }

  /** Whether some row in service leads to that hop. The id of a hop names its side. */
  isInService(hopId: string): boolean {
    return this.#inService.has(hopId);
  }

  /**
   * The routes towards one side, longest pattern first: exact user, user with wildcards, exact domain, then the pattern with
   * the most literal characters.
   * @param host lower case
   * @param key the user's key; undefined to look at domain routes only
   * @param call whose `spread` decides the weighted choice inside a priority; asked only where there is one
   * @returns undefined when no pattern matches
   */
  match(to: Side, host: string, key: string | undefined, call: Spread): RouteMatch | undefined {
    return this.#bySide[to].match(host, key, call);
  }

  /** True when a domain route towards that side matches the host, usable or not. */
  hasRouteFor(to: Side, host: string): boolean {
    return this.#bySide[to].hasRouteFor(host);
  }
}

export const compileRoutes = (rows: readonly RouteInput[]): RouteTable => new RouteTable(rows);
