/** Of the rules that do not match a source, the one that comes nearest, and what is missing; for people, never for the decision. */

import { type IpAddress, type IpNetwork, masked, parseIp } from '../../net/ip-address.ts';
import { DomainSet } from '../domain-set.ts';
import type { AccessRuleInput } from '../policy-input.ts';
import type { RequestSource } from '../types.ts';
import type { NamePattern } from './pattern.ts';
import { nameText, peerMatchOf, peerMatchText, ruleLabel } from './rule.ts';

const isWithin = (address: IpAddress | undefined, network: IpNetwork, prefix: number): boolean =>
  address?.family === network.address.family && masked(address, prefix) === masked(network.address, prefix);

/** How many leading bits an address shares with a network. */
const sharedBits = (address: IpAddress | undefined, network: IpNetwork): number => {
  let bits = network.prefix;
  while (bits > 0 && !isWithin(address, network, bits)) bits -= 1;
  return bits;
};

/** How many labels at the end the best of the names shares with a pattern. */
const sharedLabels = (names: readonly string[], pattern: NamePattern): number => {
  const wanted = nameText(pattern).split('.').reverse();
  const shared = names.map((name) => {
    const labels = name.split('.').reverse();
    const different = wanted.findIndex((label, at) => label !== labels[at]);
    return different < 0 ? wanted.length : different;
  });
  return Math.max(0, ...shared);
};

interface Miss {
  readonly rule: AccessRuleInput;
  /** What is missing, in words. */
  readonly missing: readonly string[];
  /** The more the nearer; compared where as much is missing. */
  readonly likeness: number;
}

const missOf = (rule: AccessRuleInput, source: RequestSource): Miss => {
  const { network, name, transport } = peerMatchOf(rule);
  const address = parseIp(source.remoteAddress);
  const missing: string[] = [];
  if (name !== undefined && !source.verifiedNames.some((proved) => new DomainSet([name]).has(proved))) {
    missing.push(`the verified name ${nameText(name)}`);
  }
  if (network !== undefined && !isWithin(address, network, network.prefix)) missing.push(`an address in ${rule.text}`);
  if (transport !== undefined && transport !== source.transport) missing.push(transport);
  const bits = network === undefined ? 0 : sharedBits(address, network);
  return { rule, missing, likeness: bits + (name === undefined ? 0 : 32 * sharedLabels(source.verifiedNames, name)) };
};

/** A sentence on the nearest rule that would let somebody in; undefined when there is no rule. */
export const nearestRule = (rules: readonly AccessRuleInput[], source: RequestSource): string | undefined => {
  const [nearest] = rules
    .filter(({ side }) => side !== undefined)
    .map((rule) => missOf(rule, source))
    .toSorted((a, b) => a.missing.length - b.missing.length || b.likeness - a.likeness);
  if (nearest === undefined) return undefined;
  const { rule, missing } = nearest;
  return `the nearest, ${ruleLabel(rule)} ${peerMatchText(rule)}, asks for ${missing.join(' and ')}`;
};
