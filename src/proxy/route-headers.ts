/** Route processing: RFC 3261 §16.4 (what came in) and §16.6 step 6 (a next hop that is a strict router). */
import type { NameAddress, SipRequest, SipUri } from '../sip-parser/index.ts';
import type { IsOwn } from './loop.ts';

/** A request whose Route header fields have been read. Nothing is changed yet: `forward` makes the edits from this. */
export interface RoutedRequest {
  readonly request: SipRequest;
  /** Request-URI after §16.4. */
  readonly uri: SipUri;
  /** Its text, when a strict router had put ours in its place; undefined: as received. */
  readonly repairedUri: string | undefined;
  /** How many Route values on top are ours. */
  readonly ownRoutes: number;
  /** The first Route value that is left. */
  readonly nextRoute: NameAddress | undefined;
}

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

/** Undefined when the Request-URI (or the Route value that replaces it) is no SIP URI. */
export const preprocessRoutes = (request: SipRequest, isOwn: IsOwn): RoutedRequest | undefined => {
  const { uri, routes } = request;
  if (uri === undefined) return undefined;
  if (routes.length === 0) return { request, uri, repairedUri: undefined, ownRoutes: 0, nextRoute: undefined };
  const last = routes[routes.length - 1];
  if (last !== undefined && isOwnRecordRoute(uri, isOwn)) return repaired(request, last, routes.slice(0, -1), isOwn);
  const ownRoutes = countOwn(routes, isOwn);
  return { request, uri, repairedUri: undefined, ownRoutes, nextRoute: routes[ownRoutes] };
};

const repaired = (
  request: SipRequest,
  last: NameAddress,
  left: readonly NameAddress[],
  isOwn: IsOwn,
): RoutedRequest | undefined => {
  if (last.parsedUri === undefined) return undefined;
  const ownRoutes = countOwn(left, isOwn);
  return { request, uri: last.parsedUri, repairedUri: last.uri, ownRoutes, nextRoute: left[ownRoutes] };
};
