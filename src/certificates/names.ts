/** The identities of a certificate's holder, as SIP domains (RFC 5922 §7). Pure. */

import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { canonicalAddress, isHostName, withoutFinalDot } from '../net/host.ts';
import type { MayName } from './name-constraints.ts';

export interface CertificateNames {
  /** Host names, lower case. */
  readonly hosts: readonly string[];
  /** Where wildcards count: each as `*.example.com`, lower case; one stands for exactly one label. */
  readonly wildcards: readonly string[];
  /** IP addresses in canonical form. */
  readonly addresses: readonly string[];
  /** What `hosts` were read from. */
  readonly basis: NameBasis;
}

export type NameBasis = 'sip-uri' | 'dns' | 'common-name' | 'nothing';

/** What RFC 5922 leaves to the operator, or forbids and the operator may allow. */
export interface NameRules {
  /** §7.2 says no. */
  readonly wildcards: boolean;
  /** §7.1: a certificate without subjectAltName may be known by its common name. */
  readonly commonName: boolean;
}

export const nobody: CertificateNames = { hosts: [], wildcards: [], addresses: [], basis: 'nothing' };

type Kind = 'URI' | 'DNS' | 'IP Address';

const anyHost: MayName = () => true;

/**
 * The SIP identities of a certificate (RFC 5922 §7.1): the hosts of its sip URIs; without any, its DNS names.
 * @param mayName which hosts its CAs may speak for: asked of those in sip URIs only, for OpenSSL judges DNS and common names
 */
export function certificateNames(certificate: X509Certificate, rules: NameRules, mayName = anyHost): CertificateNames {
  const found = namesIn(certificate, rules);
  return found.basis === 'sip-uri' ? { ...found, hosts: found.hosts.filter(mayName) } : found;
}

function namesIn(certificate: X509Certificate, rules: NameRules): CertificateNames {
  const text = certificate.subjectAltName;
  if (text === undefined || text === '') return rules.commonName ? byCommonName(certificate) : nobody;
  const names = alternativeNames(text);
  const uriHosts = names.get('URI')!.flatMap(sipUriHost).map(asHost).filter(isHostName);
  const dnsNames = uriHosts.length > 0 ? [] : names.get('DNS')!;
  const hosts = uriHosts.length > 0 ? uriHosts : dnsNames.map(asHost).filter(isHostName);
  const wildcards = rules.wildcards ? dnsNames.map(asHost).filter(isWildcardName) : [];
  const addresses = names.get('IP Address')!.map(canonicalAddress);
  return { hosts, wildcards, addresses, basis: basisOf(uriHosts, [...hosts, ...wildcards]) };
}

const basisOf = (uriHosts: readonly string[], names: readonly string[]): NameBasis => {
  if (uriHosts.length > 0) return 'sip-uri';
  return names.length > 0 ? 'dns' : 'nothing';
};

/** RFC 5922 §7.2: the whole name, in any case. An IP address only matches an IP address. */
export function matchesName(names: CertificateNames, expected: string): boolean {
  if (isIP(expected) !== 0) return names.addresses.includes(canonicalAddress(expected));
  const host = asHost(expected);
  if (names.hosts.includes(host)) return true;
  const dot = host.indexOf('.');
  return dot > 0 && names.wildcards.includes(`*${host.slice(dot)}`);
}

/** For people: every name that it shows, counted or not. */
export function namesShown(certificate: X509Certificate): string {
  return certificate.subjectAltName ?? inOneLine(certificate.subject, 'no name');
}

/**
 * For people: the names of a certificate that was not the one expected. Where it has sip URIs, these are all that counts
 * (RFC 5922 §7.1), and a DNS name beside them looks as if it did.
 */
export function namesInDispute(certificate: X509Certificate): string {
  const { basis, hosts } = certificateNames(certificate, { wildcards: false, commonName: false });
  const dnsNames = alternativeNames(certificate.subjectAltName ?? '').get('DNS')!;
  if (basis !== 'sip-uri' || dnsNames.length === 0) return namesShown(certificate);
  const others = `its DNS names ${dnsNames.join(', ')} do not`;
  return `${hosts.join(', ')} by its sip URIs, which are what counts (RFC 5922 7.1; ${others})`;
}

/**
 * `C=DE, CN=Example Root`: Node puts each part on a line.
 * @param nameless what a name without parts is called
 */
export const inOneLine = (distinguishedName: string | undefined, nameless = 'nobody'): string =>
  distinguishedName?.split('\n').join(', ') ?? nameless;

/**
 * Node prints `DNS:a.example.com, URI:sip:example.com`, and a value with a comma, a quote or the like as a JSON string,
 * which no host name needs: such values are passed over.
 */
function alternativeNames(text: string): ReadonlyMap<Kind, string[]> {
  const names = new Map<Kind, string[]>([
    ['URI', []],
    ['DNS', []],
    ['IP Address', []],
  ]);
  for (const [, kind, value] of text.matchAll(/(?:^|, )([A-Za-z0-9 ]+):(?:"(?:[^"\\]|\\.)*"|([^",]*))/g)) {
    if (value !== undefined) names.get(kind as Kind)?.push(value);
  }
  return names;
}

/**
 * RFC 5922 §7.1: the sip scheme and a domain, nothing else. A URI with a user part names a person, one with a port a server's
 * port, and parameters or headers would restrict it to a use that is not checked here.
 */
function sipUriHost(uri: string): string[] {
  const host = /^sip:([^@;?:]+)$/i.exec(uri)?.[1];
  return host === undefined ? [] : [host];
}

/** All that IM&P before 10 and the certificate wizards of OCS and LCS may give. */
function byCommonName(certificate: X509Certificate): CertificateNames {
  const name = certificate.toLegacyObject().subject?.CN as string | string[] | undefined;
  const hosts = (name === undefined ? [] : [name].flat()).map(asHost).filter(isHostName);
  return hosts.length === 0 ? nobody : { ...nobody, hosts, basis: 'common-name' };
}

/** The whole leftmost label, and more than a top-level domain after it: `*.com` would match everybody. */
const isWildcardName = (name: string): boolean =>
  name.startsWith('*.') && name.slice(2).includes('.') && isHostName(name.slice(2));

const asHost = (name: string): string => withoutFinalDot(name.toLowerCase());
