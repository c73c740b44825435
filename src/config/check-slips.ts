/** Rows that are possible, and hardly meant: what would let in or reach others than somebody thought. Warnings only. */
import type { Transport } from '../net/ports.ts';
import { ruleLabel } from '../routing/access/rule.ts';
import type { Policy } from '../routing/policy.ts';
import type { AccessRuleInput, RouteInput } from '../routing/policy-input.ts';
import { matchesHost, patternKey, type RoutePattern } from '../routing/routes/route-pattern.ts';
import { otherSide, type Side } from '../routing/types.ts';
import type { Report } from '../settings/report.ts';
import { editDistance } from '../settings/suggest.ts';

/** The rows of a policy as they were compiled from the file. */
interface Rows {
  /** Those that are listened on. */
  readonly transports: ReadonlySet<Transport>;
  readonly domains: readonly string[];
  readonly access: readonly AccessRuleInput[];
  readonly routes: readonly RouteInput[];
}

export function warnOfSlips({ transports, domains, access, routes }: Rows, policy: Policy, report: Report): void {
  for (const rule of access) warnOfOpenRule(rule, transports, report);
  for (const route of routes) {
    warnOfNearMiss(route, domains, report);
    warnOfHalfLabel(route, report);
    warnOfRoundTrip(route, policy, report);
  }
  warnOfDomainOnBothSides(routes, domains, report);
}

/** The shared domain that a route to this side probably means, but does not spell. */
export const isNearMissOf = (domain: string, side: Side, { domains, routes }: Omit<Rows, 'transports'>): boolean =>
  routes.some(({ to, pattern }) => to === side && nearDomain(pattern, domains) === domain);

/** A rule for every address, which no certificate narrows. */
function warnOfOpenRule(rule: AccessRuleInput, transports: ReadonlySet<Transport>, report: Report): void {
  const { index, side, from, tlsName, transport } = rule;
  const isOpen = from.kind === 'all' || (from.kind === 'network' && from.network.prefix === 0);
  const isHeard = [...transports].some((heard) => heard !== 'tls' && (transport ?? heard) === heard);
  if (side === undefined || !isOpen || !isHeard || tlsName !== undefined) return;
  const what = `everybody who can reach this router counts as a peer of the ${side} side`;
  report.warning(['access', index, 'from'], what, 'name the addresses of its servers, or ask for a tls-name');
}

/** The domain in a pattern that ends in one; undefined for patterns of another kind. */
const domainIn = (pattern: RoutePattern): string | undefined =>
  pattern.kind === 'domain' || pattern.kind === 'below' || pattern.kind === 'domain-and-below'
    ? pattern.domain
    : undefined;

/** Two letters of a long name are a slip of the fingers; of a short one they make another name. */
const mostEdits = (name: string): number => Math.min(2, Math.floor(name.length / 5));

function nearDomain(pattern: RoutePattern, domains: readonly string[]): string | undefined {
  const written = domainIn(pattern);
  if (written === undefined || domains.includes(written)) return undefined;
  return domains.find((domain) => isSlipOf(written, domain));
}

/** example.net is another domain than example.com, and example2.com another than example1.com: nobody slips like that. */
function isSlipOf(written: string, domain: string): boolean {
  const [labels, wanted] = [written.split('.'), domain.split('.')];
  if (labels.length !== wanted.length || lettersOf(written) === lettersOf(domain)) return false;
  const different = labels.flatMap((label, i) => (label === wanted[i] ? [] : [i]));
  const [at] = different;
  if (at === undefined || different.length > 1) return false;
  const isLast = at === labels.length - 1;
  const [a, b] = [labels[at]!, wanted[at]!];
  return editDistance(a, b) <= (isLast ? Math.min(1, Math.floor(Math.min(a.length, b.length) / 3)) : mostEdits(b));
}

const lettersOf = (name: string): string => name.replaceAll(/\d/g, '');

function warnOfNearMiss({ index, pattern }: RouteInput, domains: readonly string[], report: Report): void {
  const meant = nearDomain(pattern, domains);
  if (meant === undefined) return;
  const what = `"${pattern.text}" is almost the shared domain ${meant}`;
  report.warning(['routes', index, 'pattern'], what, `write ${meant}, if that is meant`);
}

/** `*contoso.test`: the star stands for a part of a label, too. */
function warnOfHalfLabel({ index, pattern }: RouteInput, report: Report): void {
  if (pattern.kind !== 'host-wildcard' || !reachesOthers(pattern.parts)) return;
  const path = ['routes', index, 'pattern'];
  const rest = /^\*+([^*]+)$/.exec(pattern.text)?.[1];
  if (rest === undefined) {
    const what = `"${pattern.text}" matches names that belong to others, for its last * stands for a part of a label`;
    return report.warning(path, what, 'let it stand for whole labels, as in "*.contoso.test"');
  }
  const what = `"${pattern.text}" matches other${rest} too, which belongs to others`;
  report.warning(path, what, `write "*.${rest}", and a row for ${rest} itself`);
}

/** Behind the last star a domain must be whole: `sip*contoso.test` and `contoso*` reach others, `*-sip.contoso.test` does not. */
function reachesOthers(parts: readonly string[]): boolean {
  const [before = '', tail = ''] = parts.slice(-2);
  if (tail === '') return before !== '' && !before.endsWith('.');
  return !tail.startsWith('.') && tail.split('.').length <= 2;
}

/** What comes from there is sent there: a server that sends back what it does not know gets it again and again. */
function warnOfRoundTrip(route: RouteInput, { access }: Policy, report: Report): void {
  const { index, to, nextHop, inService, block } = route;
  const isNamed = !/^[\d.]+$|:/.test(nextHop);
  if (!inService || block || route.transport === 'any' || (isNamed && route.transport !== 'tls')) return;
  const verifiedNames = route.transport === 'tls' ? namesOf(route, isNamed) : [];
  const remoteAddress = isNamed ? '' : nextHop;
  const rules = access.rulesFor({ transport: route.transport, remoteAddress, remotePort: 0, verifiedNames });
  if (rules?.side !== otherSide(to)) return;
  const { from, tlsName } = rules.first.input;
  // That everybody is let in is told there.
  if (from.kind === 'all' && tlsName === undefined) return;
  const what = `${nextHop} is reached as ${to}, and ${ruleLabel(rules.first.input)} lets it in as ${rules.side}: what it sends goes back to it`;
  report.warning(['routes', index, 'next-hop'], what, `say the same side in both rows`);
}

const namesOf = ({ nextHop, tlsName, otherTlsNames = [] }: RouteInput, isNamed: boolean): readonly string[] =>
  tlsName === undefined ? (isNamed ? [nextHop] : []) : [tlsName, ...otherTlsNames];

/** Users of a domain of others are behind one side; hosts below a shared domain are of both. */
function warnOfDomainOnBothSides(routes: readonly RouteInput[], domains: readonly string[], report: Report): void {
  const used = routes.filter(({ inService, block, pattern }) => inService && !block && isOfOthers(pattern, domains));
  for (const rows of Map.groupBy(used, ({ pattern }) => patternKey(pattern)).values()) {
    const [first] = rows;
    const second = rows.find(({ to }) => to !== first?.to);
    if (first === undefined || second === undefined) continue;
    const what = `"${second.pattern.text}" is routed to both sides: routes[${first.index}] says ${first.to}`;
    const hint = 'a domain of others is behind one side; one that both sides share belongs into "domains"';
    report.warning(['routes', second.index, 'pattern'], what, hint);
  }
}

function isOfOthers(pattern: RoutePattern, domains: readonly string[]): boolean {
  switch (pattern.kind) {
    case 'domain':
      return !domains.some((domain) => pattern.domain === domain || pattern.domain.endsWith(`.${domain}`));
    case 'below':
    case 'domain-and-below':
      return !domains.some((domain) => domain === pattern.domain || domain.endsWith(`.${pattern.domain}`));
    case 'host-wildcard':
      return !domains.some((domain) => matchesHost(pattern, domain));
    case 'user':
    case 'user-wildcard':
      return false;
  }
}
