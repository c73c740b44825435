/** OPTIONS to a hop itself (RFC 3261 §11.1), in a client transaction like any other and by the connection that requests take. */

import { randomBytes } from 'node:crypto';
import type { AttemptNews } from '../health/hop-knowledge.ts';
import type { AbandonProbe } from '../health/watched-target.ts';
import { hostAndPort } from '../net/host.ts';
import type { ViaMarks } from '../proxy/loop.ts';
import type { TransactionLayer } from '../sip/transaction/transaction-layer.ts';
import type { Flow, Listener, Target } from '../sip/transport/flow.ts';
import type { TransportError } from '../sip/transport/transport-error.ts';

interface ProbeParts {
  readonly transactions: TransactionLayer;
  flowTo(target: Target): Flow | TransportError;
  nextBranch(marks: ViaMarks): string;
}

/** By the TLS name where the hop has one: a Front End does not answer OPTIONS to an address. */
const uriOf = ({ transport, address, port, tlsName }: Target): string =>
  `sip:${hostAndPort(tlsName ?? address, port)};transport=${transport}`;

/** RFC 3581; RFC 5923: an alias lets the peer send requests of its own by this connection. */
const viaOf = ({ transport, sentBy }: Listener, branch: string, isKept: boolean): string => {
  const stream = isKept ? ';alias' : '';
  return `SIP/2.0/${transport.toUpperCase()} ${sentBy};branch=${branch}${transport === 'udp' ? ';rport' : stream}`;
};

/** @param isKept the connection stays: the peer may use it too */
export const optionsText = (
  target: Target,
  listener: Listener,
  branch: string,
  callId: string,
  isKept = true,
): string => {
  const uri = uriOf(target);
  const own = `sip:${listener.sentBy};transport=${listener.transport}`;
  return [
    `OPTIONS ${uri} SIP/2.0`,
    `Via: ${viaOf(listener, branch, isKept)}`,
    'Max-Forwards: 70',
    `From: <${own}>;tag=${callId.slice(0, 8)}`,
    `To: <${uri}>`,
    `Call-ID: ${callId}@${listener.sentByHost}`,
    'CSeq: 1 OPTIONS',
    `Contact: <${own}>`,
    'Accept: application/sdp',
    'User-Agent: pif-router',
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
};

/** @param tell called once at most, and never before this returns */
export const sendProbe = (target: Target, parts: ProbeParts, tell: (news: AttemptNews) => void): AbandonProbe => {
  const flow = parts.flowTo(target);
  if ('code' in flow) {
    queueMicrotask(() => tell(flow));
    return () => undefined;
  }
  // As hard to guess as that of a request, so that nobody answers in the hop's place.
  const branch = parts.nextBranch(randomBytes(8).toString('hex'));
  const text = optionsText(target, flow.listener, branch, randomBytes(12).toString('hex'));
  const probe = parts.transactions.request(
    flow,
    text,
    { method: 'OPTIONS', branch },
    {
      accepts: () => true,
      mayAnswer: () => false,
      onResponse: (response) => {
        if (response.status >= 200) tell(response);
      },
      // The hop is alive, and the response has nowhere else to go.
      onUnfitResponse: tell,
      onTimeout: () => tell('silent'),
      onTransportError: tell,
    },
  );
  return () => probe.abandon();
};
