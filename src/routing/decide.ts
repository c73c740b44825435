/**
 * The mind of the product: what becomes of one request, and why. It takes values and gives a value; it never awaits, logs,
 * reads a clock or throws, and knows nothing of health, so that the same request always has the same explanation.
 *
 * Access says who speaks. Then each check of the list is asked in turn, and the first that has something to say decides; what
 * passes them all goes to the other side. Where a request goes to a side, the route table says by which hops.
 */
import { admit, type Peer } from './checks/access.ts';
import type { Admitted, Check, CheckResult, Heading } from './checks/check.ts';
import { domain } from './checks/domain.ts';
import { loop } from './checks/loop.ts';
import { mode } from './checks/mode.ts';
import { ownAddress } from './checks/own-address.ts';
import { pin } from './checks/pin.ts';
import { recipient } from './checks/recipient.ts';
import { throughRouteTable } from './checks/route-table.ts';
import { routeToFollow } from './checks/route-to-follow.ts';
import { signatures } from './checks/signatures.ts';
import type { Policy } from './policy.ts';
import type { Reason } from './reasons.ts';
import type { Decision, RequestFacts, Side } from './types.ts';

/** In the order of the decision. Where the last one must ask the directory, only the route table is left to be asked. */
export const checks: readonly Check[] = [signatures, loop, recipient, routeToFollow, ownAddress, domain, pin, mode];

const basicReasons: Readonly<Record<Side, readonly Reason[]>> = {
  cisco: [{ code: 'basic-other-side', detail: 'basic mode: what comes from microsoft goes to cisco' }],
  microsoft: [{ code: 'basic-other-side', detail: 'basic mode: what comes from cisco goes to microsoft' }],
};

/** What passes all checks: the other side. */
export const basicHeading = ({ facts, to }: Admitted): Heading => ({
  kind: 'heading',
  host: facts.requestUri.host,
  key: facts.requestUri.key,
  because: basicReasons[to],
});

/** What a check has said, as a decision. */
export const conclude = (request: Admitted, outcome: CheckResult): Decision => {
  switch (outcome.kind) {
    case 'heading':
      return throughRouteTable(request, outcome);
    case 'question': {
      const { recipient: key, weigh } = outcome;
      return { kind: 'ask-directory', recipient: key, goOn: (answer) => conclude(request, weigh(request, answer)) };
    }
    default:
      return outcome;
  }
};

/** @param peer who speaks, by the same policy */
export const decide = (facts: RequestFacts, policy: Policy, peer: Peer): Decision => {
  const request = admit(facts, policy, peer);
  if ('kind' in request) return request;
  for (const check of checks) {
    const outcome = check.run(request);
    if (outcome !== undefined) return conclude(request, outcome);
  }
  return throughRouteTable(request, basicHeading(request));
};
