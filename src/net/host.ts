/** Host names and addresses as texts: how they are told apart, compared and written. */
import { isIPv6, SocketAddress } from 'node:net';

const label = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?';
const labels = new RegExp(`^(?:${label}\\.)*(?=[^.]*[a-z])${label}$`, 'i');

/**
 * True for a host name in any case, without final dot: labels of 1 to 63 characters (RFC 1035 §2.3.4), 253 in all, of letters,
 * digits, `-` within, and `_`, which no RFC allows and Windows hosts have. The last label has a letter, else it would be read as
 * an address (RFC 1123 §2.1). RFC 3261 §25.1 wants it to begin with one, which a host like `3com` does not know.
 */
export const isHostName = (text: string): boolean => text.length <= 253 && labels.test(text);

/** A host without the final dot, which only says that a name is whole (RFC 1034 §3.1). */
export const withoutFinalDot = (host: string): string => (/[^.]\.$/.test(host) ? host.slice(0, -1) : host);

/** As a host stands in a URI and in Via: an IPv6 address in brackets (RFC 3261 §25.1, RFC 3986 §3.2.2). */
export const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** An IPv6 address without its brackets; nothing else may have any, and stays as it is. */
export const withoutBrackets = (text: string): string =>
  text.startsWith('[') && text.endsWith(']') && text.includes(':') ? text.slice(1, -1) : text;

/** `router.example.com:5060`, `[2001:db8::1]:5060`. */
export const hostAndPort = (host: string, port: number): string => `${bracketed(host)}:${port}`;

/**
 * Reads `192.0.2.1`, `192.0.2.1:5060`, `[2001:db8::1]`, `[2001:db8::1]:5060` or a name in place of the address. What the host is
 * made of is not looked at; without brackets it has no colon.
 * @returns the host without brackets, the port from 0 to 65535 if there is one; undefined for any other text
 */
export const readHostAndPort = (
  text: string,
): { readonly host: string; readonly port: number | undefined } | undefined => {
  const [, inBrackets, bare, digits] = /^(?:\[([^[\]]*:[^[\]]*)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = inBrackets ?? bare;
  const port = digits === undefined ? undefined : Number(digits);
  return host === undefined || (port !== undefined && port > 65_535) ? undefined : { host, port };
};

/**
 * An IPv6 address as RFC 5952 writes it: `2001:DB8:0::1` is `2001:db8::1`. All else stays as it is.
 * @param address without brackets; a zone stays
 */
export const canonicalAddress = (address: string): string => {
  if (!isIPv6(address)) return address;
  const percent = address.indexOf('%');
  if (percent >= 0) return canonicalAddress(address.slice(0, percent)) + address.slice(percent).toLowerCase();
  const host = new URL(`http://[${address}]`).hostname.slice(1, -1);
  // The last four octets of an IPv4-mapped address are written as IPv4 (RFC 5952 §5).
  return host.startsWith('::ffff:') ? new SocketAddress({ address, family: 'ipv6' }).address : host;
};
