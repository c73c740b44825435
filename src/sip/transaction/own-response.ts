/** A response that this node makes itself, with what its server transport noted in the topmost Via (RFC 3261 §18.2.1). */
import { respond, type SipRequest } from '../../sip-parser/index.ts';
import type { Flow } from '../transport/flow.ts';
import { receivedParams } from '../transport/via.ts';

/** @param extra further header lines, each with its CRLF */
export const ownResponse = (
  request: SipRequest,
  flow: Flow,
  status: number,
  phrase: string,
  toTag: string | undefined,
  extra = '',
): string => {
  const seen = request.topVia === undefined ? undefined : receivedParams(request.topVia, flow);
  const viaParams = seen === undefined ? undefined : { received: seen.received, rport: seen.rport };
  return respond(request, status, phrase, toTag, extra, viaParams);
};
