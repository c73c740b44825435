/**
 * The messages as they leave: a request by a list of edits in the order of RFC 3261 §16.6, a response by those of §16.7. What
 * no step names stays as it came.
 */
import type { Side } from '../routing/types.ts';
import type { Flow, Listener } from '../sip/transport/flow.ts';
import { receivedParams } from '../sip/transport/via.ts';
import { Edit, type SipResponse } from '../sip-parser/index.ts';
import { type RoutedRequest, uriOf } from './route-headers.ts';
import { type Signing, sealedUri } from './signing.ts';

interface Forwarding {
  readonly routed: RoutedRequest;
  /** The sides that our Record-Route joins. */
  readonly sides: { readonly from: Side; readonly to: Side };
  readonly signing: Signing;
  /** Where the request came in. */
  readonly from: Flow;
  /** The listener whose name, port and transport stand in our Via. */
  readonly egress: Listener;
  readonly branch: string;
  /** Default for a request without one, and the ceiling for one that has (RFC 5393 §5.3.3). */
  readonly maxBreadth: number;
}

type Step = (edit: Edit, forwarding: Forwarding) => void;

const defaultMaxForwards = 70;

/** Methods that neither open a dialog nor refresh its target: they need no Record-Route. */
const withoutRecordRoute: ReadonlySet<string> = new Set([
  'ACK',
  'BENOTIFY',
  'BYE',
  'CANCEL',
  'INFO',
  'MESSAGE',
  'OPTIONS',
  'PRACK',
  'PUBLISH',
  'REGISTER',
]);

const viaTransport = { udp: 'UDP', tcp: 'TCP', tls: 'TLS' } as const;

/** §18.2.1, RFC 3581 §4: what the server transport notes in the Via of the previous hop. */
const noteSource: Step = (edit, { routed, from }) => {
  const via = routed.request.topVia;
  const seen = via === undefined ? undefined : receivedParams(via, from);
  if (seen !== undefined) edit.addViaParams(seen.received, seen.rport);
};

/** What §16.4 made of the Request-URI; a proxy of this kind never retargets (§16.6 step 2). */
const requestUri: Step = (edit, { routed }) => {
  if (routed.repairedUri !== undefined) edit.replaceRequestUri(routed.repairedUri);
  if (routed.usesLastRoute) edit.removeRoutes(routed.request.routes.length - 1, 1);
};

/** §16.6 step 3. */
const maxForwards: Step = (edit, { routed }) => {
  const { maxForwards: received } = routed.request;
  edit.setMaxForwards(received === undefined ? defaultMaxForwards : received - 1);
};

/** RFC 5393 §5.3.3: hops are tried one after the other, so each branch has the whole breadth. */
const maxBreadth: Step = (edit, { routed, maxBreadth: ceiling }) => {
  const { maxBreadth: received } = routed.request;
  if (received === undefined || received > ceiling) edit.setMaxBreadth(ceiling);
};

const recordRouteOf = (scheme: 'sip' | 'sips', { sentBy, transport }: Listener, seal: string): string =>
  `Record-Route: ${sealedUri(`${scheme}:${sentBy};transport=${transport}`, seal)}\r\n`;

/** A connection may have been made by a former listener with the same address. */
const isOneInterface = (a: Listener, b: Listener): boolean =>
  a === b || (a.sentBy === b.sentBy && a.transport === b.transport);

/** §16.6 step 4: as secure as the Request-URI and the Route that is left; two values when transport or listener changes (RFC 5658), the egress on top. */
const recordRoute: Step = (edit, { routed, from, egress, sides, signing }) => {
  if (withoutRecordRoute.has(routed.request.method)) return;
  const { scheme } = uriOf(routed);
  const seal = signing.seal(routed.request.callId ?? '', sides.from, sides.to);
  if (!isOneInterface(egress, from.listener)) edit.insertFirst(recordRouteOf(scheme, egress, seal));
  edit.insertFirst(recordRouteOf(scheme, from.listener, seal));
};

/** §16.4: the topmost values that name us are removed. */
const ownRoutes: Step = (edit, { routed }) => {
  if (routed.ownRoutes > 0) edit.removeRoutes(0, routed.ownRoutes);
};

/** §16.6 step 6: a next hop without `lr` finds its own URI in the Request-URI, and the target at the end of Route. */
const strictNextHop: Step = (edit, { routed }) => {
  const { nextRoute, ownRoutes: index, request, repairedUri } = routed;
  if (nextRoute?.parsedUri === undefined || nextRoute.parsedUri.hasLr) return;
  edit.removeRoutes(index, 1);
  edit.appendRoute(`<${repairedUri ?? request.requestUri}>`);
  edit.replaceRequestUri(nextRoute.uri);
};

/** §16.6 step 8; `alias` lets the far side use this connection for its own requests (RFC 5923 §5). */
const via: Step = (edit, { egress, branch }) => {
  const alias = egress.transport === 'udp' ? '' : ';alias';
  edit.insertFirst(`Via: SIP/2.0/${viaTransport[egress.transport]} ${egress.sentBy};branch=${branch}${alias}\r\n`);
};

/** §16.6 step 9. */
const contentLength: Step = (edit, { egress }) => {
  if (egress.transport !== 'udp') edit.addContentLengthIfAbsent();
};

/** The Via comes first among the inserted lines, so that it stands on top. */
const steps: readonly Step[] = [
  via,
  noteSource,
  requestUri,
  maxForwards,
  maxBreadth,
  recordRoute,
  ownRoutes,
  strictNextHop,
  contentLength,
];

/** The text of the request for one branch. */
export const forward = (forwarding: Forwarding): string => {
  const edit = new Edit(forwarding.routed.request);
  for (const step of steps) step(edit, forwarding);
  return edit.toString();
};

/**
 * §16.7 steps 3 and 9: the text of a response for the previous hop.
 * @param lines header lines to add, each with its CRLF
 */
export const upstream = (response: SipResponse, to: Flow, lines = ''): string => {
  const edit = new Edit(response);
  edit.removeTopVia();
  edit.insertLast(lines);
  if (to.isReliable) edit.addContentLengthIfAbsent();
  return edit.toString();
};
