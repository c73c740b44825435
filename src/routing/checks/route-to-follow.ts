/**
 * route to follow: where a Route or the remote target of a dialog leads (RFC 3261 §16.5, §16.6 step 6, §12.2.1.1). In the
 * words of the README: "a dialog continues where it is, to known peers only, even when its user moves. Outside a dialog a
 * Route must name a next hop of the other side, and chooses no more than that hop". Gives route-followed, dialog-other-side,
 * target-not-a-peer, route-without-lr.
 */
import type { Reach } from '../peers.ts';
import type { Reason } from '../reasons.ts';
import type { RouteMatch } from '../routes/destination.ts';
import type { RouteFacts, Side, UriFacts } from '../types.ts';
import {
  type Admitted,
  type Check,
  describeUri,
  isInDialogThroughUs,
  placeOfUri,
  reject,
  toOtherSide,
  type Verdict,
} from './check.ts';

/**
 * How far a URI of the asker's choice may lead. A dialog through us has learnt its targets from peers: any place of a peer
 * (a Contact, a Front End behind a pool). A To tag alone proves nothing, but some drop our Route (LCS: DropRouteHeaders):
 * another port of a next hop's host. Outside a dialog nothing but a next hop itself.
 */
const reachOf = (request: Admitted): Reach => {
  if (isInDialogThroughUs(request)) return 'peers';
  return request.facts.hasToTag && request.facts.nextRoute === undefined ? 'hosts of hops' : 'hops';
};

const leadsTo = (uri: UriFacts, hopId: string): Reason => ({
  code: 'route-followed',
  detail: `${describeUri(uri)} leads to ${hopId}`,
});

const byRoutesTo = (uri: UriFacts, to: Side): Reason => ({
  code: 'route-followed',
  detail: `${describeUri(uri)} by the routes to ${to}`,
});

/** Where a Route or a remote target leads: to a known peer, by a route for that host, or nowhere. */
const followUri = (request: Admitted, uri: UriFacts): Verdict | undefined => {
  const { facts, policy, rule, from, to } = request;
  const peer = policy.peers.find(uri, from, reachOf(request), (address) => facts.hopsAt(address));
  if (peer !== undefined) {
    const { side, hop } = peer;
    return { kind: 'forward', plan: { to: side, hops: [hop] }, from, because: [rule.allowed, leadsTo(uri, hop.id)] };
  }
  if (!policy.routes.hasRouteFor(to, uri.host)) return undefined;
  return { kind: 'heading', host: uri.host, key: undefined, because: [byRoutesTo(uri, to)] };
};

const noPeerDetails: Readonly<Record<Reach, (uri: string, to: Side) => string>> = {
  peers: (uri) => `neither an access rule nor a route names the host of ${uri}, and no next hop's name stands for it`,
  'hosts of hops': (uri) => `no route names the host of ${uri}, and no signed Route shows a dialog through this node`,
  hops: (uri, to) => `${uri} is no next hop of ${to}, and outside a dialog a Route leads nowhere else`,
};

const noPeer = (request: Admitted, uri: UriFacts): Verdict =>
  reject(request, {
    code: 'target-not-a-peer',
    detail: noPeerDetails[reachOf(request)](describeUri(uri), request.to),
  });

const throughDialog: Reason = {
  code: 'dialog-other-side',
  detail: 'within a dialog, to an address of a shared domain (a GRUU): the dialog goes on, wherever the user is now',
};

const withoutLr: Reason = {
  code: 'route-without-lr',
  detail:
    'outside a dialog a Route without lr may not name a user or a maddr: its URI would take the place of the recipient',
};

/** What a Route chooses: a hop in service of the side that the request goes to, or those of a route to it. */
export const chosenByRoute = ({ facts, policy, from, to }: Admitted, uri: UriFacts): RouteMatch | undefined => {
  const peer = policy.peers.find(uri, from, 'hops');
  if (peer?.side === to && policy.routes.isInService(peer.hop.id)) {
    return { kind: 'plan', plan: { to, hops: [peer.hop] }, because: [leadsTo(uri, peer.hop.id)] };
  }
  const match = policy.routes.match(to, uri.host, undefined, facts);
  return match && { ...match, because: [byRoutesTo(uri, to), ...match.because] };
};

/**
 * Outside a dialog of ours a Route says by which hop, not whether and not to which side: that is for all checks that follow.
 * One that leads to no hop of the other side is refused here, before a directory is asked.
 */
const refuseRoute = (request: Admitted, route: RouteFacts): Verdict | undefined => {
  if (!route.hasLr && (route.user !== undefined || route.maddr !== undefined)) return reject(request, withoutLr);
  const place = placeOfUri(route);
  return chosenByRoute(request, place) === undefined ? noPeer(request, place) : undefined;
};

/** The remote target of a dialog (RFC 3261 §12.2.1.1). */
const followTarget = (request: Admitted): Verdict | undefined => {
  const { facts, policy } = request;
  const target = placeOfUri(facts.requestUri);
  if (policy.domains.has(target.host)) {
    return isInDialogThroughUs(request) ? { ...toOtherSide(request, throughDialog), host: target.host } : undefined;
  }
  if (policy.isOwnAddress(target.host, target.port)) return undefined;
  return followUri(request, target) ?? noPeer(request, target);
};

/** RFC 3261 §16.5 and §16.6 step 6: within a dialog the route set and the remote target say where to, not the user's home. */
export const routeToFollow: Check = {
  name: 'route to follow',
  run: (request) => {
    const { nextRoute, hasToTag } = request.facts;
    if (nextRoute === undefined) return hasToTag ? followTarget(request) : undefined;
    if (!isInDialogThroughUs(request)) return refuseRoute(request, nextRoute);
    const place = placeOfUri(nextRoute);
    return followUri(request, place) ?? noPeer(request, place);
  },
  passed: ({ facts }) => {
    if (facts.nextRoute !== undefined) return 'the Route names a hop of the other side';
    return facts.hasToTag ? 'a dialog that did not come through this node' : 'no Route left, no dialog';
  },
};
