/** Certificates and revocation lists that something depends on, for watching how long they still count. Pure. */
import type { X509Certificate } from 'node:crypto';
import { readCertificates } from './pem.ts';

export interface CertificateInUse {
  /** `own`: ours, and its chain; `authority`: whom we trust; `peer`: shown to us on a connection that is open. */
  readonly use: 'own' | 'authority' | 'peer';
  /** `tls.default.certificate`, `tls:192.0.2.21:5061`. */
  readonly where: string;
  /** `C=DE, CN=router.example.com`. */
  readonly subject: string;
  readonly validFromDate: Date;
  readonly validToDate: Date;
}

export const inUse = (
  use: CertificateInUse['use'],
  where: string,
  { subject, validFromDate, validToDate }: X509Certificate,
): CertificateInUse => ({ use, where, subject: subject?.split('\n').join(', ') ?? '', validFromDate, validToDate });

/** All of a PEM file. */
export const inUseOfFile = (use: CertificateInUse['use'], where: string, pem: string): readonly CertificateInUse[] =>
  readCertificates(pem).map((certificate) => inUse(use, where, certificate));
