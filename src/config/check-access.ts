/** What the rows of `access` mean, each by itself and beside the listeners. What is wrong between rows, routing says. */

import { overshadowed } from '../routing/access/reach.ts';
import { peerMatchOf } from '../routing/access/rule.ts';
import type { Item } from '../settings/reader.ts';
import type { Report } from '../settings/report.ts';
import { nearest } from '../settings/suggest.ts';
import { compileAccessRule } from './compile.ts';
import type { AccessRow, RoutesFile } from './shape.ts';

export function checkAccess({ access, listen, routes }: RoutesFile, report: Report): void {
  if (access.length === 0 && report.isSound('access')) {
    report.error(['access'], 'nobody may talk to this router', 'add the servers of both sides');
  }
  for (const row of access) checkRow(row, report);
  if (report.isSound('access') && report.isSound('listen')) warnOfSilentRules(access, listen, report);
  // Without a TLS listener it has been told that names never match.
  const hasTls = listen.some(({ value }) => value.transport === 'tls');
  if (hasTls && report.isSound('access') && report.isSound('routes')) warnOfUnknownCallers(access, routes, report);
}

/** RFC 3261, 3262, 3311, 3428, 3515, 3903, 6086, 6665, and Microsoft's own. */
const knownMethods: ReadonlySet<string> = new Set(
  'INVITE ACK BYE CANCEL OPTIONS REGISTER MESSAGE SUBSCRIBE NOTIFY BENOTIFY PUBLISH SERVICE INFO UPDATE PRACK REFER NEGOTIATE'.split(
    ' ',
  ),
);

function checkRow({ path, value }: Item<AccessRow>, report: Report): void {
  const { side, deny, from, transport, methods } = value;
  const tlsName = value['tls-name'];
  if (side === undefined && !deny) report.error([...path, 'side'], 'this setting is missing', 'it has no default');
  if (side !== undefined && deny) report.error([...path, 'side'], 'who is denied has no side', 'leave one of them out');
  if (from === undefined && tlsName === undefined) {
    report.error([...path, 'from'], 'this setting is missing', 'only a row with tls-name can do without');
  }
  const isNameInFrom = from !== undefined && from.pattern.kind !== 'all' && from.pattern.kind !== 'network';
  if (isNameInFrom && tlsName !== undefined) {
    report.error([...path, 'tls-name'], '"from" names a certificate already', 'leave one of them out');
  }
  if ((isNameInFrom || tlsName !== undefined) && transport !== undefined && transport !== 'tls') {
    const hint = 'only a TLS certificate proves a name, for DNS is never asked: write the addresses of the peer';
    report.error([...path, 'transport'], `a name is not known over ${transport}`, hint);
  }
  for (const method of methods ?? []) {
    const meant = knownMethods.has(method.value) ? undefined : nearest(method.value, [...knownMethods]);
    if (meant !== undefined)
      report.warning(method.path, `${method.value} is a method of nobody`, `did you mean ${meant}?`);
  }
  if (methods?.length === 0) report.error([...path, 'methods'], 'no request at all would match', 'or deny: true');
  if (value['from-domains']?.length === 0) {
    report.error([...path, 'from-domains'], 'no request at all would match', 'or deny: true');
  }
}

/** Rules that cannot speak, whoever comes. */
function warnOfSilentRules(access: RoutesFile['access'], listen: RoutesFile['listen'], report: Report): void {
  const transports = new Set(listen.map(({ value }) => value.transport));
  for (const row of access) {
    const { name, transport } = peerMatchOf(compileAccessRule(row));
    if (name !== undefined && !transports.has('tls')) {
      const hint = 'names come from TLS certificates, and there is no tls listener';
      report.warning(row.path, 'this name will never match', hint);
    } else if (transport !== undefined && !transports.has(transport)) {
      report.warning(row.path, 'this rule will never match', `there is no ${transport} listener`);
    }
  }
  for (const { index } of overshadowed(access.map(compileAccessRule), transports)) {
    report.warning(['access', index], 'this rule will never match', 'more specific rules cover all that it means');
  }
}

/** Who is called in the clear calls in the clear, too, as a rule; and then only an address could let them in. */
function warnOfUnknownCallers(access: RoutesFile['access'], routes: RoutesFile['routes'], report: Report): void {
  const told = new Set<string>();
  for (const { path, value } of routes) {
    const { to, transport, block } = value;
    if (block || transport === 'tls' || transport === 'any' || told.has(`${to} ${transport}`)) continue;
    told.add(`${to} ${transport}`);
    const rules = access.map(compileAccessRule).filter(({ side }) => side === to);
    const isKnownByAddress = rules
      .map(peerMatchOf)
      .some(({ name, transport: by }) => name === undefined && (by === undefined || by === transport));
    if (rules.length === 0 || isKnownByAddress) continue;
    const what = `what the ${to} side sends over ${transport} will be refused: no rule of access knows it by address`;
    report.warning([...path, 'transport'], what, 'add its addresses to access, or use transport: tls');
  }
}
