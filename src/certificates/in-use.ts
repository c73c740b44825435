/** Certificates and revocation lists that something depends on, so that their end can be watched. Pure. */
import type { X509Certificate } from 'node:crypto';
import { inOneLine } from './names.ts';
import { readCertificates } from './pem.ts';
import { readRevocationLists } from './revocation-list.ts';
import { dayMs, type Validity, validityOf } from './validity.ts';

export interface CertificateInUse {
  /**
   * `own`: ours, and its chain; `authority`: whom we trust; `peer`: shown to us on a connection that is open; `revocation-list`:
   * not a certificate, but once it has expired, peers whose certificates are of its CA are refused.
   */
  readonly use: 'own' | 'authority' | 'peer' | 'revocation-list';
  /** `tls.default.certificate`, `tls:192.0.2.21:5061`. */
  readonly where: string;
  /** `C=DE, CN=router.example.com`; of a list its CA. */
  readonly subject: string;
  readonly validFromDate: Date;
  readonly validToDate: Date;
}

export const inUse = (
  use: CertificateInUse['use'],
  where: string,
  { subject, validFromDate, validToDate }: X509Certificate,
): CertificateInUse => ({ use, where, subject: inOneLine(subject, ''), validFromDate, validToDate });

export const inUseOfFile = (use: CertificateInUse['use'], where: string, pem: string): readonly CertificateInUse[] =>
  readCertificates(pem).map((certificate) => inUse(use, where, certificate));

/**
 * The revocation lists that have an end (`nextUpdate`, RFC 5280 §5.1.2.5) and a known issuer.
 * @param ca PEM of the issuers
 */
export function listsInUse(where: string, crl: readonly string[], ca: string): readonly CertificateInUse[] {
  const authorities = readCertificates(ca);
  return crl.flatMap(readRevocationLists).flatMap((list) => {
    const authority = authorities.find(list.isOf);
    if (list.nextUpdate === undefined || authority === undefined) return [];
    const dates = { validFromDate: list.thisUpdate, validToDate: list.nextUpdate };
    return [{ ...inUse('revocation-list', where, authority), ...dates }];
  });
}

/**
 * A list lives for days or weeks, and its CA issues the next one shortly before its end: with a month's notice the warning would
 * never stop. So it comes in the last tenth of its life, and at least a day before the end, because the check runs once a day.
 */
export function validityInUse(watched: CertificateInUse, now: Date, warnBeforeMs: number): Validity {
  const { use, validFromDate, validToDate } = watched;
  const lifeMs = validToDate.getTime() - validFromDate.getTime();
  const isList = use === 'revocation-list';
  return validityOf(watched, now, isList ? Math.min(warnBeforeMs, Math.max(dayMs, lifeMs / 10)) : warnBeforeMs);
}
