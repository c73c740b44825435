/** All rows of one pattern as one destination, and how several destinations make a plan. */
import { hostAndPort } from '../../net/host.ts';
import type { RouteInput } from '../policy-input.ts';
import type { Reason } from '../reasons.ts';
import type { HopTransport, NextHop, RoutePlan, Side } from '../types.ts';
import { orderHops, type PriorityLevel } from './hop-order.ts';

export type RouteMatch =
  | { readonly kind: 'plan'; readonly plan: RoutePlan; readonly because: readonly Reason[] }
  /** Something matched, but it may not or cannot be used. */
  | { readonly kind: 'blocked' | 'out-of-service'; readonly because: readonly Reason[] };

export interface Destination {
  /** Rows in service, by priority. */
  readonly levels: readonly PriorityLevel[];
  readonly allowsLessSpecific: boolean;
  /** A row in service refuses all that matches. */
  readonly blocked: Reason | undefined;
  readonly matched: Reason;
  readonly lessSpecific: Reason;
  readonly outOfService: Reason;
}

/** The TLS profile that a listener or a route without one uses. */
export const usualTlsProfile = 'default';

export const nextHopId = (side: Side, host: string, port: number, transport: HopTransport): string =>
  `${side} ${hostAndPort(host, port)}/${transport}`;

export const nextHopOf = (row: RouteInput): NextHop => {
  const { to, nextHop, port, transport, tlsName, otherTlsNames, tlsProfile } = row;
  const id = nextHopId(to, nextHop, port, transport);
  const marks = [
    ...(tlsName === undefined || tlsName === nextHop ? [] : [tlsName]),
    ...(otherTlsNames ?? []),
    ...(tlsProfile === undefined || tlsProfile === usualTlsProfile ? [] : [`tls ${tlsProfile}`]),
  ];
  const hop = { id: marks.length === 0 ? id : `${id} (${marks.join(', ')})`, transport, host: nextHop, port, tlsName };
  return otherTlsNames === undefined ? { ...hop, tlsProfile } : { ...hop, tlsProfile, otherTlsNames };
};

const levelsOf = (rows: readonly RouteInput[]): PriorityLevel[] =>
  [...Map.groupBy(rows, ({ priority }) => priority)]
    .sort(([a], [b]) => a - b)
    .map(([, level]) => level.map((row) => ({ hop: nextHopOf(row), weight: row.weight })));

const namesOf = (rows: readonly RouteInput[]): string => rows.map(({ index }) => `routes[${index}]`).join(', ');

/** @param rows all of one pattern and one side */
export const compileDestination = (rows: readonly [RouteInput, ...RouteInput[]]): Destination => {
  const inService = rows.filter((row) => row.inService);
  const blocking = inService.filter((row) => row.block);
  const { text } = rows[0].pattern;
  return {
    levels: levelsOf(inService),
    allowsLessSpecific: rows.every((row) => row.allowLessSpecific),
    blocked:
      blocking.length === 0
        ? undefined
        : { code: 'route-blocked', detail: `${text} is blocked by ${namesOf(blocking)}` },
    matched: { code: 'route-matched', detail: `${text}: ${namesOf(inService)}` },
    lessSpecific: { code: 'route-less-specific', detail: `then ${text}: ${namesOf(inService)}` },
    outOfService: { code: 'route-out-of-service', detail: `${text}: ${namesOf(rows)} out of service` },
  };
};

const reasonFor = (destination: Destination, isFirst: boolean): Reason => {
  if (destination.levels.length === 0) return destination.outOfService;
  return isFirst ? destination.matched : destination.lessSpecific;
};

const isNotEmpty = (hops: readonly NextHop[]): hops is readonly [NextHop, ...NextHop[]] => hops.length > 0;

/**
 * Joins the hops of destinations, each hop once. A less specific destination follows as long as all rows before it allow
 * that (domain rule: Cisco's "Allow Less-Specific Route"); a blocked one is the end of the line.
 * @param destinations all that match, the most specific first; when empty, nothing is the answer
 */
export const planFor = (to: Side, destinations: readonly Destination[], spread: number): RouteMatch | undefined => {
  const hops = new Map<string, NextHop>();
  const because: Reason[] = [];
  for (const destination of destinations) {
    if (destination.blocked !== undefined) {
      if (hops.size === 0) return { kind: 'blocked', because: [...because, destination.blocked] };
      break;
    }
    because.push(reasonFor(destination, because.length === 0));
    for (const hop of orderHops(destination.levels, spread)) if (!hops.has(hop.id)) hops.set(hop.id, hop);
    if (!destination.allowsLessSpecific) break;
  }
  const ordered = [...hops.values()];
  if (isNotEmpty(ordered)) return { kind: 'plan', plan: { to, hops: ordered }, because };
  return because.length === 0 ? undefined : { kind: 'out-of-service', because };
};

/** True when no choice by weight is left: every spread gives the same plan. */
export const isFixed = ({ levels }: Destination): boolean => levels.every((level) => level.length === 1);
