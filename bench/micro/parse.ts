/** What reading one request costs beside npm `sip`, which parses all of it at once. */

import { parseMessage, type SipRequest } from '../../src/sip-parser/index.ts';
import { npmSip } from '../../test/support/npm-sip.ts';
import { type Contest, ring, timesOf } from './contest.ts';
import { longPath, messages } from './messages.ts';

/** Whatever a proxy looks at on the way of a request (RFC 3261 §16.3 to §16.6, §17.2.3). */
export const readAsProxy = (octets: Buffer): SipRequest => {
  const message = parseMessage(octets.toString('latin1'));
  if (message?.kind !== 'request') throw new Error('not as expected');
  const { uri, topVia, callId, cseqNumber, fromTag, toTag, maxForwards, routes, contentLength } = message;
  const isRead =
    uri && topVia && callId && cseqNumber && fromTag && toTag === undefined && maxForwards && contentLength;
  if (!isRead || routes.length > 0) throw new Error('not as expected');
  return message;
};

/** The same octets to both. npm `sip` reads the fields of `readAsProxy`, and all others that it knows, whoever wants them. */
const beside = (kind: string, requests: readonly Buffer[], most: number): Contest => {
  const next = ring(requests);
  return {
    watched: { name: `what a proxy reads of 100 requests ${kind}`, run: timesOf(100, () => void readAsProxy(next())) },
    against: { name: 'npm sip, parse', run: timesOf(100, () => npmSip.parse(next().toString('latin1'))) },
    most,
  };
};

export const contests = (): readonly Contest[] => [
  beside('of a client', messages(64), 1),
  beside('that came a long way', messages(64, longPath), 0.8),
];
