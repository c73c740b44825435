/** What peers will find wrong with a certificate of ours, before one of them is asked. Pure. */
import type { X509Certificate } from 'node:crypto';
import { inOneLine, namesShown } from '../certificates/names.ts';
import { isNamedIn } from '../certificates/own-name.ts';
import { readCertificates } from '../certificates/pem.ts';
import { missingPurposes } from '../certificates/purposes.ts';
import { type Validity, validityOf } from '../certificates/validity.ts';
import type { Side } from '../routing/types.ts';
import { shellWord } from '../shell-word.ts';
import { commonNameOf, endOfChain } from './chain-end.ts';
import { error, type Finding, type FindingCode, type RemedyStep, warning, well } from './finding.ts';
import { atAuthority, expectOurName, type Identity, onRouter } from './remedies.ts';

/** The PEM texts of a TLS profile, and which peers will check them. */
interface OwnCertificate {
  readonly profile: string;
  readonly certificate: string;
  readonly ca: string;
  /** Our names in Via where this profile is used: each must be in the certificate. */
  readonly names: readonly string[];
  /** Those that see it. */
  readonly sides: ReadonlySet<Side>;
  readonly identity: Identity;
}

export interface Today {
  readonly now: Date;
  readonly warnBeforeMs: number;
}

export function judgeOwnCertificate(own: OwnCertificate, today: Today): readonly Finding[] {
  const sent = readCertificates(own.certificate);
  const trusted = readCertificates(own.ca);
  const leaf = sent[0]!;
  const askForNew = newCertificate(own);
  return [
    judgeDates('own-certificate-dates', sent, today, askForNew),
    judgeNames(leaf, own, askForNew),
    ...judgeCommonName(leaf, own),
    judgePurposes(leaf, askForNew),
    ...judgeKey(leaf, own, askForNew),
    judgeChain(sent, trusted, own.profile),
    judgeDates('trusted-certificate-dates', trusted, today, onRouter(`renew it in the file of tls.${own.profile}.ca`)),
  ];
}

const newCertificate = ({ names, profile }: OwnCertificate): RemedyStep =>
  atAuthority(
    `have a new one signed, with a template for server and client authentication: certs/make-csr.sh ${names.map(shellWord).join(' ')}; then put it in place of the file of tls.${profile}.certificate, with its key`,
  );

/** Judges the one that is not valid yet, else the one that ends first: the chain lasts no longer than that. */
function judgeDates(
  code: FindingCode,
  certificates: readonly X509Certificate[],
  { now, warnBeforeMs }: Today,
  step: RemedyStep,
): Finding {
  const byEnd = certificates.toSorted((a, b) => a.validToDate.getTime() - b.validToDate.getTime());
  const certificate = byEnd.find(({ validFromDate }) => validFromDate > now) ?? byEnd[0]!;
  return tellValidity(code, certificate, validityOf(certificate, now, warnBeforeMs), step);
}

export function tellValidity(
  code: FindingCode,
  certificate: X509Certificate,
  { state, text }: Validity,
  step: RemedyStep,
): Finding {
  const seen = `the certificate of ${inOneLine(certificate.subject)} ${text}`;
  if (state === 'valid') return well(code, seen);
  if (state === 'ends-soon') return warning(code, seen, step);
  return error(code, seen, step, ...(state === 'not-yet' ? [onRouter('or is the clock of this machine wrong?')] : []));
}

/** Microsoft looks for the destination of its static route among the DNS names or in the common name. Neither side reads sip URIs. */
function judgeNames(leaf: X509Certificate, { names }: OwnCertificate, step: RemedyStep): Finding {
  const missing = names.filter((name) => !isNamedIn(leaf, name));
  if (missing.length === 0) return well('own-names', `it is good for ${names.join(', ')}`);
  return error('own-names', `${missing.join(', ')} is not among its names (${namesShown(leaf)})`, step);
}

function judgeCommonName(leaf: X509Certificate, { names, sides, identity }: OwnCertificate): readonly Finding[] {
  if (!sides.has('cisco')) return [];
  const commonName = commonNameOf(leaf);
  if (commonName !== undefined && names.includes(commonName))
    return [well('own-common-name', `Cisco will compare its common name, ${commonName}, with the TLS peer subjects`)];
  const seen = `its common name is ${commonName ?? 'missing'}, not ${names[0]}: Cisco compares nothing else`;
  return [warning('own-common-name', seen, expectOurName('cisco', { ...identity, commonName }))];
}

function judgePurposes(leaf: X509Certificate, step: RemedyStep): Finding {
  const missing = missingPurposes(leaf);
  if (missing.length === 0) return well('own-purposes', 'it is good for servers and for clients');
  return error('own-purposes', `it is not made for ${missing.join(' and ')}: peers need both`, step);
}

const shortestRsaBits = 2_048;

function judgeKey(leaf: X509Certificate, { sides }: OwnCertificate, step: RemedyStep): readonly Finding[] {
  const { asymmetricKeyType, asymmetricKeyDetails } = leaf.publicKey;
  if (asymmetricKeyType === 'rsa') {
    const bits = asymmetricKeyDetails?.modulusLength ?? 0;
    if (bits >= shortestRsaBits) return [well('own-key', `its key is RSA with ${bits} bits`)];
    return [warning('own-key', `its key has ${bits} bits, fewer than ${shortestRsaBits}`, step)];
  }
  if (!sides.has('microsoft')) return [];
  const seen = `its key is ${asymmetricKeyType}, not RSA: Lync and OCS have no elliptic-curve ciphers`;
  return [warning('own-key', seen, step)];
}

function judgeChain(sent: readonly X509Certificate[], trusted: readonly X509Certificate[], profile: string): Finding {
  const end = endOfChain(sent, trusted);
  const file = `the file of tls.${profile}.certificate`;
  switch (end.kind) {
    case 'complete':
      return well('own-chain', `it leads to ${inOneLine(end.root.subject)}`);
    case 'not-sent': {
      const name = inOneLine(end.intermediate.subject);
      const seen = `${file} lacks the intermediate ${name}: peers without it cannot verify us`;
      return warning('own-chain', seen, onRouter(`append it to ${file}: it stands in that of tls.${profile}.ca`));
    }
    case 'unknown': {
      const seen = `neither ${file} nor the one of ca holds ${end.issuer}, who signed it`;
      return warning(
        'own-chain',
        seen,
        onRouter(`append it to ${file} if it is an intermediate, to ca if it is the root`),
      );
    }
  }
}
