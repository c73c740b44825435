/**
 * The mind of the product: what becomes of one request, and why. It takes values and gives a value; it never awaits, logs,
 * reads a clock or throws, and knows nothing of health, so that the same request always has the same explanation.
 *
 * The order of things is the list `checks` at the end: the first check that answers wins, and what passes them all goes to
 * the other side. Where a request goes to a side, the route table says by which hops.
 */
import {
  type Admitted,
  type Check,
  describeUri,
  type Heading,
  isInDialogThroughUs,
  type Outcome,
  placeOfUri,
  reject,
  rejectForNow,
  toOtherSide,
} from './checks/check.ts';
import { signatures } from './checks/signatures.ts';
import type { Reach } from './peers.ts';
import type { Policy } from './policy.ts';
import type { RouteMatch } from './routes/destination.ts';
import {
  type Decision,
  type DirectoryAnswer,
  otherSide,
  type Reason,
  type RequestFacts,
  type RequestSource,
  type RouteFacts,
  type Side,
  type UriFacts,
} from './types.ts';
import { isAmbiguousKey } from './user-key.ts';

const noRule = ({ remoteAddress, transport, verifiedNames }: RequestSource): Reason => {
  const names = verifiedNames.length === 0 ? 'no verified name' : verifiedNames.join(', ');
  return { code: 'access-denied', detail: `no access rule matches ${remoteAddress} over ${transport} (${names})` };
};

/** What no access rule lets in, or one denies (RFC 3261 §21.4.4). */
const denied = (because: Reason, { onDenied }: Policy): Decision =>
  onDenied === 'drop'
    ? { kind: 'drop', from: undefined, because: [because] }
    : { kind: 'reject', status: 403, from: undefined, because: [because] };

const loopedBranch: Reason = {
  code: 'loop-branch',
  detail: 'a Via of ours with the same loop hash is in the request (RFC 5393, 4.2)',
};

const returned: Readonly<Record<Side, Reason>> = {
  cisco: { code: 'loop-returned', detail: 'was sent to cisco, and now comes from there: nobody has this user' },
  microsoft: { code: 'loop-returned', detail: 'was sent to microsoft, and now comes from there: nobody has this user' },
};

const marked: Reason = {
  code: 'loop-cisco-marker',
  detail:
    'comes from microsoft with the User-Agent marker of Cisco: IM&P has sent it before, and would send it out again',
};

/** RFC 3261 §16.3 step 4, and two ways to know a request again that has passed a B2BUA. A dialog passes both sides lawfully. */
const loop: Check = {
  name: 'loop',
  run: (request) => {
    const { facts, from } = request;
    if (facts.hasLoopedBranch) return reject(request, 482, loopedBranch);
    if (isInDialogThroughUs(request)) return undefined;
    if (facts.sentBeforeTo === from) return reject(request, 482, returned[from]);
    return from === 'microsoft' && facts.isMarkedByCisco ? reject(request, 482, marked) : undefined;
  },
  passed: (request) =>
    isInDialogThroughUs(request)
      ? 'no Via of ours with this loop hash'
      : `not seen before, not sent to ${request.from}, no marker`,
};

const elsewhere = ({ requestUri }: RequestFacts): Reason => ({
  code: 'maddr-elsewhere',
  detail: `${describeUri(requestUri)} is to be sent to another place than this node, which decides by the host alone`,
});

const ambiguous = ({ requestUri }: RequestFacts): Reason => ({
  code: 'user-ambiguous',
  detail: `${requestUri.key} has a control character or octets that are not UTF-8: who that is, every server reads in its own way`,
});

/**
 * Outside a dialog what is delivered is what is decided about. A maddr of ours has been taken away when it led here (RFC 3261
 * §16.4); with any other, user and place would be two.
 */
const recipient: Check = {
  name: 'recipient',
  run: (request) => {
    const { facts } = request;
    const { maddr, key } = facts.requestUri;
    if (maddr === undefined && (key === undefined || !isAmbiguousKey(key))) return undefined;
    if (isInDialogThroughUs(request)) return undefined;
    return maddr === undefined ? reject(request, 404, ambiguous(facts)) : reject(request, 403, elsewhere(facts));
  },
  passed: (request) =>
    isInDialogThroughUs(request) ? 'a dialog through this node' : 'the Request-URI says who is meant, in one way',
};

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
const followUri = (request: Admitted, uri: UriFacts): Outcome | undefined => {
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

const noPeer = (request: Admitted, uri: UriFacts): Decision =>
  reject(request, 403, {
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
const chosenByRoute = ({ facts, policy, from, to }: Admitted, uri: UriFacts): RouteMatch | undefined => {
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
const refuseRoute = (request: Admitted, route: RouteFacts): Decision | undefined => {
  if (!route.hasLr && (route.user !== undefined || route.maddr !== undefined)) return reject(request, 403, withoutLr);
  const place = placeOfUri(route);
  return chosenByRoute(request, place) === undefined ? noPeer(request, place) : undefined;
};

/** The remote target of a dialog (RFC 3261 §12.2.1.1). */
const followTarget = (request: Admitted): Outcome | undefined => {
  const { facts, policy } = request;
  const target = placeOfUri(facts.requestUri);
  if (policy.domains.has(target.host)) {
    return isInDialogThroughUs(request) ? { ...toOtherSide(request, throughDialog), host: target.host } : undefined;
  }
  if (policy.isOwnAddress(target.host, target.port)) return undefined;
  return followUri(request, target) ?? noPeer(request, target);
};

/** RFC 3261 §16.5 and §16.6 step 6: within a dialog the route set and the remote target say where to, not the user's home. */
const routeToFollow: Check = {
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

const ownAddressDetail = ({ method, requestUri }: RequestFacts): string => {
  if (requestUri.user === undefined) return `${method} to ${describeUri(requestUri)}, this node itself`;
  return `${describeUri(requestUri)} is this node, where no users live: ReplaceHostInRequestUri of Microsoft's static route must be false`;
};

const isPing = ({ method, requestUri }: RequestFacts): boolean => method === 'OPTIONS' && requestUri.user === undefined;

/** OPTIONS to this node is answered (RFC 3261 §11.2); everything else that ends here has gone astray. */
const ownAddress: Check = {
  name: 'own address',
  run: (request) => {
    const { facts, policy, rule, from } = request;
    const { host, port } = facts.requestUri;
    const isShared = policy.domains.has(host);
    if (isShared ? !isPing(facts) : !policy.isOwnAddress(host, port)) return undefined;
    const own: Reason = { code: 'own-address', detail: ownAddressDetail(facts) };
    if (!isPing(facts)) return reject(request, 404, own);
    return { kind: 'answer', status: 200, from, because: [rule.allowed, own] };
  },
  passed: ({ facts }) => `${describeUri(facts.requestUri)} is not this node`,
};

/** Other domains have a static route in that direction or none; strangers are never relayed. */
const domain: Check = {
  name: 'domain',
  run: (request) => {
    const { facts, policy, from, to } = request;
    const { host } = facts.requestUri;
    if (policy.domains.has(host)) return undefined;
    if (!policy.routes.hasRouteFor(to, host)) {
      return reject(request, 404, {
        code: 'foreign-domain-no-route',
        detail: `${host} is not a shared domain, and has no route from ${from} to ${to}`,
      });
    }
    const because: Reason[] = [{ code: 'foreign-domain-route', detail: `${host} has a route from ${from} to ${to}` }];
    return { kind: 'heading', host, key: undefined, because };
  },
  passed: ({ facts }) => `${facts.requestUri.host} is a shared domain`,
};

const homeIsSender = (from: Side, source: string): Reason => ({
  code: 'home-is-the-sender',
  detail: `${source} has this user on ${from}, where the request comes from`,
});

/** An operator's word about one user wins over the directory. */
const pin: Check = {
  name: 'pin',
  run: (request) => {
    const { facts, policy, from } = request;
    const { key } = facts.requestUri;
    // Even to look into an empty map takes the hash of a key that nobody has hashed yet.
    const found = key === undefined || policy.pins.size === 0 ? undefined : policy.pins.get(key);
    if (found === undefined) return undefined;
    if (found.side === from) return reject(request, 404, found.pinned, homeIsSender(from, 'a pin'));
    return toOtherSide(request, found.pinned);
  },
  passed: ({ facts }) =>
    facts.requestUri.key === undefined ? 'no user part' : `${facts.requestUri.key} is not pinned`,
};

type Home = DirectoryAnswer & { kind: 'home' };

const ageOf = (ageMs: number): string => `${Math.round(ageMs / 1000)} s old`;

const staleness = ({ freshness, source, ageMs }: Home): Reason[] =>
  freshness === 'fresh'
    ? []
    : [{ code: 'directory-stale', detail: `${source} cannot be asked now; its last answer is ${ageOf(ageMs)}` }];

const notMicrosoft = (source: string): Reason => ({
  code: 'not-a-microsoft-user',
  detail: `${source} has no enabled Microsoft user of this address`,
});

/** To Cisco goes who is no Microsoft user, and, where the Cisco users are listed, is listed. */
const toCiscoUnlessUnlisted = (request: Admitted, ...because: readonly Reason[]): Outcome => {
  const { key } = request.facts.requestUri;
  const { ciscoUsers } = request.policy;
  if (ciscoUsers === undefined || (key !== undefined && ciscoUsers.has(key))) return toOtherSide(request, ...because);
  const unlisted: Reason = { code: 'not-a-listed-cisco-user', detail: `the list of Cisco users has no ${key}` };
  return reject(request, 404, ...because, unlisted);
};

/** UserEnabled is not TRUE: migrated by Cisco's tools, or made searchable; at home on Cisco all the same. */
const addressOnly = (request: Admitted, home: Home): Outcome => {
  if (request.from === 'microsoft') {
    return toCiscoUnlessUnlisted(request, notMicrosoft(home.source), ...staleness(home));
  }
  if (request.policy.microsoftUser === 'enabled') {
    return reject(request, 404, notMicrosoft(home.source), ...staleness(home));
  }
  const because: Reason = {
    code: 'directory-address-only',
    detail: `${home.source} has the address, which is enough here`,
  };
  return toOtherSide(request, because, ...staleness(home));
};

/** By source, of which a configuration has few: most of what a site sends goes on for one and the same reason. */
const homeReasons = new Map<string, Readonly<Record<Side, Reason>>>();

const homeReason = (source: string, side: Side): Reason => {
  const known = homeReasons.get(source);
  if (known !== undefined) return known[side];
  const on = (home: Side): Reason => ({ code: 'directory-home', detail: `${source} has this user on ${home}` });
  const reasons = { cisco: on('cisco'), microsoft: on('microsoft') };
  homeReasons.set(source, reasons);
  return reasons[side];
};

const atHome = (request: Admitted, home: Home): Outcome => {
  if (home.addressOnly) return addressOnly(request, home);
  const { side, source } = home;
  if (side === request.from) return reject(request, 404, homeIsSender(side, source), ...staleness(home));
  return toOtherSide(request, homeReason(source, side), ...staleness(home));
};

const unknownUser = (request: Admitted, source: string): Outcome =>
  request.from === 'microsoft'
    ? toCiscoUnlessUnlisted(request, notMicrosoft(source))
    : reject(request, 404, { code: 'directory-unknown', detail: `${source} does not know this user` });

const unavailable = (request: Admitted, why: string): Outcome =>
  request.policy.whenUnavailable === 'reject'
    ? rejectForNow(request, { code: 'directory-unavailable', detail: why })
    : toOtherSide(request, { code: 'directory-unavailable-basic', detail: `${why}; as in basic mode: the other side` });

const byAnswer = (request: Admitted, answer: DirectoryAnswer): Outcome => {
  switch (answer.kind) {
    case 'home':
      return atHome(request, answer);
    case 'unknown-user':
      return unknownUser(request, answer.source);
    case 'unavailable':
      return unavailable(request, answer.why);
  }
};

/** Advanced mode asks the directory who has the user; basic mode asks nobody. */
const mode: Check = {
  name: 'mode',
  run: (request) => {
    const { facts, policy, answer } = request;
    if (policy.mode === 'basic') return undefined;
    const { key } = facts.requestUri;
    if (key === undefined) {
      return reject(request, 404, {
        code: 'directory-unknown',
        detail: 'no user part: nobody that a directory could know',
      });
    }
    if (answer !== undefined) return byAnswer(request, answer);
    const goOn = (told: DirectoryAnswer) => conclude(request, byAnswer(request, told));
    return { kind: 'ask-directory', recipient: key, goOn };
  },
  passed: ({ to }) => `basic: the other side, ${to}`,
};

/**
 * The order of the decision. The access list stands before it: without a rule there is no side to decide for. The mode is the
 * last check: where it must ask the directory, only the route table is left to be asked.
 */
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
export const throughRouteTable = (request: Admitted, heading: Heading): Decision => {
  const { rule, from, to } = request;
  const { host, key, because } = heading;
  const match = matchOf(request, heading);
  if (match === undefined) {
    return reject(request, 404, ...because, { code: 'no-route', detail: `no route to ${to} matches ${key ?? host}` });
  }
  switch (match.kind) {
    case 'plan':
      return { kind: 'forward', plan: match.plan, from, because: joined(rule.allowed, because, match.because) };
    case 'blocked':
      return reject(request, 403, ...because, ...match.because);
    case 'out-of-service':
      return rejectForNow(request, ...because, ...match.because);
  }
};

const conclude = (request: Admitted, outcome: Outcome): Decision =>
  outcome.kind === 'heading' ? throughRouteTable(request, outcome) : outcome;

/** What a source from which nothing is let in gets for whatever it sends; undefined for a peer. */
export const refuseStranger = (source: RequestSource, policy: Policy): Decision | undefined => {
  const rules = policy.access.rulesFor(source);
  return rules?.side === undefined ? denied(rules?.first.denied ?? noRule(source), policy) : undefined;
};

/**
 * The first check of the decision: the request with its rule and side, or the refusal of a source that no rule lets in.
 * A peer hears 403 for a method that it may not send: 405 would say that the recipient does not know it (RFC 3261 §21.4.6).
 */
export const admit = (
  facts: RequestFacts,
  policy: Policy,
  answer: DirectoryAnswer | undefined,
): Admitted | Decision => {
  const { source } = facts;
  const rule = policy.access.rulesFor(source)?.judge(facts) ?? noRule(source);
  if ('allowed' in rule) return { facts, policy, answer, rule, from: rule.side, to: otherSide(rule.side) };
  const side = policy.access.sideOf(source);
  return side === undefined ? denied(rule, policy) : { kind: 'reject', status: 403, from: side, because: [rule] };
};

/**
 * Decides one request.
 * @param answer what the directory said; without it, a decision that needs it is `ask-directory`, and goes on from there
 */
export const decide = (facts: RequestFacts, policy: Policy, answer?: DirectoryAnswer): Decision => {
  const request = admit(facts, policy, answer);
  if ('kind' in request) return request;
  for (const check of checks) {
    const outcome = check.run(request);
    if (outcome !== undefined) return conclude(request, outcome);
  }
  return throughRouteTable(request, basicHeading(request));
};
