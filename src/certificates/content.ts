/** What a file holds in which a certificate, key or revocation list was expected: PEM (RFC 7468) of another kind, or DER. Pure. */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { readRevocationListDer } from './revocation-list.ts';

export type ContentKind =
  | 'certificate'
  /** As `openssl x509 -trustout` writes it, or by a label from before PEM had a standard. */
  | 'certificate-by-other-label'
  | 'request'
  | 'key'
  | 'encrypted-key'
  /** In OpenSSH's own form. */
  | 'openssh-key'
  | 'public-key'
  | 'revocation-list'
  | 'pkcs7'
  | 'pkcs12';

export interface Content {
  readonly kind: ContentKind;
  /** `base64`: DER in base64, without the lines of PEM around it. `utf-16`: PEM in UTF-16. */
  readonly form: 'pem' | 'der' | 'base64' | 'utf-16';
}

/** Undefined: nothing that is known here. Of several things in a PEM file the first counts. */
export function contentOf(octets: Buffer): Content | undefined {
  const text = octets.toString('latin1');
  const pem = pemKind(text);
  if (pem !== undefined) return { kind: pem, form: 'pem' };
  const wide = pemKind(text.replaceAll('\0', ''));
  if (wide !== undefined) return { kind: wide, form: 'utf-16' };
  const der = derKind(octets);
  if (der !== undefined) return { kind: der, form: 'der' };
  const bare = text.replace(/\s/g, '');
  const inside = /^MI[A-Za-z0-9+/]{60,}={0,2}$/.test(bare) ? derKind(Buffer.from(bare, 'base64')) : undefined;
  return inside && { kind: inside, form: 'base64' };
}

const labels: ReadonlyMap<string, ContentKind> = new Map([
  ['CERTIFICATE', 'certificate'],
  ['TRUSTED CERTIFICATE', 'certificate-by-other-label'],
  ['X509 CERTIFICATE', 'certificate-by-other-label'],
  ['CERTIFICATE REQUEST', 'request'],
  ['NEW CERTIFICATE REQUEST', 'request'],
  ['PRIVATE KEY', 'key'],
  ['RSA PRIVATE KEY', 'key'],
  ['EC PRIVATE KEY', 'key'],
  ['ENCRYPTED PRIVATE KEY', 'encrypted-key'],
  ['OPENSSH PRIVATE KEY', 'openssh-key'],
  ['PUBLIC KEY', 'public-key'],
  ['RSA PUBLIC KEY', 'public-key'],
  ['X509 CRL', 'revocation-list'],
  ['PKCS7', 'pkcs7'],
  ['CMS', 'pkcs7'],
]);

function pemKind(text: string): ContentKind | undefined {
  for (const [, label = '', head = ''] of text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([\s\S]{0,80})/g)) {
    const kind = labels.get(label);
    // RFC 1421: the older form has no label of its own.
    if (kind !== undefined) return kind === 'key' && head.includes('ENCRYPTED') ? 'encrypted-key' : kind;
  }
  return undefined;
}

const derKind = (octets: Buffer): ContentKind | undefined => derKinds.find(([, isIt]) => isIt(octets))?.[0];

const derKinds: readonly (readonly [ContentKind, (octets: Buffer) => boolean])[] = [
  ['pkcs12', (octets) => insideOf(octets).startsWith('02010330')],
  // signedData, 1.2.840.113549.1.7.2
  ['pkcs7', (octets) => insideOf(octets).startsWith('06092a864886f70d010702')],
  ['certificate', canBeRead((octets) => new X509Certificate(octets))],
  ['revocation-list', canBeRead(readRevocationListDer)],
  [
    'key',
    (octets) =>
      (['pkcs8', 'pkcs1', 'sec1'] as const).some((type) =>
        canBeRead((key) => createPrivateKey({ key, format: 'der', type }))(octets),
      ),
  ],
  ['public-key', canBeRead((key) => createPublicKey({ key, format: 'der', type: 'spki' }))],
  // EncryptedPrivateKeyInfo (RFC 5958): its algorithm is of PKCS #5 or PKCS #12.
  ['encrypted-key', (octets) => /^30(?:81)?..06..2a864886f70d01(?:05|0c01)/.test(insideOf(octets))],
  // CertificationRequestInfo (RFC 2986): version 0, then a name, which is a SEQUENCE.
  ['request', (octets) => /^30(?:81..|82....|[0-7].)02010030/.test(insideOf(octets))],
];

function canBeRead(read: (octets: Buffer) => unknown): (octets: Buffer) => boolean {
  return (octets) => {
    try {
      read(octets);
      return true;
    } catch {
      return false;
    }
  };
}

/** How the content of the outermost SEQUENCE begins, in hexadecimal; its length may be indefinite, as in BER. */
function insideOf(octets: Buffer): string {
  const [tag, length = 0] = octets;
  if (tag !== 0x30) return '';
  const lengthOctets = length > 0x80 ? length & 0x7f : 0;
  return octets.subarray(2 + lengthOctets, 2 + lengthOctets + 32).toString('hex');
}
