/** Whether a next hop may connect to us with the certificate that it shows when we connect to it. Pure. */
import type { X509Certificate } from 'node:crypto';
import { certificateNames, matchesName, namesInDispute } from '../certificates/names.ts';
import type { Policy } from '../routing/policy.ts';
import type { Side } from '../routing/types.ts';
import type { TlsProfile } from '../sip/transport/settings.ts';
import type { RefusalAdvice } from './peer-certificate.ts';

interface Caller {
  readonly side: Side;
  readonly remoteAddress: string;
}

/** @param profiles of the listeners that it may connect to: one that lets it in is enough */
export const refusalAt =
  (profiles: readonly TlsProfile[], { access }: Policy, caller: Caller) =>
  (certificate: X509Certificate): RefusalAdvice | undefined => {
    const refusals = profiles.map((profile) => refusalBy(profile, access, caller, certificate));
    return refusals.includes(undefined) ? undefined : refusals[0];
  };

function refusalBy(
  { name, clientCertificate, peers, wildcards = false, commonName = true }: TlsProfile,
  access: Policy['access'],
  { side, remoteAddress }: Caller,
  certificate: X509Certificate,
): RefusalAdvice | undefined {
  const names = certificateNames(certificate, { wildcards, commonName });
  const isListed = peers?.some((peer) => matchesName(names, peer)) ?? true;
  if (!isListed) {
    const seen = `its certificate names ${namesInDispute(certificate)}, which tls.${name}.peers has not`;
    return { seen, what: `add its name to tls.${name}.peers` };
  }
  const verifiedNames = clientCertificate === 'none' ? [] : [...names.hosts, ...names.wildcards];
  const admitted = access.sideOf({ transport: 'tls', remoteAddress, remotePort: 0, verifiedNames });
  if (admitted === side) return undefined;
  const who = `${remoteAddress} (${verifiedNames.join(', ') || 'no name that counts'})`;
  const seen = admitted === undefined ? `no rule of access lets in ${who}` : `access takes ${who} for ${admitted}`;
  return { seen, what: `a row of access: { side: ${side}, from: ${yamlScalar(verifiedNames[0] ?? remoteAddress)} }` };
}

/** Within `{ }`. A star begins an alias there; a colon that nothing follows, and JSON's quotes are YAML's. */
function yamlScalar(text: string): string {
  return /^[a-z0-9][a-z0-9._-]*$/i.test(text) ? text : JSON.stringify(text);
}

/** The same over UDP or TCP, where nothing but the address speaks for it. */
export function refusalInClear(
  { access }: Policy,
  transport: 'udp' | 'tcp',
  { side, remoteAddress }: Caller,
): RefusalAdvice | undefined {
  const admitted = access.sideOf({ transport, remoteAddress, remotePort: 0, verifiedNames: [] });
  if (admitted === side) return undefined;
  const who = `${remoteAddress} over ${transport}`;
  const seen = admitted === undefined ? `no rule of access lets in ${who}` : `access takes ${who} for ${admitted}`;
  return { seen, what: `a row of access: { side: ${side}, from: ${remoteAddress} }` };
}
