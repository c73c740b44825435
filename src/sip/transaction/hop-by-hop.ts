/** The two requests that a client transaction makes itself from the request it sent: ACK (§17.1.1.3) and CANCEL (§9.1). */
import { Header, parseMessage, type SipRequest, type SipResponse } from '../../sip-parser/index.ts';

const sentRequest = (text: string): SipRequest => {
  const request = parseMessage(text);
  if (request?.kind !== 'request') throw new Error('a client transaction keeps the request that it sent');
  return request;
};

const headersOf = (request: SipRequest, method: string, to: string): string => {
  const via = request.topVia;
  const routes = request.routes.map((route) => `Route: ${request.text.slice(route.start, route.end)}\r\n`).join('');
  return (
    `${method} ${request.requestUri} SIP/2.0\r\n` +
    `Via: ${via === undefined ? '' : request.text.slice(via.start, via.end)}\r\n` +
    `Max-Forwards: 70\r\n${routes}` +
    `From: ${request.first(Header.From) ?? ''}\r\n` +
    `To: ${to}\r\n` +
    `Call-ID: ${request.callId ?? ''}\r\n` +
    `CSeq: ${request.cseqNumber ?? 0} ${method}\r\n` +
    'Content-Length: 0\r\n\r\n'
  );
};

/** ACK to a final response of 300 to 699: same Request-URI and Via as the INVITE, To of the response. */
export const makeAck = (inviteText: string, response: SipResponse): string =>
  headersOf(sentRequest(inviteText), 'ACK', response.first(Header.To) ?? '');

/** CANCEL of an INVITE: everything but the method as in the INVITE. */
export const makeCancel = (inviteText: string): string => {
  const invite = sentRequest(inviteText);
  return headersOf(invite, 'CANCEL', invite.first(Header.To) ?? '');
};
