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
  /** Default: both, as federation peers need. */
  readonly usages?: readonly ('serverAuth' | 'clientAuth')[];
  /** From now; negative: expired already. Default 30. */
  readonly days?: number;
}

export interface TestAuthority extends TestCertificate {
  readonly directory: string;
  issue(wish: CertificateWish): TestCertificate;
  /** Deletes everything that was made. */
  remove(): void;
}

/** Makes a certification authority (EC P-256, so that it is quick). */
export function createAuthority(commonName = 'Test CA'): TestAuthority {
  const directory = mkdtempSync(join(tmpdir(), 'pif-router-certificates-'));
  const files = filesOf(directory, 'ca');
  const usage = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
  const names = ['-subj', `/CN=${commonName}`, '-keyout', files.keyFile, '-out', files.certificateFile];
  openssl('req', '-x509', ...newKey, ...names, '-days', '30', ...usage);
  let issued = 0;
  return {
    ...read(files),
    directory,
    issue: (wish) => {
      issued += 1;
      return issue(directory, `${issued}`, files, wish);
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

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

function issue(directory: string, name: string, authority: Files, wish: CertificateWish): TestCertificate {
  const files = filesOf(directory, name);
  const request = join(directory, `${name}.csr`);
  const extensions = join(directory, `${name}.ext`);
  writeFileSync(extensions, extensionLines(wish).join('\n'));
  openssl('req', ...newKey, '-subj', `/CN=${wish.commonName}`, '-keyout', files.keyFile, '-out', request);
  const signer = ['-CA', authority.certificateFile, '-CAkey', authority.keyFile, '-CAcreateserial'];
  const days = String(wish.days ?? 30);
  openssl(
    'x509',
    '-req',
    '-in',
    request,
    ...signer,
    '-days',
    days,
    '-extfile',
    extensions,
    '-out',
    files.certificateFile,
  );
  return read(files);
}

function extensionLines({ alternativeNames = [], usages = ['serverAuth', 'clientAuth'] }: CertificateWish): string[] {
  const lines = ['basicConstraints=CA:FALSE', `extendedKeyUsage=${usages.join(',')}`];
  return alternativeNames.length === 0 ? lines : [...lines, `subjectAltName=${alternativeNames.join(',')}`];
}

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
