/** Route processing: RFC 3261 §16.4 (what came in) and §16.6 step 6 (a next hop that is a strict router). */
import type { Listener } from '../sip/transport/flow.ts';
import {
  type NameAddress,
  parseSipUri,
  type SipRequest,
  type SipUri,
  withoutPortAndParameters,
} from '../sip-parser/index.ts';
import type { IsOwn } from './loop.ts';

/** A request whose Route header fields have been read. Nothing is changed yet: `forward` makes the edits from this. */
export interface RoutedRequest {
  readonly request: SipRequest;
  /** Text of the Request-URI, when it differs from the one received: a strict router had put ours in its place, or its maddr was ours. */
  readonly repairedUri: string | undefined;
  /** The same, read. */
  readonly parsedRepair: SipUri | undefined;
  /** The last Route value has become the Request-URI. */
  readonly usesLastRoute: boolean;
  /** How many Route values on top are ours. */
  readonly ownRoutes: number;
  /** The first Route value that is left. */
  readonly nextRoute: NameAddress | undefined;
}

/** Request-URI after §16.4. */
export const uriOf = ({ request, parsedRepair }: RoutedRequest): SipUri => parsedRepair ?? (request.uri as SipUri);

/** §16.4: the Request-URI is a value that we placed in Record-Route, so the last hop was a strict router. */
const isOwnRecordRoute = (uri: SipUri, isOwn: IsOwn): boolean =>
  uri.user === undefined && uri.hasLr && isOwn(uri.host, uri.port);

const countOwn = (routes: readonly NameAddress[], isOwn: IsOwn): number => {
  let count = 0;
  for (const { parsedUri } of routes) {
    if (parsedUri === undefined || !isOwn(parsedUri.host, parsedUri.port)) break;
    count += 1;
  }
  return count;
};

/** Where a request has come in, and what this node answers for. */
interface Receipt {
  readonly isOwn: IsOwn;
  readonly isSharedDomain: (host: string) => boolean;
  readonly listener: Pick<Listener, 'transport' | 'port' | 'sentByPort'>;
}

/** §16.4: its maddr is ours, and the request has come by the port and transport that stand there. */
const hasReachedMaddr = (uri: SipUri, { isOwn, isSharedDomain, listener }: Receipt): boolean => {
  const { maddr } = uri;
  if (maddr === undefined) return false;
  const { scheme, port, transport } = uri;
  if (!isOwn(maddr, port) && !isSharedDomain(maddr)) return false;
  const asked = scheme === 'sips' ? 'tls' : transport;
  const isByThatPort = port === undefined || port === listener.port || port === listener.sentByPort;
  return isByThatPort && (asked === undefined || asked === listener.transport);
};

const ofMaddr: ReadonlySet<string> = new Set(['maddr', 'transport']);

/** §16.4: a maddr that has been reached is removed, with the port and transport that belong to it. */
const withoutReachedMaddr = (routed: RoutedRequest, receipt: Receipt): RoutedRequest => {
  if (!hasReachedMaddr(uriOf(routed), receipt)) return routed;
  const repairedUri = withoutPortAndParameters(routed.repairedUri ?? routed.request.requestUri, ofMaddr);
  return { ...routed, repairedUri, parsedRepair: parseSipUri(repairedUri) };
};

/** Undefined when the Request-URI (or the Route value that replaces it) is no SIP URI. */
export const preprocessRoutes = (request: SipRequest, receipt: Receipt): RoutedRequest | undefined => {
  const { uri, routes } = request;
  const { isOwn } = receipt;
  if (uri === undefined) return undefined;
  // Most requests have none, and an index of -1 takes the slowest path of V8.
  const last = routes.length === 0 ? undefined : routes[routes.length - 1];
  if (last !== undefined && isOwnRecordRoute(uri, isOwn)) {
    const repaired = fromStrictRouter(request, last, isOwn);
    return repaired && withoutReachedMaddr(repaired, receipt);
  }
  const ownRoutes = routes.length === 0 ? 0 : countOwn(routes, isOwn);
  const routed = {
    request,
    repairedUri: undefined,
    parsedRepair: undefined,
    usesLastRoute: false,
    ownRoutes,
    nextRoute: routes[ownRoutes],
  };
  return withoutReachedMaddr(routed, receipt);
};

const fromStrictRouter = (request: SipRequest, last: NameAddress, isOwn: IsOwn): RoutedRequest | undefined => {
  const { uri: repairedUri, parsedUri: parsedRepair } = last;
  if (parsedRepair === undefined) return undefined;
  const left = request.routes.slice(0, -1);
  const ownRoutes = countOwn(left, isOwn);
  const nextRoute = left[ownRoutes];
  return { request, repairedUri, parsedRepair, usesLastRoute: true, ownRoutes, nextRoute };
};
