/** Which access rules can never speak, because more specific ones cover all that they mean; for whoever checks a configuration. */

import { masked } from '../../net/ip-address.ts';
import type { Transport } from '../../net/ports.ts';
import type { AccessRuleInput } from '../policy-input.ts';
import { nameKey, networkKey, peerMatchKey, peerMatchOf } from './rule.ts';

/** The addresses of a rule within one family, as a range of numbers. */
interface Span {
  readonly rule: AccessRuleInput;
  readonly family: 4 | 6;
  readonly start: bigint;
  readonly size: bigint;
  /** -1 where the rule names no network. */
  readonly prefix: number;
}

const span = (rule: AccessRuleInput, family: 4 | 6, start: bigint, prefix: number): Span => {
  const bits = (family === 4 ? 32 : 128) - Math.max(prefix, 0);
  return { rule, family, start, size: 1n << BigInt(bits), prefix };
};

const spansOf = (rule: AccessRuleInput): readonly Span[] => {
  const { network } = peerMatchOf(rule);
  if (network === undefined) return [span(rule, 4, 0n, -1), span(rule, 6, 0n, -1)];
  const { address, prefix } = network;
  return [span(rule, address.family, BigInt(masked(address, prefix)), prefix)];
};

const byPlace = (a: Span, b: Span): number =>
  a.family - b.family || (a.start < b.start ? -1 : a.start > b.start ? 1 : a.prefix - b.prefix);

const contains = (outer: Span, inner: Span): boolean =>
  outer.family === inner.family && inner.start < outer.start + outer.size;

/** Spans that others, with longer prefixes, cover from end to end. Networks never overlap by halves. */
const coveredSpans = (spans: readonly Span[]): ReadonlySet<Span> => {
  const covered = new Set<Span>();
  const around: { readonly span: Span; filled: bigint }[] = [];
  const close = () => {
    const inner = around.pop()!;
    if (inner.filled === inner.span.size) covered.add(inner.span);
    const outer = around.at(-1);
    if (outer !== undefined) outer.filled += inner.span.size;
  };
  for (const next of spans.toSorted(byPlace)) {
    while (around.length > 0 && !contains(around.at(-1)!.span, next)) close();
    around.push({ span: next, filled: 0n });
  }
  while (around.length > 0) close();
  return covered;
};

/** Of rules for one network, those that speak over this transport. */
const speakingOver = (transport: Transport, rules: readonly AccessRuleInput[]): readonly AccessRuleInput[] => {
  const own = rules.filter((rule) => rule.transport === transport);
  return own.length > 0 ? own.slice(0, 1) : rules.filter((rule) => rule.transport === undefined).slice(0, 1);
};

/** Keys of the networks that are reached over a transport by rules that ask for one and the same name. */
const reachedOver = (transport: Transport, rules: readonly AccessRuleInput[]): ReadonlySet<AccessRuleInput> => {
  const speaking = [...Map.groupBy(rules, (rule) => networkKey(peerMatchOf(rule))).values()].flatMap((same) =>
    speakingOver(transport, same),
  );
  const spans = speaking.flatMap(spansOf);
  const covered = coveredSpans(spans);
  return new Set(spans.filter((one) => !covered.has(one)).map(({ rule }) => rule));
};

/**
 * @param transports those that are listened on
 * @returns rules that never speak, although their own transport is heard
 */
export const overshadowed = (
  rules: readonly AccessRuleInput[],
  transports: ReadonlySet<Transport>,
): readonly AccessRuleInput[] => {
  const isHeard = (rule: AccessRuleInput): boolean => {
    const transport = peerMatchOf(rule).name === undefined ? rule.transport : 'tls';
    return transport === undefined || transports.has(transport);
  };
  // By place: of two rules of one place, which one speaks is up to the request.
  const reached = new Set<string>();
  for (const [name, same] of Map.groupBy(rules, (rule) => nameKey(peerMatchOf(rule)))) {
    for (const transport of name === '' ? transports : (['tls'] as const)) {
      for (const rule of reachedOver(transport, same)) reached.add(peerMatchKey(peerMatchOf(rule)));
    }
  }
  return rules.filter((rule) => isHeard(rule) && !reached.has(peerMatchKey(peerMatchOf(rule))));
};
