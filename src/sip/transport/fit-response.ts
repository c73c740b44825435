/** Which responses are fit for the message handler: the same for datagrams and streams. */
import { checkResponse, type SipResponse } from '../../sip-parser/index.ts';
import type { Flow, MessageHandler } from './flow.ts';

/** Without these it is unclear what a response answers, or how (RFC 4475 §3.1.2.5, §3.1.2.19). */
const tellsNothing: ReadonlySet<string> = new Set(['Status-Line', 'CSeq']);

/** A malformed response goes no further (RFC 3261 §18.1.2); a malformed request is for the proxy to answer. */
export function handUpResponse(response: SipResponse, flow: Flow, handler: MessageHandler): void {
  const problem = checkResponse(response);
  if (problem === undefined) return handler.onResponse(response, flow);
  handler.onDiscarded('bad-response', flow, problem.detail, response.callId);
  if (!tellsNothing.has(problem.header)) handler.onUnfitResponse(response, flow);
}
