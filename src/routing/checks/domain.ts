/**
 * domain: strangers are never relayed. In the words of the README: "a domain that is not shared needs a route of its own".
 * Gives foreign-domain-no-route, foreign-domain-route.
 */
import type { Reason } from '../reasons.ts';
import { type Check, reject } from './check.ts';

/** Other domains have a static route in that direction or none; strangers are never relayed. */
export const domain: Check = {
  name: 'domain',
  run: (request) => {
    const { facts, policy, from, to } = request;
    const { host } = facts.requestUri;
    if (policy.domains.has(host)) return undefined;
    if (!policy.routes.hasRouteFor(to, host)) {
      return reject(request, {
        code: 'foreign-domain-no-route',
        detail: `${host} is not a shared domain, and has no route from ${from} to ${to}`,
      });
    }
    const because: Reason[] = [{ code: 'foreign-domain-route', detail: `${host} has a route from ${from} to ${to}` }];
    return { kind: 'heading', host, key: undefined, because };
  },
  passed: ({ facts }) => `${facts.requestUri.host} is a shared domain`,
};
