/** Where a chain of certificates that is sent to peers leads. Pure. */
import type { X509Certificate } from 'node:crypto';
import { inOneLine } from '../certificates/names.ts';
import { isSelfIssued, issuerOf } from '../certificates/trust.ts';

type ChainEnd =
  | { readonly kind: 'complete'; readonly root: X509Certificate }
  /** Peers need it in `certificate`, and it stands only in `ca`, where we look for trusted authorities. */
  | { readonly kind: 'not-sent'; readonly intermediate: X509Certificate }
  | { readonly kind: 'unknown'; readonly issuer: string };

/** @param sent leaf first, those behind it in any order; not empty */
export function endOfChain(sent: readonly X509Certificate[], trusted: readonly X509Certificate[]): ChainEnd {
  const left = [...sent];
  let last = left.shift()!;
  while (!isSelfIssued(last)) {
    const next = issuerOf(last, left);
    if (next === undefined) return endInTrusted(last, trusted);
    left.splice(left.indexOf(next), 1);
    last = next;
  }
  return { kind: 'complete', root: last };
}

function endInTrusted(last: X509Certificate, trusted: readonly X509Certificate[]): ChainEnd {
  const known = issuerOf(last, trusted);
  if (known === undefined) return { kind: 'unknown', issuer: inOneLine(last.issuer) };
  return isSelfIssued(known) ? { kind: 'complete', root: known } : { kind: 'not-sent', intermediate: known };
}

export const commonNameOf = (certificate: X509Certificate): string | undefined =>
  /^CN=(.+)$/m.exec(certificate.subject ?? '')?.[1];
