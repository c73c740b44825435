/** What a peer speaks that does not speak what its port is for, where that tells which setting to look at. Pure. */
import type { Transport } from '../../net/ports.ts';

/** Handshake and alert records of TLS 1.0 to 1.3 (RFC 8446 §5.1). */
const isTls = (text: string): boolean => /^[\x15\x16]\x03[\0-\x04]/.test(text);

/**
 * @param text the first octets that came in place of a start line, latin1
 * @returns undefined when they tell nothing
 */
export function strangeSpeech(
  text: string,
  { isAccepted, transport }: { readonly isAccepted: boolean; readonly transport: Transport },
): string | undefined {
  if (transport === 'tcp' && isTls(text)) return isAccepted ? tlsFromPeer : tlsFromHop;
  return /^[A-Z]+ [^ ]+ HTTP\/1\.[01](?:\r|$)/.test(text) ? 'the peer speaks HTTP, not SIP' : undefined;
}

/** OpenSSL's words for octets that are no record of TLS: it calls OPTIONS, as it does GET, an `http request`. */
export const isWithoutTls = (reason: string): boolean =>
  /^(?:http request|https proxy request|wrong version number|packet length too long)$/.test(reason);

const tlsFromPeer =
  'the peer speaks TLS to a port without: give it the port of a listener with transport: tls, or let it connect without TLS';
const tlsFromHop = 'the next hop speaks TLS on this port: transport: tls on its route, or the port of its TCP listener';
