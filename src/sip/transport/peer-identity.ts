/** The identity of a TLS peer, judged after the handshake and before anything else is read or written (RFC 5922 §7). */
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { MayName } from '../../certificates/name-constraints.ts';
import { type CertificateNames, certificateNames, matchesName, nobody } from '../../certificates/names.ts';
import type { Trust } from '../../certificates/trust.ts';
import { certificateRefusal, nameMismatch, nameNotAllowed, noCertificate, type PeerRefusal } from './peer-refusal.ts';
import type { TlsProfile } from './settings.ts';
import { shownCertificate, shownChain, type TlsContext } from './tls.ts';

/** What a connection was made for. */
export interface Expectation {
  /** The peer opened it: then the profile says what it must show. */
  readonly isAccepted: boolean;
  /** One of these must be a name of the peer; none: any name that a trusted CA has certified. */
  readonly names: readonly string[];
}

export const anybodyCalling: Expectation = { isAccepted: true, names: [] };

export const isRefusal = (identity: CertificateNames | PeerRefusal): identity is PeerRefusal => 'code' in identity;

/** By what OpenSSL has found in the handshake. */
export function identify(
  socket: TLSSocket,
  { profile, trust }: TlsContext,
  wanted: Expectation,
): CertificateNames | PeerRefusal {
  const certificate = shownCertificate(socket);
  if (certificate === undefined) return withoutCertificate(profile, wanted);
  if (!socket.authorized) return certificateRefusal(faultOf(socket, trust), certificate);
  // The whole chain is read only for peers that are known by sip URIs.
  let known: MayName | undefined;
  return judgeNames(certificate, profile, wanted, (host) => {
    known ??= mayNameOf(socket, trust);
    return known(host);
  });
}

/** The same for a connection that is open, by a profile that has taken the place of the one it was opened with. */
export function identifyAgain(
  socket: TLSSocket,
  { profile, trust }: TlsContext,
  wanted: Expectation,
): CertificateNames | PeerRefusal {
  const [certificate, ...others] = shownChain(socket);
  if (certificate === undefined) return withoutCertificate(profile, wanted);
  const fault = trust.faultOf([certificate, ...others], new Date());
  if (fault !== undefined) return certificateRefusal(fault, certificate);
  return judgeNames(certificate, profile, wanted, trust.mayName([certificate, ...others]));
}

const withoutCertificate = ({ clientCertificate }: TlsProfile, { isAccepted }: Expectation) =>
  isAccepted && clientCertificate !== 'required' ? nobody : noCertificate;

/**
 * OpenSSL's name of its last fault (Node's types say Error). A missing CRL can hide an untrusted chain, whose CAs have no list
 * either: then our own verifier says what is wrong.
 */
function faultOf(socket: TLSSocket, trust: Trust): string {
  const fault = String(socket.authorizationError);
  const [certificate, ...others] = fault === 'UNABLE_TO_GET_CRL' ? shownChain(socket) : [];
  return (certificate && trust.faultOf([certificate, ...others], new Date())) ?? fault;
}

function mayNameOf(socket: TLSSocket, trust: Trust): MayName {
  const [certificate, ...others] = shownChain(socket);
  return certificate === undefined ? () => false : trust.mayName([certificate, ...others]);
}

function judgeNames(
  certificate: X509Certificate,
  profile: TlsProfile,
  wanted: Expectation,
  mayName: MayName,
): CertificateNames | PeerRefusal {
  const { wildcards = false, commonName = true, peers } = profile;
  const names = certificateNames(certificate, { wildcards, commonName }, mayName);
  const isOneOf = (expected: readonly string[]) => expected.some((name) => matchesName(names, name));
  if (wanted.names.length > 0 && !isOneOf(wanted.names)) return nameMismatch(certificate, wanted.names);
  if (wanted.isAccepted && peers !== undefined && !isOneOf(peers)) return nameNotAllowed(certificate);
  return names;
}
