/** Which transaction a message belongs to: RFC 3261 §17.1.3 and §17.2.3. */
import { defaultPort } from '../../net/ports.ts';
import type { SipRequest, SipResponse, Via } from '../../sip-parser/index.ts';
import type { strayResponses } from '../reasons.ts';
import type { Flow, Sender } from '../transport/flow.ts';
import { isSamePeer } from '../transport/same-peer.ts';
import { sentByPort } from '../transport/via.ts';

const magicCookie = 'z9hG4bK';

/** The method whose server transaction a request belongs to: an ACK belongs to its INVITE. */
const transactionMethod = (method: string): string => (method === 'ACK' ? 'INVITE' : method);

/** A port that is left out is that of the transport (§18.2.2): who leaves it out the next time means the same. */
const sentByKey = (via: Via): string =>
  `${via.host}:${via.port ?? defaultPort(/^tls$/i.test(via.transport) ? 'tls' : 'udp')}`;

/** Key of a server transaction whose branch has the cookie of RFC 3261. */
export const serverKeyIn = (via: Via, kind: string): string => `${via.branch} ${kind} ${sentByKey(via)}`;

/**
 * Key of the server transaction of `request` as if its method were `method`; undefined without a usable top Via.
 * Requests of RFC 2543 clients (no cookie in the branch) match by Request-URI, From tag, Call-ID, CSeq and top Via; the To
 * tag is left out, because an ACK carries the one of the response and CSeq already tells re-INVITEs apart.
 */
export const serverKey = (request: SipRequest, method: string): string | undefined => {
  const via = request.topVia;
  if (via === undefined) return undefined;
  const kind = transactionMethod(method);
  if (via.branch?.startsWith(magicCookie)) return serverKeyIn(via, kind);
  return [
    kind,
    request.requestUri,
    request.fromTag ?? '',
    request.callId ?? '',
    request.cseqNumber ?? '',
    via.transport,
    sentByKey(via),
    via.branch ?? '',
  ].join(' ');
};

/** Key of a client transaction. Only CANCEL shares its branch with another transaction. */
export const clientKey = (branch: string, method: string): string =>
  method === 'CANCEL' ? `${branch} CANCEL` : branch;

/** Why a response is dropped. */
export type StrayCode = keyof typeof strayResponses;

/** Says whether another peer than the one that was asked may answer in its place. */
interface AnswerJudge {
  mayAnswer(other: Sender): boolean;
}

/**
 * Why a response with the branch of a request is not one to it; undefined: it is, as far as a transaction can tell.
 * @param flow by which the request was sent
 * @param method its method
 */
export const strayCode = (
  response: SipResponse,
  from: Sender,
  flow: Flow,
  method: string,
  judge: AnswerJudge,
): StrayCode | undefined => {
  const { topVia } = response;
  const { sentByHost, sentByPort: ownPort } = flow.listener;
  if (!isSamePeer(from, flow) && !judge.mayAnswer(from)) return 'not-from-the-hop';
  // §18.1.2: a response whose sent-by is not what was inserted here belongs to no transaction.
  if (topVia?.host !== sentByHost || sentByPort(topVia, flow.transport) !== ownPort) return 'other-sent-by';
  // §17.1.3: CSeq's method is that of the request.
  return response.cseqMethod === method ? undefined : 'other-method';
};
