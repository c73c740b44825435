/** Everything that decides a request, compiled from configuration once and never changed. */

import { hostKey, isIp } from '../net/ip-address.ts';
import { sipPort, sipsPort } from '../net/ports.ts';
import { type AccessList, compileAccess } from './access/acl.ts';
import { accessProblems } from './access/problems.ts';
import { HomeReasons } from './checks/home.ts';
import { Peers } from './peers.ts';
import type { OwnAddressInput, PinInput, PolicyInput, RouteInput } from './policy-input.ts';
import type { Reason } from './reasons.ts';
import { patternKey } from './routes/route-pattern.ts';
import { compileRoutes, maxRoutesPerPattern, type RouteTable } from './routes/route-table.ts';
import type { Side } from './types.ts';

interface Pin {
  readonly side: Side;
  readonly pinned: Reason;
}

export interface Policy
  extends Pick<PolicyInput, 'mode' | 'microsoftUser' | 'whenUnavailable' | 'retryAfterS' | 'onDenied' | 'ciscoUsers'> {
  /** The SIP domains that both sides share. */
  readonly domains: ReadonlySet<string>;
  readonly access: AccessList;
  readonly routes: RouteTable;
  readonly peers: Peers;
  /** By user key. */
  readonly pins: ReadonlyMap<string, Pin>;
  readonly homes: HomeReasons;
  /** @param host lower case, an IPv6 address without brackets */
  isOwnAddress(host: string, port: number | undefined): boolean;
}

/** A URI without port means 5060, or 5061 with TLS (RFC 3261 §19.1.2); behind a name an SRV record may name any port. */
const compileOwnAddresses = (own: readonly OwnAddressInput[]): Policy['isOwnAddress'] => {
  const portsByHost = new Map<string, Set<number>>();
  for (const { host, port } of own) {
    const ports = portsByHost.get(hostKey(host)) ?? new Set();
    portsByHost.set(hostKey(host), ports.add(port));
  }
  return (host, port) => {
    const ports = portsByHost.get(hostKey(host));
    if (ports === undefined) return false;
    if (port !== undefined) return ports.has(port);
    return !isIp(host) || ports.has(sipPort) || ports.has(sipsPort);
  };
};

const compilePins = (pins: readonly PinInput[]): Map<string, Pin> => {
  const compiled = new Map<string, Pin>();
  for (const { index, key, side, why } of pins) {
    if (compiled.has(key)) continue;
    const detail = `pins[${index}] puts ${key} on ${side}${why === undefined ? '' : `: ${why}`}`;
    compiled.set(key, { side, pinned: { code: 'pinned', detail } });
  }
  return compiled;
};

export const compilePolicy = (input: PolicyInput): Policy => {
  const { mode, microsoftUser, whenUnavailable, retryAfterS, onDenied, ciscoUsers } = input;
  const access = compileAccess(input.access);
  const routes = compileRoutes(input.routes);
  return Object.freeze({
    mode,
    microsoftUser,
    whenUnavailable,
    retryAfterS,
    onDenied,
    ciscoUsers,
    domains: new Set(input.domains),
    access,
    routes,
    peers: new Peers(access, routes.knownHops),
    pins: compilePins(input.pins),
    homes: new HomeReasons(),
    isOwnAddress: compileOwnAddresses(input.ownAddresses),
  });
};

/** Something that is wrong between rows that are each sound: `index` is the row to point at. */
interface PolicyProblem {
  readonly list: 'access' | 'routes' | 'pins';
  readonly index: number;
  readonly problem: string;
}

/** Pins that say again what an earlier one said: they would never be looked at. */
const repeatedPins = (pins: readonly PinInput[]): PolicyProblem[] =>
  [...Map.groupBy(pins, ({ key }) => key).values()].flatMap(([first, ...rest]) =>
    rest.map(({ index, side }) => {
      const wordsOfFirst = side === first?.side ? 'the same' : `${first?.side} instead of ${side}`;
      return { list: 'pins', index, problem: `repeats pins[${first?.index}], which says ${wordsOfFirst}` };
    }),
  );

const crowded = (routes: readonly RouteInput[]): PolicyProblem[] =>
  [...Map.groupBy(routes, ({ to, pattern }) => `${to} ${patternKey(pattern)}`).values()].flatMap((rows) =>
    rows.slice(maxRoutesPerPattern).map(({ index, pattern }) => ({
      list: 'routes' as const,
      index,
      problem: `is one more than the ${maxRoutesPerPattern} routes that one pattern (${pattern.text}) may have`,
    })),
  );

const leadingHome = (routes: readonly RouteInput[], isOwnAddress: Policy['isOwnAddress']): PolicyProblem[] =>
  routes
    .filter(({ block, nextHop, port }) => !block && isOwnAddress(nextHop, port))
    .map(({ index, nextHop, port }) => ({
      list: 'routes',
      index,
      problem: `leads to this node itself (${nextHop}:${port}): every request would loop`,
    }));

/** All that is wrong between the rows, in the order of the lists. A policy compiles all the same: the first row wins. */
export const policyProblems = (input: PolicyInput): PolicyProblem[] => [
  ...accessProblems(input.access),
  ...crowded(input.routes),
  ...leadingHome(input.routes, compileOwnAddresses(input.ownAddresses)),
  ...repeatedPins(input.pins),
];
