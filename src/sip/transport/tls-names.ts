/** Who a certificate says its holder is, as a SIP domain (RFC 5922 §7). Pure. */
import { isIP, SocketAddress } from 'node:net';
import type { PeerCertificate } from 'node:tls';

export interface CertificateNames {
  /** Host names, lower case. */
  readonly hosts: readonly string[];
  /** IP addresses in canonical form. */
  readonly addresses: readonly string[];
}

export const nobody: CertificateNames = { hosts: [], addresses: [] };

type Kind = 'URI' | 'DNS' | 'IP Address';

/**
 * The SIP identities of a certificate (RFC 5922 §7.1): the hosts of its sip URIs; without any, its DNS names; without any
 * subjectAltName, its common name, which is all that Cisco's and older Microsoft certificates carry.
 */
export function certificateNames(certificate: PeerCertificate): CertificateNames {
  const text = certificate.subjectaltname;
  if (text === undefined || text === '') return { hosts: commonNames(certificate), addresses: [] };
  const names = alternativeNames(text);
  const uriHosts = names.get('URI')!.flatMap(sipUriHost);
  return {
    hosts: (uriHosts.length > 0 ? uriHosts : names.get('DNS')!).filter(isHostName).map(asHost),
    addresses: names.get('IP Address')!.map(canonicalAddress),
  };
}

/** RFC 5922 §7.2: the whole name, in any case; no wildcards. An IP address only matches an IP address. */
export function matchesName(names: CertificateNames, expected: string): boolean {
  if (isIP(expected) !== 0) return names.addresses.includes(canonicalAddress(expected));
  return names.hosts.includes(asHost(expected));
}

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

/** RFC 5922 §7.1: only the sip scheme, and no user part: such a URI names a person. */
function sipUriHost(uri: string): string[] {
  const host = /^sip:([^@;?:]+)(?::\d+)?(?:[;?].*)?$/i.exec(uri)?.[1];
  return host === undefined ? [] : [host];
}

function commonNames(certificate: PeerCertificate): string[] {
  const name = certificate.subject?.CN as string | string[] | undefined;
  return (name === undefined ? [] : [name].flat()).filter(isHostName).map(asHost);
}

const isHostName = (name: string): boolean => /^[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?\.?$/i.test(name);

const asHost = (name: string): string => name.toLowerCase().replace(/\.$/, '');

/** `2001:DB8:0:0:0:0:0:1` and `2001:db8::1` are one address. */
function canonicalAddress(address: string): string {
  if (isIP(address) !== 6) return address;
  return new SocketAddress({ address, family: 'ipv6' }).address;
}
