/**
 * own address: what ends at this node. In the words of the README: "OPTIONS to the router itself is answered. No user lives
 * here" (RFC 3261 §11.2). Gives own-address.
 */
import type { Reason } from '../reasons.ts';
import type { RequestFacts } from '../types.ts';
import { type Check, describeUri, reject } from './check.ts';

const ownAddressDetail = ({ method, requestUri }: RequestFacts): string => {
  if (requestUri.user === undefined) return `${method} to ${describeUri(requestUri)}, this node itself`;
  return `${describeUri(requestUri)} is this node, where no users live: ReplaceHostInRequestUri of Microsoft's static route must be false`;
};

const isPing = ({ method, requestUri }: RequestFacts): boolean => method === 'OPTIONS' && requestUri.user === undefined;

/** OPTIONS to this node is answered (RFC 3261 §11.2); everything else that ends here has gone astray. */
export const ownAddress: Check = {
  name: 'own address',
  run: (request) => {
    const { facts, policy, rule, from } = request;
    const { host, port } = facts.requestUri;
    const isShared = policy.domains.has(host);
    if (isShared ? !isPing(facts) : !policy.isOwnAddress(host, port)) return undefined;
    const own: Reason = { code: 'own-address', detail: ownAddressDetail(facts) };
    if (!isPing(facts)) return reject(request, own);
    return { kind: 'answer', status: 200, from, because: [rule.allowed, own] };
  },
  passed: ({ facts }) => `${describeUri(facts.requestUri)} is not this node`,
};
