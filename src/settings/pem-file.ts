/** Files of certificates, keys and revocation lists: what one holds in place of what is needed, and the command that converts it. */
import { type Content, type ContentKind, contentOf } from '../certificates/content.ts';
import { shellWord } from '../shell-word.ts';

/** What a setting wants its file to hold, as PEM. */
export type PemKind = 'certificate' | 'authority' | 'key' | 'revocation-list';

/** In words, and what to do. */
interface Explained {
  readonly what: string;
  readonly hint: string;
}

/**
 * What a file holds in place of what is wanted; undefined when it holds what is wanted, or nothing that is known.
 * @param file absolute, for commands that can be copied
 */
export function explainOctets(wanted: PemKind, octets: Buffer, file: string): Explained | undefined {
  const content = contentOf(octets);
  if (content === undefined) return undefined;
  const { kind, form } = content;
  const found = `this file holds ${kinds[kind].name}${formOf(content)}`;
  if (kind !== wantedKinds[wanted].kind)
    return { what: `${found}, ${contrast(kind, wanted)}`, hint: remedy(content, wanted, file) };
  return form === 'pem' ? undefined : { what: `${found}, and not in PEM`, hint: useNew(convert(content, file)) };
}

/** Why the text of a file is not what is wanted; asked when it cannot be used. */
export function explainText(wanted: PemKind, text: string, file: string): Explained {
  const explained = explainOctets(wanted, Buffer.from(text), file);
  if (explained !== undefined) return explained;
  const { name, begin, command } = wantedKinds[wanted];
  const hint = `PEM text is expected, with BEGIN ${begin}`;
  if (text.trim() === '') return { what: 'this file is empty', hint };
  if (!text.includes('-----BEGIN ')) return { what: `this file does not hold ${name}`, hint };
  const look = `openssl ${command} -in ${shellWord(file)} -noout -text`;
  return { what: `this file holds ${name} that cannot be read`, hint: `is it whole? ${look} says what is wrong` };
}

const wantedKinds: Readonly<
  Record<
    PemKind,
    { readonly kind: ContentKind; readonly name: string; readonly begin: string; readonly command: string }
  >
> = {
  certificate: { kind: 'certificate', name: 'a certificate', begin: 'CERTIFICATE', command: 'x509' },
  authority: { kind: 'certificate', name: 'the certificate of a CA', begin: 'CERTIFICATE', command: 'x509' },
  key: { kind: 'key', name: 'a private key', begin: 'PRIVATE KEY', command: 'pkey' },
  'revocation-list': {
    kind: 'revocation-list',
    name: 'a certificate revocation list',
    begin: 'X509 CRL',
    command: 'crl',
  },
};

/** `command`: of openssl, for what it can read and write as PEM. */
const kinds: Readonly<Record<ContentKind, { readonly name: string; readonly command?: string }>> = {
  certificate: { name: 'a certificate', command: 'x509' },
  'certificate-by-other-label': { name: 'a certificate under another label than BEGIN CERTIFICATE', command: 'x509' },
  request: { name: 'a certificate request (CSR)' },
  key: { name: 'a private key', command: 'pkey' },
  'encrypted-key': { name: 'an encrypted private key', command: 'pkey' },
  'openssh-key': { name: "a private key in OpenSSH's own form" },
  'public-key': { name: 'a public key' },
  'revocation-list': { name: 'a certificate revocation list', command: 'crl' },
  pkcs7: { name: 'a bundle of certificates (PKCS #7)', command: 'pkcs7 -print_certs' },
  pkcs12: { name: 'a key with its certificates (PKCS #12)' },
};

/** PKCS #12 is never anything but DER. */
const formOf = ({ kind, form }: Content): string => (kind === 'pkcs12' ? '' : forms[form]);

const forms: Readonly<Record<Content['form'], string>> = {
  pem: '',
  der: ' in DER',
  base64: ' in base64 without BEGIN and END',
  'utf-16': ' in UTF-16',
};

const contrast = (kind: ContentKind, wanted: PemKind): string =>
  kind === 'encrypted-key' && wanted === 'key'
    ? 'and nobody is there to type the passphrase'
    : `not ${wantedKinds[wanted].name}`;

const useNew = (command: string): string => `${command}, and name that file here`;

/** Never the name of a file that may be there already. */
const converted = (file: string, ending: string): string => shellWord(`${file}${ending}`);

/** The command that writes the same as PEM. */
function convert({ kind, form }: Content, file: string): string {
  const command = `openssl ${kinds[kind].command}`;
  const from = shellWord(file);
  const to = converted(file, '.pem');
  switch (form) {
    case 'pem':
      return `${command} -in ${from} -out ${to}`;
    case 'der':
      return `${command} -inform DER -in ${from} -out ${to}`;
    case 'base64':
      return `tr -d '\\r\\n' <${from} | openssl base64 -d -A | ${command} -inform DER -out ${to}`;
    case 'utf-16':
      return `tr -d '\\000' <${from} | ${command} -out ${to}`;
  }
}

/** What to do about a file that holds something else. */
function remedy(content: Content, wanted: PemKind, file: string): string {
  const { kind, form } = content;
  const from = shellWord(file);
  const isCertificateWanted = wanted === 'certificate' || wanted === 'authority';
  if (kind === 'certificate-by-other-label' && isCertificateWanted) return useNew(convert(content, file));
  if (kind === 'pkcs7' && isCertificateWanted) return useNew(convert(content, file));
  if (kind === 'pkcs12' && wanted !== 'revocation-list') return useNew(unpack(wanted, file));
  if (kind === 'encrypted-key' && wanted === 'key') return useNew(convert(content, file));
  if (kind === 'openssh-key' && wanted === 'key') return `ssh-keygen -p -N '' -m PKCS8 -f ${from} writes it as PEM`;
  if (kind === 'request') {
    const show = `openssl req ${form === 'der' ? '-inform DER ' : ''}-in ${from} -noout -text shows what it asks for`;
    return wanted === 'key'
      ? `the key was made together with it; ${show}`
      : `a CA makes the certificate of it; ${show}`;
  }
  return elsewhere(kind, wanted);
}

/** `-clcerts` is the certificate of the key; its issuers come behind it. The words for old ciphers are OpenSSL 3's. */
function unpack(wanted: PemKind, file: string): string {
  const from = `openssl pkcs12 -in ${shellWord(file)}`;
  const legacy = ', with -legacy where it says "unsupported"';
  switch (wanted) {
    case 'key':
      return `${from} -nocerts -nodes -out ${converted(file, '.key')}${legacy}`;
    case 'authority':
      return `${from} -cacerts -nokeys -out ${converted(file, '.ca.pem')}${legacy}`;
    default: {
      const to = converted(file, '.pem');
      return `${from} -clcerts -nokeys -out ${to} && ${from} -cacerts -nokeys >>${to}${legacy}`;
    }
  }
}

/** Things that cannot be converted into what is wanted have been named in the wrong place. */
function elsewhere(kind: ContentKind, wanted: PemKind): string {
  if (wanted === 'key') {
    return kind === 'public-key'
      ? 'the private key is in the file that it was made from'
      : 'the key is in the file that was made together with the request; from Windows export both as .pfx, with the private key';
  }
  if (kind === 'revocation-list') return 'it belongs into crl';
  if (kind === 'certificate' || kind === 'certificate-by-other-label') return 'it belongs into certificate or ca';
  if (kind === 'key' || kind === 'encrypted-key' || kind === 'openssh-key') {
    return 'it belongs into key; the certificate is the file that the CA has sent';
  }
  const { begin } = wantedKinds[wanted];
  return `PEM text is expected, with BEGIN ${begin}`;
}
