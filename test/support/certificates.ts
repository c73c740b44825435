/** Certificates for tests, made with openssl in a directory of their own and gone with it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestCertificate {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface CertificateWish {
  readonly commonName: string;
  /** In openssl's words: `DNS:a.example.com`, `URI:sip:example.com`, `IP:127.0.0.1`. None: no subjectAltName. */
  readonly alternativeNames?: readonly string[];
  /** Default: both, as federation peers need. None: no extended key usage at all. */
  readonly usages?: readonly ('serverAuth' | 'clientAuth' | 'anyExtendedKeyUsage')[];
  /** From now; negative: expired already. Default 30. */
  readonly days?: number;
  /** Days until it begins to be valid; default 0. */
  readonly startsInDays?: number;
  /** Signed with its own key, by nobody else. */
  readonly isSelfSigned?: boolean;
  /** Of the signature; default sha256. */
  readonly digest?: 'sha1';
}

interface ListWish {
  readonly revoked?: readonly TestCertificate[];
  /** Until the next update; negative: it should have been there already. Default 30. */
  readonly days?: number;
}

export interface TestAuthority extends TestCertificate {
  readonly directory: string;
  issue(wish: CertificateWish): TestCertificate;
  /**
   * A CA below this one; or one that issues although its certificate does not make it a CA.
   * @param constraints in openssl's words: `critical,permitted;DNS:example.com`
   */
  intermediate(commonName: string, isAuthority?: boolean, constraints?: string): TestAuthority;
  /** PEM of a certificate revocation list. */
  revocationList(wish?: ListWish): string;
  /** Deletes everything that was made. */
  remove(): void;
}

/** Makes a certification authority (EC P-256, so that it is quick). */
export function createAuthority(commonName = 'Test CA', days = 30): TestAuthority {
  const directory = newDirectory();
  const files = filesOf(directory, 'ca');
  const usage = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
  const names = ['-subj', `/CN=${commonName}`, '-keyout', files.keyFile, '-out', files.certificateFile];
  openssl('req', '-x509', ...newKey, ...names, '-days', `${days}`, ...usage);
  return authorityWith(directory, files);
}

function authorityWith(directory: string, files: Files): TestAuthority {
  writeFileSync(join(directory, 'ca.cnf'), authorityConfiguration(directory));
  writeFileSync(join(directory, 'index.txt'), '');
  let made = 0;
  const nextName = () => {
    made += 1;
    return `${made}`;
  };
  return {
    ...read(files),
    directory,
    issue: (wish) => issue(directory, nextName(), files, wish),
    intermediate(commonName, isAuthority = true, constraints = undefined) {
      const limits = constraints === undefined ? [] : [`nameConstraints=${constraints}`];
      const name = `intermediate-${nextName()}`;
      const { certificateFile, keyFile } = issue(
        directory,
        name,
        files,
        { commonName },
        isAuthority ? [...authorityExtensions, ...limits] : undefined,
      );
      return authorityWith(newDirectory(directory), { certificateFile, keyFile });
    },
    revocationList: (wish = {}) => revocationList(directory, nextName(), files, wish),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

const newDirectory = (parent = tmpdir()): string => mkdtempSync(join(parent, 'pif-router-certificates-'));

const authorityExtensions = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'];

interface Files {
  readonly certificateFile: string;
  readonly keyFile: string;
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

const filesOf = (directory: string, name: string): Files => ({
  certificateFile: join(directory, `${name}.crt`),
  keyFile: join(directory, `${name}.key`),
});

function read(files: Files): TestCertificate {
  const certificate = readFileSync(files.certificateFile, 'utf8');
  return { ...files, certificate, key: readFileSync(files.keyFile, 'utf8') };
}

/** `openssl ca` alone can date a certificate as one wishes, and make revocation lists. */
const authorityConfiguration = (directory: string): string => `[ca]
default_ca = test
[test]
database = ${directory}/index.txt
new_certs_dir = ${directory}
default_md = sha256
policy = any
unique_subject = no
rand_serial = yes
[any]
commonName = supplied
`;

function issue(
  directory: string,
  name: string,
  authority: Files,
  wish: CertificateWish,
  extensions = extensionLines(wish),
): TestCertificate {
  const files = filesOf(directory, name);
  const request = join(directory, `${name}.csr`);
  const extensionFile = join(directory, `${name}.ext`);
  writeFileSync(extensionFile, extensions.join('\n'));
  openssl('req', ...newKey, '-subj', `/CN=${wish.commonName}`, '-keyout', files.keyFile, '-out', request);
  const signer = wish.isSelfSigned === true ? { ...files, certificateFile: '' } : authority;
  const { startsInDays = 0, days = 30, digest = 'sha256' } = wish;
  const dates = ['-startdate', dayFromNow(Math.min(startsInDays, days - 1)), '-enddate', dayFromNow(days)];
  const made = ['-md', digest, '-in', request, '-out', files.certificateFile, '-notext', '-extfile', extensionFile];
  authorityCommand(directory, signer, '-batch', ...dates, ...made);
  return read(files);
}

function revocationList(
  directory: string,
  name: string,
  authority: Files,
  { revoked = [], days = 30 }: ListWish,
): string {
  const file = join(directory, `${name}.crl`);
  const database = join(directory, 'index.txt');
  // What is revoked is what this list says, whatever an earlier one said.
  const issued = readFileSync(database, 'utf8');
  for (const { certificateFile } of revoked) authorityCommand(directory, authority, '-revoke', certificateFile);
  const dates = ['-crl_lastupdate', dayFromNow(Math.min(0, days - 1)), '-crl_nextupdate', dayFromNow(days)];
  authorityCommand(directory, authority, '-gencrl', ...dates, '-out', file);
  writeFileSync(database, issued);
  return readFileSync(file, 'utf8');
}

function authorityCommand(directory: string, { certificateFile, keyFile }: Files, ...args: readonly string[]): void {
  const signer = certificateFile === '' ? ['-selfsign'] : ['-cert', certificateFile];
  openssl('ca', '-config', join(directory, 'ca.cnf'), ...signer, '-keyfile', keyFile, ...args);
}

/** `20261231235959Z`. */
const dayFromNow = (days: number): string =>
  `${new Date(Date.now() + days * 86_400_000).toISOString().replace(/[-:T]|\.\d+/g, '')}`;

function extensionLines({ alternativeNames = [], usages = ['serverAuth', 'clientAuth'] }: CertificateWish): string[] {
  return [
    'basicConstraints=CA:FALSE',
    ...(usages.length === 0 ? [] : [`extendedKeyUsage=${usages.join(',')}`]),
    ...(alternativeNames.length === 0 ? [] : [`subjectAltName=${alternativeNames.join(',')}`]),
  ];
}

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
