/** What the settings of routes.yaml mean together: listeners, domains, sides and pins. Access and routes have their own checks. */

import { isIPv6 } from 'node:net';
import { availableParallelism } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import { isWildcard } from '../net/special-address.ts';
import { formatPath } from '../settings/problem.ts';
import type { Item } from '../settings/reader.ts';
import type { Report } from '../settings/report.ts';
import { formatDuration, formatSize } from '../settings/values.ts';
import { checkAccess } from './check-access.ts';
import { checkOwnHosts } from './check-own-hosts.ts';
import { checkRoutes, checkUsualPort } from './check-routes.ts';
import { type ListenRow, mostWorkers, type RoutesFile, usualPort } from './shape.ts';
import { checkTlsUse } from './tls-profiles.ts';

type Check = (file: RoutesFile, report: Report) => void;

/** Tells whatever is wrong in a file whose single settings have been read. */
export function checkTogether(file: RoutesFile, report: Report): void {
  for (const check of checks) check(file, report);
}

const checkListeners: Check = ({ listen, tls }, report) => {
  if (listen.length === 0 && report.isSound('listen')) {
    report.error(
      ['listen'],
      'there is nothing to listen on',
      'add - { transport: tcp, address: 127.0.0.1, port: 5060 }',
    );
  }
  for (const [i, listener] of listen.entries()) {
    const earlier = listen.slice(0, i).find((other) => isSameSocket(other.value, listener.value));
    if (earlier !== undefined) reportSameSocket(listener, earlier, report);
    checkUsualPort(listener, report);
    checkTlsUse(listener, [...tls.keys()], report);
  }
};

function reportSameSocket(listener: Item<ListenRow>, earlier: Item<ListenRow>, report: Report): void {
  const { transport, port = usualPort(transport) } = listener.value;
  const what = `${formatPath(earlier.path)} already listens on ${earlier.value.address} port ${port}`;
  const hint = transport === earlier.value.transport ? 'remove one of them' : 'tcp and tls cannot share a port';
  report.error(listener.path, what, hint);
}

/** Whether the second bind would fail: tcp and tls are one kind of socket, and a wildcard covers its whole family. */
function isSameSocket(a: ListenRow, b: ListenRow): boolean {
  const portOfA = a.port ?? usualPort(a.transport);
  if (portOfA === 0 || portOfA !== (b.port ?? usualPort(b.transport))) return false;
  if ((a.transport === 'udp') !== (b.transport === 'udp') || isIPv6(a.address) !== isIPv6(b.address)) return false;
  return a.address === b.address || isWildcard(a.address) || isWildcard(b.address);
}

const checkDomains: Check = ({ domains, node }, report) => {
  if (domains.length === 0 && report.isSound('domains')) {
    report.error(['domains'], 'there is no shared domain', 'name the SIP domain of your users, as in [example.com]');
  }
  for (const [i, { path, value }] of domains.entries()) {
    const first = domains.findIndex((other) => other.value === value);
    if (first < i) report.error(path, `"${value}" is already domains[${first}]`);
  }
  // Our own address is decided before domains (and Lync refuses such a route): no user would ever be reached.
  if (domains.some(({ value }) => value === node.name)) {
    report.error(['node', 'name'], `"${node.name}" is a shared SIP domain, not a host`, `such as router.${node.name}`);
  }
};

const checkSides: Check = ({ access, routes }, report) => {
  for (const side of ['cisco', 'microsoft'] as const) {
    const isAdmitted = access.some(({ value }) => value.side === side);
    if (!isAdmitted && access.length > 0 && report.isSound('access')) {
      report.warning(
        ['access'],
        `no rule admits the ${side} side: all its requests will be refused`,
        `add - { side: ${side}, from: ... }`,
      );
    }
    const isReachable = routes.some(({ value }) => value.to === side);
    if (!isReachable && report.isSound('routes')) {
      report.warning(
        ['routes'],
        `no route leads to the ${side} side: it will receive nothing`,
        `add - { to: ${side}, ... }`,
      );
    }
  }
};

const checkPins: Check = ({ pins, domains }, report) => {
  if (!report.isSound('domains')) return;
  for (const { path, value } of pins) {
    const domain = value.user.slice(value.user.indexOf('@') + 1);
    if (domains.some((shared) => shared.value === domain)) continue;
    report.warning([...path, 'user'], `this pin is never used: ${domain} is not a shared domain`, 'see "domains"');
  }
};

const checkDirectory: Check = ({ routing, directory }, report) => {
  if (routing.mode === 'advanced' && directory.sources.length === 0 && report.isSound('directory')) {
    report.error(
      ['routing', 'mode'],
      'advanced routing needs a directory',
      'add one below directory.sources, or use mode: basic',
    );
  }
  for (const [i, { path, value }] of directory.sources.entries()) {
    const { name } = value;
    const first = directory.sources.slice(0, i).find((other) => name !== undefined && other.value.name === name);
    if (first === undefined) continue;
    report.error([...path, 'name'], `${formatPath(first.path)} is already named "${name}"`, 'give each source a name');
  }
};

const checkTimers: Check = ({ timers }, report) => {
  if (timers.t2Ms < timers.t1Ms)
    report.error(['timers', 't2'], 't2 is shorter than t1', 'RFC 3261 17.1.2.1: t1 grows up to t2');
};

const heapPart = 3 / 4;

const formatMiB = (bytes: number): string => `${Math.round(bytes / 2 ** 20)}MiB`;

/** One peer may take nearly half of it, and a message is held as it came and as it leaves. */
const checkMemory: Check = ({ limits, workers }, report) => {
  const { memoryBytes: memory, headerBytes: header, bodyBytes: body } = limits;
  const count = workers === 'auto' ? Math.min(availableParallelism(), mostWorkers) : workers;
  const least = 5 * (header + body) * count;
  if (memory === undefined) return;
  if (memory < least) {
    const what = 'the largest message that limits.header and limits.body allow would never pass';
    return report.error(['limits', 'memory'], what, `at least ${formatSize(least)}, or smaller messages`);
  }
  // Most of what is held is on the heap of a worker, beside the router's own.
  const heap = getHeapStatistics().heap_size_limit;
  if (memory / count <= heapPart * heap) return;
  const what = `this is more than three quarters of what Node's heap may grow to here (${formatMiB(heap)} for each worker)`;
  report.warning(['limits', 'memory'], what, 'less, or a larger --max-old-space-size in NODE_OPTIONS');
};

const checkHealth: Check = ({ health, timers }, report) => {
  const { isEnabled: enabled, timeoutMs: timeout, everyMs: every, good } = health.probe;
  const timerF = 64 * timers.t1Ms;
  if (timeout > every) {
    report.error(
      ['health', 'probe', 'timeout'],
      'a probe may not last longer than the time between two',
      'see "every"',
    );
  } else if (enabled && timeout >= timerF) {
    const hint = `at most ${formatDuration(timerF - 1)}: 64 times t1 ends the transaction (RFC 3261 17.1.2.2)`;
    report.error(['health', 'probe', 'timeout'], 'the probe would end before its own time is over', hint);
  }
  if (good.length === 0 && report.isSound('health')) {
    report.error(['health', 'probe', 'good'], 'no answer would be a good one', 'write [200], or enabled: false');
  }
  for (const { path, value } of good) {
    if (value === 503) report.error(path, '503 is never a good answer', 'it says that the hop cannot serve');
  }
};

const checks: readonly Check[] = [
  checkListeners,
  checkOwnHosts,
  checkDomains,
  checkAccess,
  checkRoutes,
  checkSides,
  checkPins,
  checkDirectory,
  checkTimers,
  checkMemory,
  checkHealth,
];
