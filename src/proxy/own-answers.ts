/**
 * Every answer that the router gives itself, in one list: why, with which status, and what an operator can do about it. The
 * decision's own reasons are in `routing/reasons.ts`, what gets no answer in `sip/reasons.ts`; the manual has all. How such an answer is written is in
 * `local-response.ts`.
 */
import { type ReasonCode, type Refuses, reasons, refusingReason } from '../routing/reasons.ts';
import type { Decision } from '../routing/types.ts';
import type { ReadFailure } from '../sip/transport/flow.ts';

/** A response of ours to one request. */
export interface OwnAnswer {
  readonly status: number;
  readonly phrase: string;
  /** Stable code for Warning, logs and metrics. */
  readonly code: RefusalCode;
  /** For people; stands in the Warning. */
  readonly detail: string;
  /** Further header fields. */
  readonly extra?: readonly HeaderField[];
}

export type HeaderField = readonly [name: string, value: string];

/** An answer of the proxy, besides those that a decision brings about. */
interface Own {
  readonly status: number;
  readonly meaning: string;
  /** What to do: the words of the manual. */
  readonly cure: string;
}

const ownFault = 'the request itself is at fault; the detail says where';
const tooLarge = 'more than `limits.header` or `limits.body`: raise the limit, or send less. The connection is closed';
const noHop = 'no next hop took it: the record shows each one tried, with outcome and milliseconds';

const own = {
  // RFC 3261 §16.3. A message of another version gets 505.
  syntax: { status: 400, meaning: 'the request is malformed', cure: ownFault },
  'uri-scheme': { status: 416, meaning: 'the Request-URI is neither sip nor sips', cure: ownFault },
  'max-forwards': { status: 483, meaning: 'Max-Forwards is 0', cure: ownFault },
  // RFC 5393 §5.3.3.
  'max-breadth': { status: 440, meaning: 'Max-Breadth is 0', cure: ownFault },
  'proxy-require': { status: 420, meaning: 'Proxy-Require asks for what is not understood', cure: ownFault },
  // §16.6 step 7, §26.2.2: a sips URI is reached over TLS at every hop, or not at all.
  'no-secure-hop': {
    status: 416,
    meaning: 'a sips URI needs a next hop over TLS, and none is configured',
    cure: ownFault,
  },
  // §9.2.
  cancelled: {
    status: 487,
    meaning: 'cancelled before it was sent on',
    cure: 'nothing: the caller gave up before the request was sent on',
  },
  // §9.1: a CANCEL comes from where its request came from. A peer that only knows the branch is told as little as possible.
  'cancel-not-the-asker': {
    status: 481,
    meaning: 'no transaction of this peer',
    cure: 'a CANCEL came from another peer than its request',
  },
  // §21.5.4: the peer may try again when less is held for it.
  'memory-limit': {
    status: 503,
    meaning: 'the answer of the next hop could not be kept',
    cure: 'the router holds as much for this address as it may (`limits.memory`): half-read messages, unanswered requests, answers that the peer does not read. Is the next hop silent, or does the peer misbehave? `status` shows how much is held',
  },
  // §18.3, §21.5.7.
  'header-too-large': { status: 513, meaning: 'the header section is too large', cure: tooLarge },
  'body-too-large': { status: 513, meaning: 'the body is too large', cure: tooLarge },
  'framing-lost': {
    status: 400,
    meaning: 'nobody can say where the next message begins',
    cure: 'on a stream, Content-Length is missing, there twice, or not a number, so the start of the next message is unknown. The connection is closed',
  },
  // §16.7 step 6, §16.9.
  'hops-unreachable': { status: 503, meaning: 'no next hop could be reached', cure: noHop },
  // A 503 that is sent on would make the caller avoid this router, which is well.
  'hops-overloaded': { status: 500, meaning: 'every next hop answered 503', cure: noHop },
  'hops-silent': { status: 408, meaning: 'no next hop answered', cure: noHop },
  // §21.5.3.
  'bad-answer': {
    status: 502,
    meaning: 'the next hop answered with a malformed response',
    cure: "the next hop's final answer cannot be sent on: the line `discarded` with `bad-response` and the same Call-ID says what is wrong with it",
  },
  'answer-too-large': {
    status: 500,
    meaning: 'the answer does not fit in a datagram',
    cure: 'the answer does not fit in a datagram: let that peer ask over TCP or TLS',
  },
  'looped-downstream': {
    status: 404,
    meaning: 'the other side sent the request back: nobody has this user',
    cure: 'nothing, as a rule: the user is on neither side',
  },
  'internal-error': {
    status: 500,
    meaning: 'the router failed to handle this request',
    cure: 'a fault of the router: the line `bug` of the log says where; please report it',
  },
} as const satisfies Readonly<Record<string, Own>>;

type OwnCode = keyof typeof own;

export type RefusalCode = ReasonCode | OwnCode;

/** All with which a request may be refused. */
export const refusals: Readonly<Record<string, Own>> = {
  ...Object.fromEntries(
    Object.entries(reasons as Readonly<Record<string, Partial<Refuses>>>).filter(
      ([, { status }]) => status !== undefined,
    ),
  ),
  ...own,
};

const phrases: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  408: 'Request Timeout',
  416: 'Unsupported URI Scheme',
  420: 'Bad Extension',
  440: 'Max-Breadth Exceeded',
  481: 'Call/Transaction Does Not Exist',
  482: 'Loop Detected',
  483: 'Too Many Hops',
  487: 'Request Terminated',
  500: 'Server Internal Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  505: 'Version Not Supported',
  513: 'Message Too Large',
};

const phraseOf = (status: number): string => phrases[status] ?? 'Error';

/** @param detail default: what the code means */
export const ownAnswer = (code: OwnCode, detail: string = own[code].meaning): OwnAnswer => {
  const { status } = own[code];
  return { status, phrase: phraseOf(status), code, detail };
};

/** As it is, with the status of a special case. */
export const withStatus = (answer: OwnAnswer, status: number): OwnAnswer => ({
  ...answer,
  status,
  phrase: phraseOf(status),
});

export const withRetryAfter = (answer: OwnAnswer, seconds: number): OwnAnswer => ({
  ...answer,
  extra: [['Retry-After', String(seconds)]],
});

export const tooManyHops = ownAnswer('max-forwards');
export const badAnswer = ownAnswer('bad-answer');

/** §16.10: cancelled, and no hop has said anything since. */
export const terminated = withStatus(ownAnswer('hops-silent', 'cancelled, and no next hop answered'), 487);

/** What the decision refuses. */
export const rejection = ({ status, retryAfterS, because }: Decision & { readonly kind: 'reject' }): OwnAnswer => {
  const { code, detail } = refusingReason(because);
  const answer: OwnAnswer = { status, phrase: phraseOf(status), code, detail };
  return retryAfterS === undefined ? answer : withRetryAfter(answer, retryAfterS);
};

/** §21.4.1: the phrase of a 400 names the fault. */
export const lost = ({ status, code, detail }: ReadFailure): OwnAnswer => ({
  status,
  phrase: status === 400 ? detail : phraseOf(status),
  code,
  detail,
});

/** @param octets that are held for the peer */
export const memoryShort = (octets: number, address: string, retryAfterS: number): OwnAnswer =>
  withRetryAfter(
    ownAnswer('memory-limit', `${octets} octets are held for ${address}, which is its share of limits.memory`),
    retryAfterS,
  );
