/** What the rows of `routes` mean, one by one and together. */

import { isIP } from 'node:net';
import { sipPort, sipsPort } from '../net/ports.ts';
import { parsePattern, patternKey, type RoutePattern } from '../routing/routes/route-pattern.ts';
import { formatPath } from '../settings/problem.ts';
import type { Item } from '../settings/reader.ts';
import type { Report } from '../settings/report.ts';
import { type ListenRow, type RouteRow, type RoutesFile, type Rows, usualPort } from './shape.ts';
import { checkTlsUse } from './tls-profiles.ts';

export function checkRoutes({ routes, listen, tls }: RoutesFile, report: Report): void {
  if (routes.length === 0 && report.isSound('routes')) {
    report.error(['routes'], 'there are no routes', 'say where each side can be reached');
  }
  for (const route of routes) {
    checkPattern(route, report);
    checkNextHop(route, report);
    checkTlsUse(route, [...tls.keys()], report);
    checkTlsName(route, report);
    if (report.isSound('listen')) checkListenerFor(route, listen, report);
  }
  const samePattern = Map.groupBy(
    routes.filter(hasPattern),
    (route) => `${route.value.to} ${patternKey(patternOf(route))}`,
  );
  for (const rows of samePattern.values()) {
    reportShadowedByBlock(rows, report);
    reportRepeated(rows, report);
  }
}

const hasPattern = ({ value }: Item<RouteRow>): boolean => parsePattern(value.pattern, value.type).value !== undefined;

const patternOf = ({ value }: Item<RouteRow>): RoutePattern => parsePattern(value.pattern, value.type).value!;

function checkPattern({ path, value }: Item<RouteRow>, report: Report): void {
  const { problem } = parsePattern(value.pattern, value.type);
  if (problem === undefined) return;
  const isUser = value.type === 'domain' && value.pattern.includes('@');
  report.error(
    [...path, 'pattern'],
    problem,
    isUser ? 'a single user: see "pins"; a user pattern: type: user' : undefined,
  );
}

function checkNextHop({ path, value }: Item<RouteRow>, report: Report): void {
  checkUsualPort({ path, value }, report);
  if (value.transport === 'any') return checkAnyTransport({ path, value }, report);
  if (value.port === 0 && isIP(value['next-hop']) !== 0) {
    report.error(
      [...path, 'port'],
      'port 0 asks DNS for SRV records, and an address has none',
      'give the port or a name',
    );
  }
  if (value.to === 'microsoft' && value.transport === 'udp') {
    report.warning([...path, 'transport'], 'no Microsoft server takes SIP over UDP', 'transport: tcp or tls');
  }
}

/** With the ports of TCP and TLS swapped, connections are made, and then fail without saying why (RFC 3261 §19.1.2). */
export function checkUsualPort(
  { path, value: { transport, port } }: Item<{ readonly transport: string; readonly port: number | undefined }>,
  report: Report,
): void {
  if (transport === 'tls' && port === sipPort)
    report.warning(
      [...path, 'port'],
      `${port} is the port of SIP without TLS`,
      `is ${sipsPort} meant, or transport: tcp?`,
    );
  if ((transport === 'tcp' || transport === 'udp') && port === sipsPort)
    report.warning([...path, 'port'], `${port} is the port of TLS`, 'is this meant as transport: tls?');
}

/** RFC 3263 §4.1: with a port or an address there is nothing to ask DNS for. */
function checkAnyTransport({ path, value }: Item<RouteRow>, report: Report): void {
  if (isIP(value['next-hop']) !== 0) {
    report.error([...path, 'transport'], 'DNS says which transport only for a name', 'give the transport, or a name');
  } else if ((value.port ?? 0) !== 0) {
    report.error([...path, 'port'], 'with transport any the port comes from DNS', 'remove it, or give the transport');
  }
}

function checkTlsName({ path, value }: Item<RouteRow>, report: Report): void {
  const hasTlsName = value['tls-name'] !== undefined;
  if (value.transport === 'any') return;
  if (value.transport !== 'tls') {
    if (hasTlsName)
      report.error([...path, 'tls-name'], `this has no meaning with transport ${value.transport}`, 'remove it');
  } else if (!hasTlsName && isIP(value['next-hop']) !== 0) {
    const what = `the certificate there must carry the address ${value['next-hop']}, and hardly any does`;
    report.warning(path, what, 'give the name in it as tls-name');
  }
}

/** A request leaves by a listener of its transport and family, whose words stand in its Via (RFC 3261 §18.1.1). */
function checkListenerFor({ path, value }: Item<RouteRow>, listen: Rows<ListenRow>, report: Report): void {
  const family = isIP(value['next-hop']);
  if (value.transport === 'any') return;
  const fits = (row: ListenRow) => row.transport === value.transport && (family === 0 || isIP(row.address) === family);
  if (listen.some((row) => fits(row.value))) return;
  const kind = family === 0 ? value.transport : `${value.transport} IPv${family}`;
  const what = `no listener can send this: ${value['next-hop']} needs a ${kind} listener`;
  report.error([...path, 'transport'], what, 'add one below "listen", or change the transport');
}

/** A blocking row refuses all that its pattern matches, whatever the other rows of the pattern say. */
function reportShadowedByBlock(rows: Rows<RouteRow>, report: Report): void {
  const blocking = rows.find(({ value }) => value.block && value['in-service']);
  if (blocking === undefined) return;
  for (const { path, value } of rows) {
    if (value.block || !value['in-service']) continue;
    report.warning(path, `this route is never used: ${formatPath(blocking.path)} blocks the same pattern`);
  }
}

function reportRepeated(rows: Rows<RouteRow>, report: Report): void {
  const firstByHop = new Map<string, Item<RouteRow>>();
  for (const row of rows) {
    const {
      transport,
      port = usualPort(transport),
      'next-hop': nextHop,
      'tls-name': tlsNames = [],
      tls = '',
    } = row.value;
    const hop = [nextHop, port, transport, tls, ...tlsNames.map(({ value }) => value)].join(' ');
    const first = firstByHop.get(hop);
    if (first === undefined) firstByHop.set(hop, row);
    else report.warning(row.path, `the same next hop as in ${formatPath(first.path)}`, 'it would only be tried again');
  }
}
