/** Whether a certificate of ours is good for what peers call us, by the rules that most peers go by. Pure. */

import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { canonicalAddress } from '../net/host.ts';

/**
 * A name among the DNS names, without wildcards (RFC 5922 §7.2); an address among the IP addresses (RFC 5280 §4.2.1.6). Without any
 * subjectAltName the common name stands for either, which is all that IM&P compares.
 * @param host an IPv6 address without brackets
 */
export function isNamedIn(certificate: X509Certificate, host: string): boolean {
  if (isIP(host) === 0) return certificate.checkHost(host, { wildcards: false }) !== undefined;
  if (certificate.checkIP(host) !== undefined) return true;
  if (certificate.subjectAltName !== undefined) return false;
  const name = certificate.toLegacyObject().subject?.CN as string | string[] | undefined;
  return name !== undefined && [name].flat().some((each) => canonicalAddress(each) === canonicalAddress(host));
}
