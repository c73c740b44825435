/** The parts of a PEM file (RFC 7468). Pure. */
import { X509Certificate } from 'node:crypto';

type Label = 'CERTIFICATE' | 'X509 CRL';

/** Each block with its markers: of a file that holds several, OpenSSL often reads the first only. */
export const pemBlocks = (text: string, label: Label): readonly string[] =>
  [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g)]
    .filter(([, found]) => found === label)
    .map(([block]) => block);

export const derOf = (block: string): Buffer => Buffer.from(block.replace(/-----[^-]+-----/g, ''), 'base64');

/** @throws when one of them cannot be read */
export const readCertificates = (text: string): readonly X509Certificate[] =>
  pemBlocks(text, 'CERTIFICATE').map((block) => new X509Certificate(block));

/** @throws when there is none, or one that cannot be read */
export function readAtLeastOne(text: string): readonly [X509Certificate, ...X509Certificate[]] {
  const [first, ...others] = readCertificates(text);
  if (first === undefined) throw new Error('there is no certificate');
  return [first, ...others];
}
