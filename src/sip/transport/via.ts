/** What a server transport reads from and writes to the topmost Via: received, rport, and where a response goes (RFC 3261 §18.2). Pure. */

import { defaultPort, type Transport } from '../../net/ports.ts';
import { isUnicast } from '../../net/special-address.ts';
import type { Via } from '../../sip-parser/index.ts';
import type { Flow, Target } from './flow.ts';

interface ReceivedParams {
  readonly received: string;
  /** Undefined unless the client asked for it. */
  readonly rport: number | undefined;
}

/**
 * The parameters that the topmost Via of a request must be given (RFC 3261 §18.2.1, RFC 3581 §4).
 * @returns undefined when the Via may stay as it is
 */
export function receivedParams(via: Via, flow: Flow): ReceivedParams | undefined {
  const received = withoutZone(flow.remoteAddress);
  // RFC 3581 §4: a server that fills rport adds received too, even when it equals sent-by.
  if (via.rport === '') return { received, rport: flow.remotePort };
  const isTrue = via.host === received && (via.received === undefined || via.received === received);
  return isTrue ? undefined : { received, rport: undefined };
}

/** RFC 3261 §18.2.2, RFC 3581 §4: whether the response leaves by the flow that brought the request. */
export function goesBackOn(via: Via, flow: Flow): boolean {
  if (flow.state === 'closed') return false;
  if (flow.isReliable) return true;
  const port = sentByPort(via, flow.transport);
  // Nobody can listen on port 0: then the source is all that is known.
  return via.rport !== undefined || port === flow.remotePort || port === 0;
}

/**
 * RFC 3261 §18.2.2: where the response goes when it cannot go back on its flow: a UDP sent-by port that is not the source
 * port, or a new way in place of a connection or port of ours that is closed. It is always the address that the request
 * came from, whatever stands in received or maddr: else a peer could have our responses, repeated ones too, sent to anybody.
 * @returns undefined when there is no address that a response may be sent to
 */
export function responseTarget(via: Via, flow: Flow): Target | undefined {
  const address = flow.remoteAddress;
  // RFC 3581 §4 holds when the UDP port that the request came to is gone, too.
  const isBackToSource = !flow.isReliable && via.rport !== undefined;
  const port = isBackToSource ? flow.remotePort : sentByPort(via, flow.transport);
  if (!isUnicast(address) || port < 1 || port > 65_535) return undefined;
  const isTls = flow.transport === 'tls';
  return {
    transport: flow.transport,
    address,
    port,
    tlsName: isTls ? nameOfPeer(via, flow) : undefined,
    tlsProfile: isTls ? flow.listener.tlsProfile : undefined,
  };
}

/** RFC 5922 §7.3: the new peer must have proved the same name as the old one; sent-by only chooses among its names. */
function nameOfPeer({ host }: Via, { verifiedNames }: Flow): string {
  return verifiedNames.includes(host) ? host : (verifiedNames[0] ?? host);
}

/** RFC 3261 §18.2.2: 5061 for TLS, else 5060, when sent-by names no port. */
export function sentByPort(via: Via, transport: Transport): number {
  return via.port ?? defaultPort(transport);
}

/** `fe80::1%eth0` without its zone: the zone means something on this machine only (RFC 4007 §11.2). */
function withoutZone(address: string): string {
  const percent = address.indexOf('%');
  return percent < 0 ? address : address.slice(0, percent);
}
