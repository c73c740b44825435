/** Route processing: RFC 3261 §16.4 (what came in) and §16.6 step 6 (a next hop that is a strict router). */
import { type NameAddress, parseSipUri, type SipRequest, type SipUri } from '../sip-parser/index.ts';
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

/** §16.4: a maddr that names this node has done its work, and so have the port and transport that went with it. */
const withoutOwnMaddr = (text: string): string =>
  text
    .replace(/^(sips?:(?:[^@]*@)?(?:\[[^\]]*\]|[^:;?]+)):\d+/i, '$1')
    .replace(/;(?:maddr|transport)(?:=[^;?]*)?(?=[;?]|$)/gi, '');

const hasOwnMaddr = ({ maddr, port }: SipUri, isOwn: IsOwn): boolean => maddr !== undefined && isOwn(maddr, port);

/** Undefined when the Request-URI (or the Route value that replaces it) is no SIP URI. */
export const preprocessRoutes = (request: SipRequest, isOwn: IsOwn): RoutedRequest | undefined => {
  const { uri, routes } = request;
  if (uri === undefined) return undefined;
  // Most requests have none, and V8 looks for an element -1 in the slowest of its ways.
  const last = routes.length === 0 ? undefined : routes[routes.length - 1];
  if (last !== undefined && isOwnRecordRoute(uri, isOwn)) return fromStrictRouter(request, last, isOwn);
  const ownRoutes = routes.length === 0 ? 0 : countOwn(routes, isOwn);
  const routed = {
    request,
    repairedUri: undefined,
    parsedRepair: undefined,
    usesLastRoute: false,
    ownRoutes,
    nextRoute: routes[ownRoutes],
  };
  if (!hasOwnMaddr(uri, isOwn)) return routed;
  const repairedUri = withoutOwnMaddr(request.requestUri);
  return { ...routed, repairedUri, parsedRepair: parseSipUri(repairedUri) };
};

const fromStrictRouter = (request: SipRequest, last: NameAddress, isOwn: IsOwn): RoutedRequest | undefined => {
  const { uri: repairedUri, parsedUri: parsedRepair } = last;
  if (parsedRepair === undefined) return undefined;
  const left = request.routes.slice(0, -1);
  const ownRoutes = countOwn(left, isOwn);
  const nextRoute = left[ownRoutes];
  return { request, repairedUri, parsedRepair, usesLastRoute: true, ownRoutes, nextRoute };
};
