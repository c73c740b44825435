/** What is wrong with the certificate that a next hop shows. Pure. */
import type { X509Certificate } from 'node:crypto';
import { allowedBy } from '../certificates/name-constraints.ts';
import { certificateNames, inOneLine, matchesName, type NameRules, namesInDispute } from '../certificates/names.ts';
import { missingPurposes } from '../certificates/purposes.ts';
import { validityOf } from '../certificates/validity.ts';
import type { Side } from '../routing/types.ts';
import type { Secured } from './contact.ts';
import { error, type Finding, warning, well } from './finding.ts';
import { type Today, tellValidity } from './own-certificate.ts';
import { onRouter, renewItsCertificate } from './remedies.ts';

export interface Expected {
  readonly side: Side;
  /** The certificate must have one of these (RFC 5922 §7.3); empty: any name will do. */
  readonly names: readonly string[];
  /** From the TLS profile. */
  readonly rules: NameRules;
  readonly domains: readonly string[];
  readonly profile: string;
  /** Whether a listener refuses peers without a certificate that is good for clients. */
  readonly mustBeClient: boolean;
  /** Why a listener of ours would refuse a peer with this certificate; undefined: it would not. */
  readonly refusalOf: (certificate: X509Certificate) => RefusalAdvice | undefined;
}

/** What was seen, and what to do here. */
export interface RefusalAdvice {
  readonly seen: string;
  readonly what: string;
}

export function judgePeerCertificate(secured: Secured, expected: Expected, today: Today): readonly Finding[] {
  const leaf = secured.chain[0];
  if (leaf === undefined) return [error('peer-chain', 'it shows no certificate', renewItsCertificate(expected.side))];
  return [
    ...judgeTrust(secured, expected),
    judgeDates(secured, expected, today),
    ...judgeName(secured, expected),
    judgePurposes(secured, expected),
    judgeAccess(leaf, expected),
  ];
}

/** Each of these has a finding of its own that says more. */
const toldElsewhere = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID', 'INVALID_PURPOSE']);

const withoutIssuer = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);

/** Faults of our revocation lists, not of the peer's certificate. */
const aboutLists = new Map([
  ['UNABLE_TO_GET_CRL', 'add the list of its CA to'],
  ['CRL_HAS_EXPIRED', 'fetch the new list of its CA for'],
  ['CRL_NOT_YET_VALID', 'is the clock of this machine right? Else fetch the list of its CA anew for'],
]);

function judgeTrust({ fault, chain }: Secured, { side, profile }: Expected): readonly Finding[] {
  const last = inOneLine(chain.at(-1)?.subject);
  const file = `the file of tls.${profile}.ca`;
  if (fault === undefined) return [well('peer-chain', `its certificate leads to ${last}, whom ${file} trusts`)];
  if (toldElsewhere.has(fault)) return [];
  if (withoutIssuer.has(fault)) {
    const issuer = inOneLine(chain.at(-1)?.issuer);
    const seen = `${issuer}, who signed its certificate, is neither sent along nor in ${file}`;
    const forRoot = onRouter(`add it to ${file} if it is a root`);
    return [error('peer-chain', seen, forRoot, installIntermediate(side))];
  }
  if (fault === 'DEPTH_ZERO_SELF_SIGNED_CERT')
    return [error('peer-chain', 'its certificate is signed by itself', renewItsCertificate(side))];
  if (fault === 'SELF_SIGNED_CERT_IN_CHAIN')
    return [
      error('peer-chain', `its certificate leads to ${last}, whom ${file} does not trust`, onRouter(`add ${last}`)),
    ];
  const list = aboutLists.get(fault);
  const step = list === undefined ? renewItsCertificate(side) : onRouter(`${list} tls.${profile}.crl`);
  return [error('peer-chain', `its certificate is refused: ${fault}`, step)];
}

const installIntermediate = (side: Side) =>
  side === 'cisco'
    ? ({
        on: 'Cisco IM&P',
        what: 'if it is an intermediate, upload it as cup-trust too, so that it is sent along',
      } as const)
    : ({
        on: 'Microsoft Front End',
        what: 'if it is an intermediate, put it where it is sent from: Import-Certificate -FilePath ca.crt -CertStoreLocation Cert:\\LocalMachine\\CA',
      } as const);

function judgeDates({ chain }: Secured, { side }: Expected, { now, warnBeforeMs }: Today): Finding {
  const judged = chain.map((certificate) => ({ certificate, validity: validityOf(certificate, now, warnBeforeMs) }));
  const { certificate, validity } = judged.find((each) => each.validity.state !== 'valid') ?? judged[0]!;
  return tellValidity('peer-certificate-dates', certificate, validity, renewItsCertificate(side));
}

function judgeName({ chain }: Secured, { side, names: wanted, rules, domains }: Expected): readonly Finding[] {
  if (wanted.length === 0) return [];
  const leaf = chain[0]!;
  const names = certificateNames(leaf, rules, allowedBy(chain.slice(1)));
  const proved = wanted.find((name) => matchesName(names, name));
  if (proved !== undefined) return [well('peer-name', `its certificate names ${proved}`)];
  const other = names.hosts.find((host) => !domains.includes(host));
  const isDomain = other === undefined && names.hosts.length > 0;
  const why = isDomain ? '; that is the SIP domain, where a host is wanted' : '';
  const here = other === undefined ? [] : [onRouter(`tls-name: ${other} on the route, if that is the right host`)];
  const seen = `its certificate names ${namesInDispute(leaf)}, not ${wanted.join(' or ')}${why}`;
  return [error('peer-name', seen, ...here, renewItsCertificate(side))];
}

function judgePurposes({ chain }: Secured, { side, mustBeClient }: Expected): Finding {
  const missing = missingPurposes(chain[0]!);
  if (missing.length === 0) return well('peer-purposes', 'its certificate is good for servers and for clients');
  const isFatal = missing.includes('serverAuth') || mustBeClient;
  const seen = `its certificate is not made for ${missing.join(' and ')}${
    missing.includes('serverAuth') ? '' : ': it cannot connect to us with it'
  }`;
  return (isFatal ? error : warning)('peer-purposes', seen, renewItsCertificate(side));
}

/** A next hop usually connects to us too; then the profile of our listener and the access rules judge its certificate. */
const judgeAccess = (leaf: X509Certificate, { side, refusalOf }: Expected): Finding =>
  tellAccess(side, refusalOf(leaf));

export function tellAccess(side: Side, refusal: RefusalAdvice | undefined): Finding {
  if (refusal === undefined) return well('peer-access', `it may connect to us, as ${side}`);
  return warning('peer-access', `it could not connect to us: ${refusal.seen}`, onRouter(refusal.what));
}
