/** Our own responses to a request that was sent on and got no answer that could be handed to the caller (RFC 3261 §16.7 step 6, §16.9). */
import type { LocalResponse } from './local-response.ts';

export const unreachable: LocalResponse = {
  status: 503,
  phrase: 'Service Unavailable',
  code: 'hops-unreachable',
  detail: 'no next hop could be reached',
};

/** §16.7 step 6: a 503 from below would make the caller avoid us, who are well. */
export const overloaded: LocalResponse = {
  status: 500,
  phrase: 'Server Internal Error',
  code: 'hops-overloaded',
  detail: 'every next hop answered 503',
};

/** §21.5.3 */
export const badAnswer: LocalResponse = {
  status: 502,
  phrase: 'Bad Gateway',
  code: 'bad-answer',
  detail: 'the next hop answered with a malformed response',
};

/** The detail says how large. */
export const answerTooLarge: LocalResponse = {
  status: 500,
  phrase: 'Server Internal Error',
  code: 'answer-too-large',
  detail: '',
};

/** It came while others were asked, and the hop's share of `limits.memory` was used up. */
export const notKept: LocalResponse = {
  status: 503,
  phrase: 'Service Unavailable',
  code: 'memory-limit',
  detail: 'the answer of the next hop could not be kept',
};

export const looped: LocalResponse = {
  status: 404,
  phrase: 'Not Found',
  code: 'looped-downstream',
  detail: 'the other side sent the request back: nobody has this user',
};

export const timedOut: LocalResponse = {
  status: 408,
  phrase: 'Request Timeout',
  code: 'hops-silent',
  detail: 'no next hop answered',
};

export const terminated: LocalResponse = {
  status: 487,
  phrase: 'Request Terminated',
  code: 'hops-silent',
  detail: 'cancelled, and no next hop answered',
};
