/** What one request offers to the decision: read from the message when the decision asks, never before. */
import { hash32 } from '../hash/spread.ts';
import type { HopAt, OwnRoute, RequestFacts, RequestSource, RouteFacts, Side, UriFacts } from '../routing/types.ts';
import { canonicalUser } from '../routing/user-key.ts';
import { Header, type SipRequest, type SipUri } from '../sip-parser/index.ts';
import type { IsOwn, OwnVias } from './loop.ts';
import type { RoutedRequest } from './route-headers.ts';
import { type Signing, sealOf } from './signing.ts';

/** Cisco IM&P marks requests of partitioned federation, and sends a marked one straight out again (guide 12.5, troubleshooting). */
const ciscoMarker = 'cisco-systems-partitioned';

export const uriFacts = ({ scheme, user, host, maddr, port, transport }: SipUri): UriFacts => ({
  scheme,
  user,
  host,
  maddr,
  port,
  transport,
  key: user === undefined ? undefined : `${canonicalUser(user)}@${host}`,
});

/** Key of a request in the loop memory; undefined for what is never remembered: requests within a dialog. */
export const memoryKeyOf = (
  { callId, fromTag, toTag, cseqNumber, method }: SipRequest,
  uri: UriFacts,
): string | undefined =>
  toTag === undefined ? `${callId} ${fromTag} ${cseqNumber} ${method} ${uri.key ?? uri.host}` : undefined;

const routeFacts = (uri: SipUri): RouteFacts => ({ ...uriFacts(uri), hasLr: uri.hasLr });

/** What only this node, or those that share its keys, can say of a request. */
interface OwnKnowledge {
  readonly ownVias: OwnVias;
  readonly sentBeforeTo: Side | undefined;
  readonly signing: Signing;
  readonly isOwn: IsOwn;
  readonly hopsAt: (address: string) => readonly HopAt[];
}

export class Facts implements RequestFacts {
  readonly method: string;
  readonly requestUri: UriFacts;
  readonly source: RequestSource;
  readonly #request: SipRequest;
  readonly #routed: RoutedRequest;
  readonly #own: OwnKnowledge;
  #ownRoute: OwnRoute | undefined;

  constructor(routed: RoutedRequest, requestUri: UriFacts, source: RequestSource, own: OwnKnowledge) {
    this.#request = routed.request;
    this.#routed = routed;
    this.method = routed.request.method;
    this.requestUri = requestUri;
    this.source = source;
    this.#own = own;
  }

  get fromDomain(): string | undefined {
    return this.#request.from?.parsedUri?.host;
  }

  get hasToTag(): boolean {
    return this.#request.toTag !== undefined;
  }

  get hasLoopedBranch(): boolean {
    return this.#own.ownVias === 'looped';
  }

  get sentBeforeTo(): Side | undefined {
    return this.#own.sentBeforeTo;
  }

  get ownRoute(): OwnRoute {
    this.#ownRoute ??= this.#readOwnRoute();
    return this.#ownRoute;
  }

  /** Of several the worst: forged, not signed, then what the topmost one proves. */
  #readOwnRoute(): OwnRoute {
    const { ownRoutes, usesLastRoute } = this.#routed;
    const { routes, uri } = this.#request;
    // §16.4: a strict router has put our Record-Route into the Request-URI.
    let worst: OwnRoute = usesLastRoute ? this.#read(uri) : 'none';
    for (let i = 0; i < ownRoutes && worst !== 'forged'; i += 1) {
      const proof = this.#read(routes[i]?.parsedUri);
      if (worst === 'none' || proof === 'forged' || proof === 'unsigned') worst = proof;
    }
    return worst;
  }

  readonly #read = (uri: SipUri | undefined): Exclude<OwnRoute, 'none'> =>
    this.#own.signing.read(sealOf(uri), this.#request.callId ?? '');

  get forgery(): RequestFacts['forgery'] {
    if (this.#own.ownVias === 'forged') return 'via';
    return this.#request.has(Header.RecordRoute) && this.#hasForgedRecordRoute() ? 'record-route' : undefined;
  }

  /** In a spiral our own Record-Route comes back; nobody else may write one that names us. */
  #hasForgedRecordRoute(): boolean {
    return this.#request.recordRoutes.some(({ parsedUri: uri }) => {
      if (uri === undefined || !this.#own.isOwn(uri.host, uri.port)) return false;
      const proof = this.#read(uri);
      return proof === 'unsigned' || proof === 'forged';
    });
  }

  get nextRoute(): RouteFacts | undefined {
    const uri = this.#routed.nextRoute?.parsedUri;
    return uri === undefined ? undefined : routeFacts(uri);
  }

  hopsAt(address: string): readonly HopAt[] {
    return this.#own.hopsAt(address);
  }

  get isMarkedByCisco(): boolean {
    return this.#request.first(Header.UserAgent)?.toLowerCase().includes(ciscoMarker) === true;
  }

  get spread(): number {
    return hash32(this.#request.callId ?? '') / 2 ** 32;
  }
}
