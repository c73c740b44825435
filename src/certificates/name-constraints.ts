/**
 * What CAs may say about hosts (RFC 5280 §4.2.1.10). OpenSSL holds DNS names and common names against the constraints
 * for DNS names; a host in a sip URI is as much a host, and must not be a way around them. Pure.
 */
import type { X509Certificate } from 'node:crypto';
import { DerError, type DerValue, derOid, derParts, derTag, readDer } from './der.ts';

export type MayName = (host: string) => boolean;

interface Constraints {
  /** Undefined: every host but those excluded. */
  readonly permitted: readonly string[] | undefined;
  readonly excluded: readonly string[];
}

/** @param authorities those that lead from a certificate to its root: all of them must agree */
export function allowedBy(authorities: readonly X509Certificate[]): MayName {
  const all = authorities.map(constraintsOf);
  return (host) =>
    all.every(({ permitted, excluded }) => {
      const isWithin = (base: string) => within(host, base);
      return (permitted?.some(isWithin) ?? true) && !excluded.some(isWithin);
    });
}

/** `example.com` stands for itself and all below; `.example.com`, as some CAs write it, for all below only. */
function within(host: string, base: string): boolean {
  if (base === '' || host === base) return true;
  return host.endsWith(base.startsWith('.') ? base : `.${base}`);
}

const oidOfConstraints = '2.5.29.30';

const nothing: Constraints = { permitted: [], excluded: [] };

/** What cannot be read allows nothing. */
function constraintsOf(authority: X509Certificate): Constraints {
  try {
    return readConstraints(extensionOf(authority, oidOfConstraints));
  } catch (error) {
    if (error instanceof DerError) return nothing;
    throw error;
  }
}

/** NameConstraints ::= SEQUENCE { permittedSubtrees [0] OPTIONAL, excludedSubtrees [1] OPTIONAL } */
function readConstraints(value: DerValue | undefined): Constraints {
  const lists = value === undefined ? [] : derParts(readDer(value.content, derTag.sequence));
  const basesIn = (tag: number) => lists.filter((list) => list.tag === tag).flatMap(dnsBases);
  const permitted = basesIn(derTag.context0);
  return { permitted: permitted.length === 0 ? undefined : permitted, excluded: basesIn(derTag.context1) };
}

/** GeneralSubtree ::= SEQUENCE { base GeneralName, ... }; a list without DNS names says nothing of hosts. */
const dnsBases = (list: DerValue): readonly string[] =>
  derParts(list)
    .map((subtree) => derParts(subtree)[0])
    .filter((base) => base?.tag === derTag.dnsName)
    .map((base) => base!.content.toString('latin1').toLowerCase());

/** The octets of an extension's value: Certificate, TBSCertificate, [3], Extensions, Extension. */
function extensionOf({ raw }: X509Certificate, oid: string): DerValue | undefined {
  const fields = derParts(derParts(readDer(raw, derTag.sequence))[0]!);
  const wrapped = fields.find(({ tag }) => tag === derTag.context3);
  const extensions = wrapped === undefined ? [] : derParts(derParts(wrapped)[0]!);
  const found = extensions.map(derParts).find(([id]) => id !== undefined && derOid(id) === oid);
  return found?.at(-1);
}
