/** The key under which a remote address and port are found: all that is asked of it is that others have another one. */

const DOT = 46;
const DIGIT_0 = 48;
const DIGIT_9 = 57;
/** An octet of which no digit has been read. */
const NONE = -1;

/**
 * A number for IPv4: a text would be put together for every datagram, made flat, hashed and compared, which costs three times
 * as much. For all else (IPv6, what is no address) a text.
 */
export function remoteKey(address: string, port: number): number | string {
  const host = ipv4Number(address);
  return host === undefined ? `${address} ${port}` : host * 65_536 + port;
}

/** Of four decimal octets, which may have leading zeros. */
function ipv4Number(address: string): number | undefined {
  let value = 0;
  let octet = NONE;
  let dots = 0;
  for (let at = 0; at < address.length; at += 1) {
    const code = address.charCodeAt(at);
    if (code === DOT && octet !== NONE) {
      value = value * 256 + octet;
      octet = NONE;
      dots += 1;
    } else if (code >= DIGIT_0 && code <= DIGIT_9) octet = (octet === NONE ? 0 : octet * 10) + code - DIGIT_0;
    else return undefined;
    if (octet > 255) return undefined;
  }
  return dots === 3 && octet !== NONE ? value * 256 + octet : undefined;
}
