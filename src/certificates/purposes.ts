/** What a certificate may be used for: its extended key usage (RFC 5280 §4.2.1.12). Pure. */
import type { X509Certificate } from 'node:crypto';

type Purpose = 'serverAuth' | 'clientAuth';

const oids: Readonly<Record<Purpose, string>> = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
};

/**
 * Those of `wanted` that it lacks. A certificate without the extension serves for everything (RFC 5280); anyExtendedKeyUsage
 * does not count, as it does not for OpenSSL and Windows.
 */
export function missingPurposes(
  certificate: X509Certificate,
  wanted: readonly Purpose[] = ['serverAuth', 'clientAuth'],
): readonly Purpose[] {
  const has = certificate.keyUsage as readonly string[] | undefined;
  return has === undefined ? [] : wanted.filter((purpose) => !has.includes(oids[purpose]));
}
