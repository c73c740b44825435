/** What one request offers to the decision: read from the message when the decision asks, never before. */
import { hash32 } from '../routing/hash.ts';
import type { RequestFacts, RequestSource, Side, UriFacts } from '../routing/types.ts';
import { userKey } from '../routing/user-key.ts';
import { Header, type SipRequest, type SipUri } from '../sip-parser/index.ts';
import type { RoutedRequest } from './route-headers.ts';

/** Cisco IM&P marks requests of partitioned federation, and sends a marked one straight out again (guide 12.5, troubleshooting). */
const ciscoMarker = 'cisco-systems-partitioned';

/** `maddr` overrides the host (RFC 3261 §19.1.1): a request goes there and nowhere else (§16.5). */
export const uriFacts = (uri: SipUri): UriFacts => {
  const host = uri.maddr ?? uri.host;
  return {
    scheme: uri.scheme,
    user: uri.user,
    host,
    port: uri.port,
    transport: uri.transport,
    key: uri.user === undefined ? undefined : userKey(uri.user, host),
  };
};

export interface LoopKnowledge {
  readonly hasLoopedBranch: boolean;
  readonly sentBeforeTo: Side | undefined;
}

export class Facts implements RequestFacts {
  readonly method: string;
  readonly requestUri: UriFacts;
  readonly source: RequestSource;
  readonly hasLoopedBranch: boolean;
  readonly sentBeforeTo: Side | undefined;
  readonly #routed: RoutedRequest;

  constructor(routed: RoutedRequest, requestUri: UriFacts, source: RequestSource, loop: LoopKnowledge) {
    this.#routed = routed;
    this.method = routed.request.method;
    this.requestUri = requestUri;
    this.source = source;
    this.hasLoopedBranch = loop.hasLoopedBranch;
    this.sentBeforeTo = loop.sentBeforeTo;
  }

  get #request(): SipRequest {
    return this.#routed.request;
  }

  get fromDomain(): string | undefined {
    return this.#request.from?.parsedUri?.host;
  }

  get hasToTag(): boolean {
    return this.#request.toTag !== undefined;
  }

  get hadOwnRoute(): boolean {
    return this.#routed.ownRoutes > 0 || this.#routed.usesLastRoute;
  }

  get nextRoute(): UriFacts | undefined {
    const uri = this.#routed.nextRoute?.parsedUri;
    return uri === undefined ? undefined : uriFacts(uri);
  }

  get isMarkedByCisco(): boolean {
    return this.#request.first(Header.UserAgent)?.toLowerCase().includes(ciscoMarker) === true;
  }

  get spread(): number {
    return hash32(this.#request.callId ?? '') / 2 ** 32;
  }
}
