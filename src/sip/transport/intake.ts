/** The last step below the message handler, the same for datagrams and streams: which responses are fit to be handed up. */
import { checkResponse, type SipResponse } from '../../sip-parser/index.ts';
import type { Flow, MessageHandler } from './flow.ts';

/** A malformed response is dropped (RFC 3261 §18.1.2, RFC 4475 §3.1.2.19); a malformed request is for the proxy to answer. */
export function handUpResponse(response: SipResponse, flow: Flow, handler: MessageHandler): void {
  const problem = checkResponse(response);
  if (problem === undefined) handler.onResponse(response, flow);
  else handler.onDiscarded('bad-response', flow, problem.detail);
}
