/** Loop detection by the branch: RFC 3261 §16.3 step 4 and §16.6 step 8, with the inputs of RFC 5393 §4.2. */
import { randomBytes } from 'node:crypto';
import { fnv, fnvStart, hash32 } from '../routing/hash.ts';
import type { Listener } from '../sip/transport/flow.ts';
import type { SipRequest } from '../sip-parser/index.ts';

/** The cookie of RFC 3261 and a mark of this product, so that an own branch is found by one search of the text. */
const branchStart = 'z9hG4bKpif-';

/**
 * What decides where a request goes and is the same when it comes back unchanged: Request-URI, tags, Call-ID, CSeq,
 * Proxy-Require and Route. The previous hop is left out on purpose: a request that comes back from the side it was sent
 * to is the loop that this product must see. A changed Request-URI gives another hash: a spiral, which passes.
 */
export const loopHash = (request: SipRequest): string => {
  const inputs = [
    request.requestUri,
    request.callId ?? '',
    request.fromTag ?? '',
    request.toTag ?? '',
    String(request.cseqNumber ?? ''),
  ];
  for (const token of request.proxyRequire) inputs.push(token);
  for (const route of request.routes) inputs.push(route.uri);
  let first = fnvStart;
  let second = 0x2f0b4c47;
  for (const input of inputs) {
    first = fnv(first, input);
    second = fnv(second, input);
  }
  return (first >>> 0).toString(36) + (second >>> 0).toString(36);
};

/** Makes branches that are unique over restarts and carry the loop hash: `z9hG4bKpif-HASH-INSTANCEn`. */
export const createBranches = (instance: string = randomBytes(6).toString('hex')) => {
  let count = 0;
  return (hash: string): string => {
    count += 1;
    return `${branchStart}${hash}-${instance}${count.toString(36)}`;
  };
};

/** Every branch of `hash`, by this node or another, begins so. */
const branchPrefix = (hash: string): string => `${branchStart}${hash}-`;

/** The branch of a stateless forward: the same for a retransmission (§16.11), so it comes from the received one. */
export const statelessBranch = (hash: string, request: SipRequest): string =>
  `${branchPrefix(hash)}s${hash32(request.topVia?.branch ?? '').toString(36)}`;

/** True when one of our Vias carries the hash of this very request: nothing has changed since it left us. */
export const hasLooped = (
  request: SipRequest,
  hash: string,
  isOwn: (host: string, port: number | undefined) => boolean,
) => {
  const prefix = branchPrefix(hash);
  const at = request.text.indexOf(prefix);
  if (at < 0 || at >= request.headersEnd) return false;
  return request.vias.some((via) => via.branch?.startsWith(prefix) === true && isOwn(via.host, via.port));
};

export type IsOwn = (host: string, port: number | undefined) => boolean;

/**
 * What stands in our Via and Record-Route, and the addresses that we listen on. Those of former listeners stay: dialogs
 * that began with them go on.
 */
export class OwnAddresses {
  readonly #known = new Set<string>();

  add(listeners: readonly Listener[], localAddresses: readonly string[]): void {
    for (const { sentByHost, sentByPort, address, port } of listeners) {
      this.#known.add(`${sentByHost} ${sentByPort}`);
      const isWildcard = address === '0.0.0.0' || address === '::';
      for (const local of isWildcard ? localAddresses : [address]) this.#known.add(`${local} ${port}`);
    }
  }

  readonly has: IsOwn = (host, port) =>
    port === undefined
      ? this.#known.has(`${host} 5060`) || this.#known.has(`${host} 5061`)
      : this.#known.has(`${host} ${port}`);
}
