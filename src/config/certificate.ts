/** What an operator should know about a certificate before a peer refuses it. Pure: the day is handed in. */
import type { X509Certificate } from 'node:crypto';
import { certificateNames, matchesName, namesShown } from '../certificates/names.ts';
import { missingPurposes } from '../certificates/purposes.ts';
import { validityOf } from '../certificates/validity.ts';
import type { Severity } from './problem.ts';

export interface Finding {
  readonly severity: Severity;
  readonly what: string;
  readonly hint: string;
}

export function judgeDates(
  certificate: X509Certificate,
  { now, warnBeforeMs }: { readonly now: Date; readonly warnBeforeMs: number },
): readonly Finding[] {
  const { state, text } = validityOf(certificate, now, warnBeforeMs);
  const what = `this certificate ${text}`;
  switch (state) {
    case 'valid':
      return [];
    case 'not-yet':
      return [{ severity: 'error', what, hint: 'or is the clock of this machine wrong?' }];
    case 'ended':
      return [{ severity: 'error', what, hint: 'renew it' }];
    case 'ends-soon':
      return [{ severity: 'warning', what, hint: 'renew it in time' }];
  }
}

/** Both ends of a link connect and are connected to; Lync and IM&P refuse a certificate that serves for one of both only. */
export function judgePurposes(certificate: X509Certificate): readonly Finding[] {
  const missing = missingPurposes(certificate);
  if (missing.length === 0) return [];
  const what = `this certificate is not made for ${missing.join(' and ')} (extended key usage)`;
  return [{ severity: 'warning', what, hint: 'peers need both: serverAuth and clientAuth' }];
}

/** Peers compare the name that they connect to with the names in the certificate (RFC 5922 §7.2: no wildcards). */
export function judgeName(certificate: X509Certificate, nodeName: string): readonly Finding[] {
  // A peer that knows DNS names only finds those beside a sip URI, too.
  if (certificate.checkHost(nodeName, { wildcards: false }) !== undefined) return [];
  if (matchesName(certificateNames(certificate, { wildcards: false, commonName: true }), nodeName)) return [];
  const what = `node.name ${nodeName} is not among the names of this certificate (${namesShown(certificate)})`;
  return [{ severity: 'warning', what, hint: 'peers that check names will refuse it' }];
}
