/** What becomes of a decision while the router is being emptied: who begins something new is sent elsewhere. */
import type { Policy } from './policy.ts';
import type { Decision, RequestFacts } from './types.ts';

const draining = {
  code: 'draining',
  detail: 'this node is being taken out of service, and begins nothing new',
} as const;

/**
 * 503 with Retry-After in place of what would begin: RFC 3261 §16.7 makes the asker try the next node. Requests within a
 * dialog go on, refusals stay what they are, and an OPTIONS to this node hears that it is not to be used (RFC 3261 §11.2).
 */
export const whileDraining = (decision: Decision, facts: RequestFacts, policy: Policy): Decision => {
  if (facts.hasToTag || decision.kind === 'reject' || decision.kind === 'drop') return decision;
  return {
    kind: 'reject',
    status: 503,
    retryAfterS: policy.retryAfterS,
    from: policy.access.sideOf(facts.source),
    because: [draining],
  };
};
