/**
 * route table: the end of the line, where every request comes that goes on. In the words of the README: "the next hops of
 * that side: most specific pattern, then priority, then weight (one Call-ID always makes the same choice)". Gives
 * route-matched, route-less-specific, route-blocked, route-out-of-service, no-route.
 */
import type { Reason } from '../reasons.ts';
import type { RouteMatch } from '../routes/destination.ts';
import { type Admitted, type Concluded, type Heading, isInDialogThroughUs, placeOfUri, reject } from './check.ts';
import { chosenByRoute } from './route-to-follow.ts';

/** Nearly always one of each, which `concat` takes many times as long for. */
const joined = (first: Reason, then: readonly Reason[], last: readonly Reason[]): readonly Reason[] =>
  then.length === 1 && last.length === 1 ? [first, then[0]!, last[0]!] : [first, ...then, ...last];

/** Where the route table lets a request through, a Route of the asker's may say by which of the side's hops. */
const matchOf = (request: Admitted, { host, key }: Heading): RouteMatch | undefined => {
  const { facts, policy, to } = request;
  const match = policy.routes.match(to, host, key, facts);
  const { nextRoute } = facts;
  if (match?.kind !== 'plan' || nextRoute === undefined || isInDialogThroughUs(request)) return match;
  return chosenByRoute(request, placeOfUri(nextRoute));
};

/** The end of the line: the hops towards the other side. */
export const throughRouteTable = (request: Admitted, heading: Heading): Concluded => {
  const { rule, from, to } = request;
  const { host, key, because } = heading;
  const match = matchOf(request, heading);
  if (match === undefined) {
    return reject(request, ...because, { code: 'no-route', detail: `no route to ${to} matches ${key ?? host}` });
  }
  switch (match.kind) {
    case 'plan':
      return { kind: 'forward', plan: match.plan, from, because: joined(rule.allowed, because, match.because) };
    case 'blocked':
    case 'out-of-service':
      return reject(request, ...because, ...match.because);
  }
};
