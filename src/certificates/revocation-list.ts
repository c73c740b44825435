/** A certificate revocation list (RFC 5280 §5): its issuer, its validity, and the certificates that it revokes. Pure. */
import { type KeyObject, verify, type X509Certificate } from 'node:crypto';
import { type DerValue, derOid, derParts, derSerial, derTag, derTime, readDer } from './der.ts';
import { derOf, pemBlocks } from './pem.ts';

export interface RevocationList {
  readonly thisUpdate: Date;
  /** After this the list is not valid, and no peer with a certificate of its CA is let in. Undefined: never. */
  readonly nextUpdate: Date | undefined;
  /** Serial numbers, as `X509Certificate.serialNumber` has them. */
  readonly revoked: ReadonlySet<string>;
  /** Whether this CA has issued and signed it. */
  isOf(authority: X509Certificate): boolean;
}

/** @throws DerError, or what Node says, when one of them cannot be read */
export const readRevocationLists = (pem: string): readonly RevocationList[] =>
  pemBlocks(pem, 'X509 CRL').map((block) => readRevocationListDer(derOf(block)));

/**
 * TBSCertList: version OPTIONAL, signature, issuer, thisUpdate, nextUpdate OPTIONAL, revokedCertificates OPTIONAL, [0].
 * @throws as above
 */
export function readRevocationListDer(octets: Buffer): RevocationList {
  const [tbs, algorithm, signature] = derParts(readDer(octets, derTag.sequence));
  const fields = [...derParts(tbs!)];
  if (fields[0]!.tag === derTag.integer) fields.shift();
  const [, issuer, thisUpdate, ...rest] = fields;
  const nextUpdate = isTime(rest[0]) ? rest.shift() : undefined;
  const revoked = rest[0]?.tag === derTag.sequence ? derParts(rest[0]).map((row) => derSerial(derParts(row)[0]!)) : [];
  const digest = digestOf(derOid(derParts(algorithm!)[0]!));
  const signed = { octets: tbs!.whole, signature: signature!.content.subarray(1), digest };
  return {
    thisUpdate: derTime(thisUpdate!),
    nextUpdate: nextUpdate && derTime(nextUpdate),
    revoked: new Set(revoked),
    isOf: (authority) => subjectOf(authority).equals(issuer!.whole) && isSignedBy(signed, authority.publicKey),
  };
}

const isTime = (value: DerValue | undefined): boolean =>
  value?.tag === derTag.utcTime || value?.tag === derTag.generalizedTime;

/** RFC 5280 §5.1.2.3: the issuer of a list is written octet by octet as the subject of its CA. */
function subjectOf(certificate: X509Certificate): Buffer {
  const fields = derParts(derParts(readDer(certificate.raw, derTag.sequence))[0]!);
  // [0] version (always there from version 2 on), serialNumber, signature, issuer, validity, subject.
  return fields[fields[0]!.tag === derTag.context0 ? 5 : 4]!.whole;
}

interface Signed {
  readonly octets: Buffer;
  readonly signature: Buffer;
  /** Null: the algorithm has its own; undefined: left to OpenSSL, which verifies every list that it uses. */
  readonly digest: string | null | undefined;
}

const isSignedBy = ({ octets, signature, digest }: Signed, key: KeyObject): boolean =>
  digest === undefined || verify(digest, octets, key, signature);

/** RSA (PKCS #1 v1.5), ECDSA and EdDSA. */
const digestOf = (oid: string): Signed['digest'] => digests[oid];

const digests: Readonly<Record<string, string | null>> = {
  '1.2.840.113549.1.1.5': 'sha1',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.1': 'sha1',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.3.101.112': null,
  '1.3.101.113': null,
};
