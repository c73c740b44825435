/** Files that hold something else than PEM of what is wanted: each is named, and the command that converts it is tried. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { loadSnapshot } from '../../../src/config/snapshot.ts';
import { formatProblem } from '../../../src/settings/problem.ts';
import { createAuthority } from '../../support/certificates.ts';
import { folderWith, routesYaml } from '../../support/configuration.ts';

const authority = createAuthority('Test CA', 400);
afterAll(() => authority.remove());
const router = authority.issue({ commonName: 'router.example.com', days: 100 });
const list = authority.revocationList();

/** As administrators name them; no shell may see a word of it. */
const oddName = "the router's $(file) `x` \\.cer";

const openssl = (input: string | Buffer, ...args: readonly string[]): Buffer =>
  execFileSync('openssl', args, { input, stdio: 'pipe' });
const der = (pem: string, command: string) => openssl(pem, command, '-outform', 'DER');
const pkcs12 = (...more: readonly string[]) => {
  const files = ['-in', router.certificateFile, '-inkey', router.keyFile, '-certfile', authority.certificateFile];
  return openssl('', 'pkcs12', '-export', ...files, '-passout', 'pass:secret', ...more);
};
const request = openssl(
  router.key,
  'req',
  '-new',
  '-key',
  router.keyFile,
  '-subj',
  '/CN=router.example.com',
).toString();
const encryptedDer = openssl(router.key, 'pkcs8', '-topk8', '-passout', 'pass:secret', '-outform', 'DER');
const encryptedOld = openssl(router.key, 'ec', '-aes128', '-passout', 'pass:secret').toString();
const pkcs7 = (files: readonly string[], ...more: readonly string[]) =>
  openssl('', 'crl2pkcs7', '-nocrl', ...files.flatMap((file) => ['-certfile', file]), ...more);
const ownAndCa = [router.certificateFile, authority.certificateFile];
const trusted = openssl(router.certificate, 'x509', '-trustout').toString();
const publicKey = openssl(router.key, 'pkey', '-pubout').toString();
const label = ['OPENSSH', 'PRIVATE', 'KEY'].join(' ');
const openSsh = `-----BEGIN ${label}-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU=\n-----END ${label}-----\n`;

type Setting = 'certificate' | 'key' | 'ca' | 'crl' | 'ldap-ca';

const sound = { certificate: router.certificate, key: router.key, ca: authority.certificate, crl: list };

/** A folder whose `setting` names `content`, in a file with an odd name. */
function folderOf(setting: Setting, content: string | Uint8Array): string {
  const named = (each: keyof typeof sound) => JSON.stringify(each === setting ? oddName : each);
  const profile = `certificate: ${named('certificate')}, key: ${named('key')}, ca: ${named('ca')}, crl: [${named('crl')}]`;
  const ldap = `urls: [ldaps://dc1.example.com], bind-dn: CN=x, password-file: password, base: [DC=x], ca: ${JSON.stringify(oddName)}`;
  const yaml = routesYaml({
    tls: `tls: { default: { ${profile} } }`,
    x: setting === 'ldap-ca' ? `directory: { sources: [{ kind: ldap, ${ldap} }] }` : '',
  });
  return folderWith({ ...sound, password: 'secret', [oddName]: content, 'routes.yaml': yaml });
}

const problemsIn = (folder: string): readonly string[] => {
  const { problems } = loadSnapshot(join(folder, 'routes.yaml'), 1);
  return problems.map((problem) => formatProblem(problem).replace(/^\S+ /, '').replaceAll(`${folder}/`, ''));
};

const places: Readonly<Record<Setting, string>> = {
  certificate: 'tls.default.certificate',
  key: 'tls.default.key',
  ca: 'tls.default.ca',
  crl: 'tls.default.crl[0]',
  'ldap-ca': 'directory.sources[0].ca',
};

describe('with the command that converts it', () => {
  const convertible: readonly (readonly [Setting, string | Buffer, string])[] = [
    ['certificate', der(router.certificate, 'x509'), 'a certificate in DER, and not in PEM'],
    [
      'certificate',
      der(router.certificate, 'x509').toString('base64').replace(/.{64}/g, '$&\r\n'),
      'a certificate in base64 without BEGIN and END, and not in PEM',
    ],
    ['certificate', Buffer.from(router.certificate, 'utf16le'), 'a certificate in UTF-16, and not in PEM'],
    ['certificate', pkcs12(), 'a key with its certificates (PKCS #12), not a certificate'],
    ['certificate', pkcs12('-legacy'), 'a key with its certificates (PKCS #12), not a certificate'],
    ['certificate', pkcs7(ownAndCa), 'a bundle of certificates (PKCS #7), not a certificate'],
    ['certificate', trusted, 'a certificate under another label than BEGIN CERTIFICATE, not a certificate'],
    ['key', der(router.key, 'pkey'), 'a private key in DER, and not in PEM'],
    ['key', der(router.key, 'ec'), 'a private key in DER, and not in PEM'],
    ['key', pkcs12(), 'a key with its certificates (PKCS #12), not a private key'],
    ['key', encryptedDer, 'an encrypted private key in DER, and nobody is there to type the passphrase'],
    ['key', encryptedOld, 'an encrypted private key, and nobody is there to type the passphrase'],
    ['ca', der(authority.certificate, 'x509'), 'a certificate in DER, and not in PEM'],
    ['ca', pkcs12(), 'a key with its certificates (PKCS #12), not the certificate of a CA'],
    [
      'ca',
      pkcs7([authority.certificateFile], '-outform', 'DER'),
      'a bundle of certificates (PKCS #7) in DER, not the certificate of a CA',
    ],
    ['crl', der(list, 'crl'), 'a certificate revocation list in DER, and not in PEM'],
    ['ldap-ca', der(authority.certificate, 'x509'), 'a certificate in DER, and not in PEM'],
    ['ldap-ca', pkcs7(ownAndCa), 'a bundle of certificates (PKCS #7), not the certificate of a CA'],
  ];

  test.each(convertible)('%s %#', (setting, content, found) => {
    const folder = folderOf(setting, content);
    const [said = '', ...more] = problemsIn(folder);
    expect(more).toEqual([]);
    expect(said).toContain(`error: ${places[setting]}: `);
    expect(said).toContain(`: this file holds ${found} (`);
    const hint = said.slice(said.indexOf(found) + found.length + 2);
    const [command = ''] = /^.*?(?=, with -legacy|, and name that file here)/.exec(hint) ?? [];
    const asked = command
      .replaceAll('openssl pkcs12', `openssl pkcs12 -passin pass:secret${command.includes('pkcs12') ? ' -legacy' : ''}`)
      .replaceAll('openssl pkey', 'openssl pkey -passin pass:secret');
    execFileSync('sh', ['-c', asked], { cwd: folder, stdio: 'pipe' });
    const ending = {
      certificate: '.pem',
      key: said.includes('#12') ? '.key' : '.pem',
      ca: said.includes('#12') ? '.ca.pem' : '.pem',
      crl: '.pem',
      'ldap-ca': '.pem',
    };
    writeFileSync(join(folder, oddName), readFileSync(join(folder, `${oddName}${ending[setting]}`)));
    expect(problemsIn(folder)).toEqual([]);
  });
});

describe('in the wrong place', () => {
  const certificateHint = 'it belongs into key; the certificate is the file that the CA has sent';
  const keyHint =
    'the key is in the file that was made together with the request; from Windows export both as .pfx, with the private key';
  const misplaced: readonly (readonly [Setting, string | Buffer, string, string])[] = [
    [
      'certificate',
      request,
      'a certificate request (CSR), not a certificate',
      'a CA makes the certificate of it; openssl req -in',
    ],
    [
      'key',
      request,
      'a certificate request (CSR), not a private key',
      'the key was made together with it; openssl req -in',
    ],
    [
      'certificate',
      der(request, 'req'),
      'a certificate request (CSR) in DER, not a certificate',
      'openssl req -inform DER -in',
    ],
    ['certificate', router.key, 'a private key, not a certificate', certificateHint],
    ['ca', openSsh, "a private key in OpenSSH's own form, not the certificate of a CA", certificateHint],
    ['certificate', list, 'a certificate revocation list, not a certificate', 'it belongs into crl'],
    ['key', router.certificate, 'a certificate, not a private key', keyHint],
    ['key', pkcs7(ownAndCa), 'a bundle of certificates (PKCS #7), not a private key', keyHint],
    ['key', publicKey, 'a public key, not a private key', 'the private key is in the file that it was made from'],
    ['key', openSsh, "a private key in OpenSSH's own form, not a private key", "ssh-keygen -p -N '' -m PKCS8 -f"],
    [
      'crl',
      authority.certificate,
      'a certificate, not a certificate revocation list',
      'it belongs into certificate or ca',
    ],
    ['ldap-ca', authority.key, 'a private key, not the certificate of a CA', certificateHint],
  ];

  test.each(misplaced)('%s %#', (setting, content, found, hint) => {
    const said = problemsIn(folderOf(setting, content));
    expect(said).toEqual([expect.stringContaining(`: this file holds ${found} (`)]);
    expect(said[0]).toContain(hint);
  });
});

describe('that nothing can be made of', () => {
  test.each<[Setting, string | Buffer, string]>([
    ['certificate', '', 'this file is empty (PEM text is expected, with BEGIN CERTIFICATE)'],
    ['key', 'nonsense', 'this file does not hold a private key (PEM text is expected, with BEGIN PRIVATE KEY)'],
    [
      'ldap-ca',
      'PEM',
      'this file does not hold the certificate of a CA (PEM text is expected, with BEGIN CERTIFICATE)',
    ],
    ['crl', 'x', 'this file does not hold a certificate revocation list (PEM text is expected, with BEGIN X509 CRL)'],
    [
      'ca',
      authority.certificate.replace(/\n.*\n(-----END)/, '\n$1'),
      'this file holds the certificate of a CA that cannot be read (is it whole? openssl x509 -in',
    ],
  ])('%s %#', (setting, content, what) => {
    expect(problemsIn(folderOf(setting, content))).toEqual([expect.stringContaining(`: ${what}`)]);
  });

  test('is never said to become a certificate by saving it as UTF-8', () => {
    for (const setting of Object.keys(places) as Setting[]) {
      for (const content of [der(router.certificate, 'x509'), pkcs12(), der(list, 'crl'), der(request, 'req')]) {
        expect(problemsIn(folderOf(setting, content)).join()).not.toContain('UTF-8');
      }
    }
  });
});

test('a certificate in UTF-16 with a byte order mark, as PowerShell writes it, is read', () =>
  expect(problemsIn(folderOf('certificate', Buffer.from(`\ufeff${router.certificate}`, 'utf16le')))).toEqual([]));
