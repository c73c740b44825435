/**
 * Whether a chain of certificates that was shown leads to a CA that is trusted, as far as trust can change while a connection
 * lives: CAs, revocation lists and dates (RFC 5280 §6); purposes were judged by OpenSSL in the handshake. Pure.
 */
import type { X509Certificate } from 'node:crypto';
import { allowedBy, type MayName } from './name-constraints.ts';
import { readCertificates } from './pem.ts';
import { type RevocationList, readRevocationLists } from './revocation-list.ts';

/** As OpenSSL names them. */
type ChainFault =
  | 'CERT_HAS_EXPIRED'
  | 'CERT_NOT_YET_VALID'
  | 'CERT_REVOKED'
  | 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'
  | 'UNABLE_TO_GET_CRL'
  | 'CRL_HAS_EXPIRED';

export interface Trust {
  /** @param chain the certificate of the peer first, then others that it has sent, in any order */
  faultOf(chain: readonly [X509Certificate, ...X509Certificate[]], now: Date): ChainFault | undefined;
  /** Which hosts the CAs of the chain may certify; none if it does not lead to a trusted root. */
  mayName(chain: readonly [X509Certificate, ...X509Certificate[]]): MayName;
}

/** More than any chain has; stops at a ring of issuers. */
const longestChain = 10;

/**
 * @param ca PEM bundle
 * @param crl PEM texts; with any, every CA of a chain needs a list
 */
export function readTrust(ca: string, crl: readonly string[]): Trust {
  const authorities = readCertificates(ca);
  const lists = crl.flatMap(readRevocationLists);
  return {
    faultOf(chain, now) {
      const path = pathOf(chain, authorities);
      if (path === undefined) return 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY';
      for (const [i, certificate] of path.entries()) {
        const fault =
          dateFault(certificate, now) ?? revocationFault(certificate, path[i + 1] ?? certificate, lists, now);
        if (fault !== undefined) return fault;
      }
      return undefined;
    },
    mayName(chain) {
      const path = pathOf(chain, authorities);
      return path === undefined ? () => false : allowedBy(path.slice(1));
    },
  };
}

/** From the certificate of the peer to a root that is trusted. */
function pathOf(
  chain: readonly [X509Certificate, ...X509Certificate[]],
  authorities: readonly X509Certificate[],
): readonly X509Certificate[] | undefined {
  const path: X509Certificate[] = [chain[0]];
  while (path.length < longestChain) {
    const last = path.at(-1)!;
    if (isSelfIssued(last)) return isAmong(last, authorities) ? path : undefined;
    // A certificate that the peer has sent is an issuer only if its own issuer made it a CA (RFC 5280 §4.2.1.9).
    const issuer =
      issuerOf(last, authorities) ??
      issuerOf(
        last,
        chain.filter(({ ca }) => ca),
      );
    if (issuer === undefined) return undefined;
    path.push(issuer);
  }
  return undefined;
}

/** The one of `candidates` that has signed it, if there is one. */
export const issuerOf = (
  certificate: X509Certificate,
  candidates: readonly X509Certificate[],
): X509Certificate | undefined =>
  candidates.find((candidate) => certificate.checkIssued(candidate) && certificate.verify(candidate.publicKey));

/** A root. */
export const isSelfIssued = (certificate: X509Certificate): boolean =>
  issuerOf(certificate, [certificate]) !== undefined;

const isAmong = (certificate: X509Certificate, others: readonly X509Certificate[]): boolean =>
  others.some(({ fingerprint256 }) => fingerprint256 === certificate.fingerprint256);

const dateFault = ({ validFromDate, validToDate }: X509Certificate, now: Date): ChainFault | undefined => {
  if (now < validFromDate) return 'CERT_NOT_YET_VALID';
  return now > validToDate ? 'CERT_HAS_EXPIRED' : undefined;
};

function revocationFault(
  certificate: X509Certificate,
  issuer: X509Certificate,
  lists: readonly RevocationList[],
  now: Date,
): ChainFault | undefined {
  if (lists.length === 0) return undefined;
  const own = lists.filter((list) => list.isOf(issuer));
  if (own.length === 0) return 'UNABLE_TO_GET_CRL';
  if (own.some(({ revoked }) => revoked.has(certificate.serialNumber))) return 'CERT_REVOKED';
  return own.every(({ nextUpdate }) => nextUpdate !== undefined && nextUpdate < now) ? 'CRL_HAS_EXPIRED' : undefined;
}
