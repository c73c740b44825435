/** Why a peer is refused before any SIP is exchanged: a stable code, what was seen, and what to do about it. Pure. */
import type { X509Certificate } from 'node:crypto';
import { inOneLine, namesInDispute, namesShown } from '../../certificates/names.ts';
import { isWithoutTls } from './strange-speech.ts';

type PeerRefusalCode =
  /** The handshake itself. */
  | 'tls-failed'
  /** It has begun to speak without one. */
  | 'tls-not-spoken'
  | 'tls-no-certificate'
  | 'tls-certificate-expired'
  | 'tls-certificate-not-yet-valid'
  | 'tls-certificate-revoked'
  /** By a CA that is not ours, by itself, or without the certificates between. */
  | 'tls-certificate-untrusted'
  | 'tls-certificate-purpose'
  /** Whatever else OpenSSL holds against it. */
  | 'tls-certificate-refused'
  | 'tls-crl-missing'
  | 'tls-crl-expired'
  /** It is not the peer that was to be reached. */
  | 'tls-name-mismatch'
  /** It is none of the profile's `peers`. */
  | 'tls-name-not-allowed'
  /** No access rule lets it in. */
  | 'access-denied';

export interface PeerRefusal {
  readonly code: PeerRefusalCode;
  /** The names in its certificate, whether they count or not; undefined: it has shown none, or none is known. */
  readonly shown: string | undefined;
  /** For people. */
  readonly detail: string;
  /** What to do. */
  readonly hint: string;
}

type Verdict = readonly [code: PeerRefusalCode, hint: string];

const untrusted: Verdict = [
  'tls-certificate-untrusted',
  'add the root of its CA to ca, or let the peer send its intermediate certificates',
];

/** By OpenSSL's name of the fault. */
const verdicts: Readonly<Record<string, Verdict>> = {
  CERT_HAS_EXPIRED: ['tls-certificate-expired', 'renew the certificate of the peer, or set the clock of this machine'],
  CERT_NOT_YET_VALID: ['tls-certificate-not-yet-valid', 'set the clocks, or wait until it counts'],
  CERT_REVOKED: ['tls-certificate-revoked', 'its CA has taken it back: the peer needs a new one'],
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  INVALID_PURPOSE: ['tls-certificate-purpose', 'issue it anew with both serverAuth and clientAuth'],
  UNABLE_TO_GET_CRL: ['tls-crl-missing', 'add the revocation list of its CA to crl'],
  CRL_HAS_EXPIRED: ['tls-crl-expired', 'fetch the new revocation list of its CA'],
  CRL_NOT_YET_VALID: ['tls-crl-expired', 'fetch the revocation list of its CA anew, or set the clock of this machine'],
};

const otherwise: Verdict = ['tls-certificate-refused', 'have it issued anew'];

/** @param fault OpenSSL's name of it, such as CERT_HAS_EXPIRED */
export function certificateRefusal(fault: string, certificate: X509Certificate): PeerRefusal {
  const [code, hint] = verdicts[fault] ?? otherwise;
  const detail = `the peer's certificate is refused: ${fault} (issued by ${inOneLine(certificate.issuer)})`;
  return { code, shown: namesShown(certificate), detail, hint };
}

export const noCertificate: PeerRefusal = {
  code: 'tls-no-certificate',
  shown: undefined,
  detail: 'the peer has shown no certificate',
  hint: 'give it one for clientAuth, of a CA in ca',
};

/** @param fault in OpenSSL's words: `no shared cipher` */
export const handshakeRefusal = (fault: string): PeerRefusal =>
  isWithoutTls(fault)
    ? {
        code: 'tls-not-spoken',
        shown: undefined,
        detail: 'the peer speaks without TLS to a port for TLS',
        hint: useTls,
      }
    : { code: 'tls-failed', shown: undefined, detail: fault, hint: agree };

const agree = 'both must share a version and a cipher, and the peer must trust the CA of our certificate';

const useTls =
  'let it use TLS (Cisco IM&P: Protocol Type of its static route; Microsoft: New-CsStaticRoute -TLSRoute), or give it the port of a listener with transport: tcp';

export const nameMismatch = (certificate: X509Certificate, expected: readonly string[]): PeerRefusal => ({
  code: 'tls-name-mismatch',
  shown: namesShown(certificate),
  detail: `the peer's certificate names ${namesInDispute(certificate)}, not ${expected.join(' or ')}`,
  hint: namesShown(certificate).includes('*.')
    ? 'wildcards count with wildcards: true only; better, give the peer a certificate with this name'
    : 'correct next-hop or tls-name, or give the peer a certificate with this name',
});

export const nameNotAllowed = (certificate: X509Certificate): PeerRefusal => ({
  code: 'tls-name-not-allowed',
  shown: namesShown(certificate),
  detail: `the peer's certificate names ${namesInDispute(certificate)}, and none of that is in peers`,
  hint: 'add its name to peers if it may connect',
});
