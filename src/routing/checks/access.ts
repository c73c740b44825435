/**
 * access: who speaks, and which side that is. It comes before the list, for without a side there is nothing to decide. In the
 * words of the README: "which peer speaks, by address or by the name that TLS has proved, and for which side. Anybody else
 * gets 403, or no answer". Gives access-allowed, access-denied, method-denied, from-domain-denied.
 */
import type { PeerRules } from '../access/rule.ts';
import type { Policy } from '../policy.ts';
import type { Reason } from '../reasons.ts';
import { type Decision, otherSide, type RequestFacts, type RequestSource, type Side } from '../types.ts';
import type { Admitted } from './check.ts';

/** The rules of a source from which something is let in. */
export type Peer = PeerRules & { readonly side: Side };

const isPeer = (rules: PeerRules | undefined): rules is Peer => rules?.side !== undefined;

/** What a stranger gets, whatever it sends. */
export type Refused = Decision & { readonly kind: 'reject' | 'drop' };

const noRule = ({ remoteAddress, transport, verifiedNames }: RequestSource): Reason => {
  const names = verifiedNames.length === 0 ? 'no verified name' : verifiedNames.join(', ');
  return { code: 'access-denied', detail: `no access rule matches ${remoteAddress} over ${transport} (${names})` };
};

/** What no access rule lets in, or one denies (RFC 3261 §21.4.4). */
const denied = (because: Reason, { onDenied }: Policy): Refused =>
  onDenied === 'drop'
    ? { kind: 'drop', from: undefined, because: [because] }
    : { kind: 'reject', status: 403, from: undefined, because: [because] };

/** Who a source is; or what it gets for whatever it sends, when nothing is let in from there. Asked once for each request. */
export const knownAs = (source: RequestSource, policy: Policy): Peer | Refused => {
  const rules = policy.access.rulesFor(source);
  return isPeer(rules) ? rules : denied(rules?.first.denied ?? noRule(source), policy);
};

/**
 * The request with its rule and side, or its refusal: a rule may ask more than the source. A peer hears 403 for a method that it
 * may not send: 405 would say that the recipient does not know it (RFC 3261 §21.4.6).
 */
export const admit = (facts: RequestFacts, policy: Policy, peer: Peer): Admitted | Refused => {
  const rule = peer.judge(facts);
  if ('allowed' in rule) return { facts, policy, rule, from: rule.side, to: otherSide(rule.side) };
  return { kind: 'reject', status: 403, from: peer.side, because: [rule] };
};
