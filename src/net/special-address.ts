/** Addresses with a special meaning, as Node and RFC 5952 write them. */
import { isIP } from 'node:net';

/** To listen on it means to listen on all addresses of its family (RFC 1122 §3.2.1.3, RFC 4291 §2.5.2). */
export const isWildcard = (address: string): boolean => address === '0.0.0.0' || address === '::';

/**
 * 127.0.0.0/8 (RFC 1122 §3.2.1.3) and ::1 (RFC 4291 §2.5.3): no other machine can reach it.
 * @param address an IP address: of what may be a name, ask `isLoopbackHost`
 */
export const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1';

/** True for a loopback address, and for no name, whatever it begins with. */
export const isLoopbackHost = (host: string): boolean => isIP(host) !== 0 && isLoopback(host);

/** The usual loopback address of a family. */
export const loopbackOf = (family: 4 | 6): string => (family === 6 ? '::1' : '127.0.0.1');

/** An IP address that one host may have: no name, no multicast (224/4, ff00::/8), no broadcast, not unspecified. */
export const isUnicast = (address: string): boolean => {
  const family = isIP(address);
  if (family === 4) {
    const firstOctet = Number.parseInt(address, 10);
    return firstOctet > 0 && firstOctet < 224;
  }
  return family === 6 && address !== '::' && !/^ff/i.test(address);
};
