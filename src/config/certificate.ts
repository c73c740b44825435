/** What an operator should know about a certificate before a peer refuses it. Pure: the day is handed in. */
import type { X509Certificate } from 'node:crypto';
import { certificateNames, inOneLine, matchesName, namesShown } from '../certificates/names.ts';
import { isNamedIn } from '../certificates/own-name.ts';
import { missingPurposes } from '../certificates/purposes.ts';
import { issuerOf } from '../certificates/trust.ts';
import { validityOf } from '../certificates/validity.ts';
import type { Severity } from '../settings/problem.ts';

export interface CertificateProblem {
  readonly severity: Severity;
  readonly what: string;
  readonly hint: string;
}

interface Days {
  readonly now: Date;
  /** What ends within this time is worth a word. */
  readonly warnBeforeMs: number;
}

export function judgeDates(certificate: X509Certificate, { now, warnBeforeMs }: Days): readonly CertificateProblem[] {
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

/** In a bundle one that has ended harms nobody whom the others vouch for. */
export function judgeAuthorities(authorities: readonly X509Certificate[], days: Days): readonly CertificateProblem[] {
  if (authorities.length === 1) return judgeDates(authorities[0]!, days);
  const faults = authorities.flatMap((authority) =>
    judgeDates(authority, days).map((finding) => ({ ...finding, what: `${finding.what} (${nameOf(authority)})` })),
  );
  const isUsable = faults.filter(({ severity }) => severity === 'error').length < authorities.length;
  return isUsable ? faults.map((fault) => ({ ...fault, severity: 'warning' })) : faults;
}

/** Peers know roots only: what lies between must be shown to them (RFC 8446 §4.4.2). */
export function judgeChain(
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
): readonly CertificateProblem[] {
  for (const [i, certificate] of chain.entries()) {
    const next = chain[i + 1];
    if (next !== undefined && issuerOf(certificate, [next]) === undefined) {
      const what = `certificate ${i + 2} in this file (${nameOf(next)}) has not issued the one before it`;
      return [{ severity: 'warning', what, hint: 'ours first, then its issuer, then the issuer of that one' }];
    }
  }
  const last = chain.at(-1);
  if (last === undefined || issuerOf(last, [last, ...authorities]) !== undefined) return [];
  const what = `the certificate of its issuer (${nameOf(last, 'issuer')}) stands neither in this file nor in ca`;
  const hint = 'if that is no root, peers cannot find the way to theirs: append it to this file';
  return [{ severity: 'warning', what, hint }];
}

const nameOf = (certificate: X509Certificate, whose: 'subject' | 'issuer' = 'subject'): string =>
  inOneLine(certificate[whose], 'no name');

/** Both ends of a link connect and are connected to; Lync and IM&P refuse a certificate that serves for one of both only. */
export function judgePurposes(certificate: X509Certificate): readonly CertificateProblem[] {
  const missing = missingPurposes(certificate);
  if (missing.length === 0) return [];
  const what = `this certificate is not made for ${missing.join(' and ')} (extended key usage)`;
  return [{ severity: 'warning', what, hint: 'peers need both: serverAuth and clientAuth' }];
}

/** Peers compare the name that they connect to with the names in the certificate (RFC 5922 §7.2: no wildcards). */
export function judgeName(certificate: X509Certificate, nodeName: string): readonly CertificateProblem[] {
  // A peer that knows DNS names only finds those beside a sip URI, too.
  if (isNamedIn(certificate, nodeName)) return [];
  if (matchesName(certificateNames(certificate, { wildcards: false, commonName: true }), nodeName)) return [];
  const what = `node.name ${nodeName} is not among the names of this certificate (${namesShown(certificate)})`;
  return [{ severity: 'warning', what, hint: 'peers that check names will refuse it' }];
}
