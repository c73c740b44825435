/** What the news of an attempt say of the health of its target. */

import type { TransportError } from '../sip/transport/transport-error.ts';
import { Header, type SipResponse } from '../sip-parser/index.ts';
import type { Observation } from './hop-health.ts';
import type { AttemptNews } from './hop-knowledge.ts';

/** `120 (in a meeting);duration=60` (RFC 3261 §20.33); undefined without a readable number. */
const retryAfterMs = (response: SipResponse): number | undefined => {
  const seconds = /^\d{1,10}/.exec(response.first(Header.RetryAfter)?.trimStart() ?? '')?.[0];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
};

/** A failure that is not the target's: nothing could be sent from here, or this one message did not fit. */
const ownFault: ReadonlySet<TransportError['code']> = new Set(['no-listener', 'send-failed', 'unresolved']);

const atOnce: ReadonlySet<TransportError['code']> = new Set([
  'connect-refused',
  'connect-timeout',
  'connect-failed',
  'tls-failed',
]);

const ofFailure = ({ code, detail }: TransportError): Observation | undefined => {
  if (ownFault.has(code)) return undefined;
  return { kind: atOnce.has(code) ? 'unreachable' : 'bad', what: `${code}: ${detail}` };
};

/** Any response but 503 shows a hop that works; what it says is the callee's word (RFC 3261 §21.5.4). */
const ofResponse = (response: SipResponse): Observation =>
  response.status === 503
    ? { kind: 'bad', what: `${response.cseqMethod}: 503`, retryAfterMs: retryAfterMs(response) }
    : { kind: 'good', what: 'traffic is answered' };

/** Undefined: they say nothing. */
export const signOfTraffic = (news: AttemptNews): Observation | undefined => {
  if (news === 'silent') return { kind: 'bad', what: 'a request got no answer' };
  return 'status' in news ? ofResponse(news) : ofFailure(news);
};

/** @param good the statuses that a healthy hop gives to OPTIONS */
export const signOfProbe = (news: AttemptNews, good: ReadonlySet<number>): Observation | undefined => {
  if (news === 'silent') return { kind: 'bad', what: 'OPTIONS: no answer' };
  if (!('status' in news)) return ofFailure(news);
  const what = `OPTIONS: ${news.status}`;
  if (news.status !== 503 && good.has(news.status)) return { kind: 'good', what };
  return { kind: 'bad', what, retryAfterMs: news.status === 503 ? retryAfterMs(news) : undefined };
};
