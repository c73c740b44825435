/** How commands print: problems, hops, and what a configuration says. */

import type { Snapshot } from '../config/snapshot.ts';
import { hostAndPort } from '../net/host.ts';
import { printable } from '../printable.ts';
import { peerMatchText } from '../routing/access/rule.ts';
import type { RouteInput } from '../routing/policy-input.ts';
import type { NextHop, Side } from '../routing/types.ts';
import { formatProblem, hasError, type Problem } from '../settings/problem.ts';

/** Where a command prints; a line comes without its line end. */
export interface Io {
  out(line: string): void;
  err(line: string): void;
}

interface Output {
  write(text: string): unknown;
}

/** The only way to a terminal: whatever stands in a line, it is shown, and is one line. */
export const createIo = (output: Output, errors: Output): Io => ({
  out: (line) => void output.write(`${printable(line)}\n`),
  err: (line) => void errors.write(`${printable(line)}\n`),
});

/** A text of our own that has several lines. */
export const printText = (text: string, print: (line: string) => void): void => text.split('\n').forEach(print);

export function printProblems(problems: readonly Problem[], print: (line: string) => void): void {
  for (const problem of problems) print(formatProblem(problem));
}

/** `2 errors, 1 warning`; `no problems`. */
export function countProblems(problems: readonly Problem[]): string {
  if (problems.length === 0) return 'no problems';
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const warnings = problems.length - errors;
  return [
    ...(hasError(problems) ? [counted(errors, 'error')] : []),
    ...(warnings > 0 ? [counted(warnings, 'warning')] : []),
  ].join(', ');
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** `tls [2001:db8::1]:5061`. */
export const formatAddress = (transport: string, host: string, port: number): string =>
  `${transport} ${hostAndPort(host, port)}`;

export function formatHop({ transport, host, port, tlsName = host, otherTlsNames = [] }: NextHop): string {
  const srv = port === 0 ? ' (by its SRV records)' : '';
  const names = [tlsName, ...otherTlsNames];
  const name = names.join() === host ? '' : `, whose certificate says ${names.join(' or ')}`;
  return `${formatAddress(transport, host, port)}${srv}${name}`;
}

/** What the configuration says, for people: mode, domains, each side with its peers and routes, pins, directory. */
export function describeConfiguration({ policy, rows, directory }: Snapshot): readonly string[] {
  return [
    line('routing', `${policy.mode}, for ${rows.domains.join(', ')}`),
    ...(['cisco', 'microsoft'] as const).flatMap((side) => describeSide(side, rows)),
    ...(rows.pins.length === 0 ? [] : [line('pins', rows.pins.map(({ key, side }) => `${key} on ${side}`).join(', '))]),
    ...describeDirectory(directory).map((text) => {
      return line('directory', `${text}${policy.mode === 'basic' ? ' (not asked in basic mode)' : ''}`);
    }),
  ];
}

function describeDirectory({ sources }: Snapshot['directory']): readonly string[] {
  if (sources.length === 0) return ['no directory: none is configured'];
  return sources.map((source) => source.describe()).map(({ source, summary }) => `${source}: ${summary}`);
}

const line = (subject: string, text: string): string => `${subject.padEnd(10)} ${text}`;

function describeSide(side: Side, { access, routes }: Snapshot['rows']): readonly string[] {
  const peers = access.filter((rule) => rule.side === side).map(peerMatchText);
  const rows = routes.filter(({ to }) => to === side);
  return [
    line(side, peers.length === 0 ? 'nobody is let in' : `from ${listed(peers)}`),
    ...rows.map((route) => line('', `to ${route.pattern.text} by ${describeRoute(route)}`)),
  ];
}

/** There may be thousands. */
const listed = (peers: readonly string[]): string =>
  peers.length <= 8 ? peers.join(', ') : `${peers.slice(0, 7).join(', ')} and ${peers.length - 7} more`;

function describeRoute({ transport, nextHop, port, priority, inService, block, description }: RouteInput): string {
  const state = [
    `priority ${priority}`,
    ...(inService ? [] : ['out of service']),
    ...(block ? ['blocked'] : []),
    ...(description === undefined ? [] : [description]),
  ];
  return `${formatAddress(transport, nextHop, port)} (${state.join(', ')})`;
}
