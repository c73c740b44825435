/** Which transaction a message belongs to: RFC 3261 §17.1.3 and §17.2.3. */
import type { SipRequest, Via } from '../../sip-parser/index.ts';

export const magicCookie = 'z9hG4bK';

/** The method whose server transaction a request belongs to: an ACK belongs to its INVITE. */
const transactionMethod = (method: string): string => (method === 'ACK' ? 'INVITE' : method);

const sentByKey = (via: Via): string => `${via.host}:${via.port ?? ''}`;

const keyByBranch = (via: Via, kind: string): string => `${via.branch} ${kind} ${sentByKey(via)}`;

/** Whether a request of `kind` with this top Via began the transaction; never said of an RFC 2543 client's. */
export const isBegunBy = (key: string, via: Via, kind: string): boolean => key === keyByBranch(via, kind);

/**
 * Key of the server transaction of `request` as if its method were `method`; undefined without a usable top Via.
 * Requests of RFC 2543 clients (no cookie in the branch) match by Request-URI, From tag, Call-ID, CSeq and top Via; the To
 * tag is left out, because an ACK carries the one of the response and CSeq already tells re-INVITEs apart.
 */
export const serverKey = (request: SipRequest, method: string): string | undefined => {
  const via = request.topVia;
  if (via === undefined) return undefined;
  const kind = transactionMethod(method);
  if (via.branch?.startsWith(magicCookie)) return keyByBranch(via, kind);
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
