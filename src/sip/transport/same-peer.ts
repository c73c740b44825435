/** Whether two flows lead to one peer, so that a message on one may belong to a request on the other. Pure. */
import type { Sender } from './flow.ts';

/**
 * The same connection or UDP address; else a name that both certificates prove, or, where neither flow proves any, one
 * address: a connection may break and be replaced (RFC 3261 §18.2.2), and UDP may use another port.
 */
export function isSamePeer(a: Sender, b: Sender): boolean {
  if (a === b) return true;
  if (a.verifiedNames.length === 0 && b.verifiedNames.length === 0) return a.remoteAddress === b.remoteAddress;
  return a.verifiedNames.some((name) => b.verifiedNames.includes(name));
}
