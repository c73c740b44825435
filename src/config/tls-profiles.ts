/** TLS profiles: the files that they name are read, and judged before a peer meets them. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { type Finding, judgeDates, judgeName, judgePurposes } from './certificate.ts';
import { readNamedFile } from './named-file.ts';
import type { Item } from './reader.ts';
import type { Report } from './report.ts';
import { checkIsPrivate } from './secret.ts';
import { type RoutesFile, type TlsRow, usualTlsProfile } from './shape.ts';
import { suggestion } from './suggest.ts';

/** What a listener and a connection to a next hop need; certificate, key and CA are the files' PEM text. */
export interface TlsProfile {
  readonly name: string;
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
  readonly clientCertificate: 'required' | 'optional' | 'none';
  readonly minVersion: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  /** OpenSSL cipher list; that of Node when left out. */
  readonly ciphers?: string;
  readonly legacy: boolean;
}

/** What the files are judged against. */
export interface Surroundings {
  /** Relative paths in routes.yaml start here. */
  readonly folder: string;
  readonly now: Date;
  /** A certificate that ends within this time is worth a word. */
  readonly warnBeforeMs: number;
}

/** The usable profiles, by name. What is wrong with the others, and what soon will be, is in `report`. */
export function readTlsProfiles(
  file: RoutesFile,
  report: Report,
  surroundings: Surroundings,
): ReadonlyMap<string, TlsProfile> {
  const profiles = new Map<string, TlsProfile>();
  // A profile that extends another is read behind it.
  const rows = [...file.tls].sort(([, a], [, b]) => Number(a.extends !== undefined) - Number(b.extends !== undefined));
  for (const [name, row] of rows) {
    const base = row.extends === undefined ? undefined : profiles.get(row.extends);
    if (row.extends !== undefined) checkBase(name, row.extends, file.tls, report);
    if (row.extends !== undefined && base === undefined) continue;
    const profile = new ProfileReader(name, row, base, report, surroundings).read(file.node.name);
    if (profile !== undefined) profiles.set(name, profile);
  }
  return profiles;
}

/** A listener or route with transport tls uses a profile that exists; any other uses none. */
export function checkTlsUse(
  { path, value }: Item<{ readonly transport: string; readonly tls: string | undefined }>,
  profiles: readonly string[],
  report: Report,
): void {
  if (value.transport !== 'tls') {
    if (value.tls !== undefined && value.transport !== 'any')
      report.error([...path, 'tls'], `this has no meaning with transport ${value.transport}`, 'remove it');
    if (value.tls === undefined || value.transport !== 'any') return;
  }
  const name = value.tls ?? usualTlsProfile;
  if (profiles.includes(name) || !report.isSound('tls', name)) return;
  const hint = profiles.length === 0 ? 'there is no section "tls"' : suggestion(name, profiles);
  report.error([...path, 'tls'], `there is no TLS profile "${name}"`, hint);
}

function checkBase(name: string, base: string, rows: ReadonlyMap<string, TlsRow>, report: Report): void {
  const path = ['tls', name, 'extends'];
  const others = [...rows.keys()].filter((other) => other !== name);
  const further = rows.get(base)?.extends;
  if (base === name) report.error(path, 'a profile cannot extend itself');
  else if (!rows.has(base)) report.error(path, `there is no TLS profile "${base}"`, suggestion(base, others));
  else if (further !== undefined)
    report.error(path, `"${base}" itself extends "${further}"`, `extend "${further}" directly`);
}

const developmentHint = 'certs/make-dev-certs.sh makes certificates for development';

type FileSetting = 'certificate' | 'key' | 'ca';

/** The files of one profile as text; those that it takes over were judged where they were named. */
interface Files {
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
}

class ProfileReader {
  readonly #name: string;
  readonly #row: TlsRow;
  readonly #base: TlsProfile | undefined;
  readonly #report: Report;
  readonly #surroundings: Surroundings;

  constructor(name: string, row: TlsRow, base: TlsProfile | undefined, report: Report, surroundings: Surroundings) {
    this.#name = name;
    this.#row = row;
    this.#base = base;
    this.#report = report;
    this.#surroundings = surroundings;
  }

  read(nodeName: string): TlsProfile | undefined {
    const files = { certificate: this.#text('certificate'), key: this.#text('key'), ca: this.#text('ca') };
    const certificate = this.#parse('certificate', files.certificate, (pem) => new X509Certificate(pem));
    const key = this.#parse('key', files.key, createPrivateKey);
    const authority = this.#parse('ca', files.ca, (pem) => new X509Certificate(pem));
    if (authority !== undefined) this.#tell('ca', judgeDates(authority, this.#surroundings));
    if (certificate !== undefined) this.#judgeCertificate(certificate, nodeName);
    if (files.key !== undefined) this.#checkKeyIsPrivate();
    const isPair = certificate !== undefined && key !== undefined && this.#checkPair(certificate, key);
    return this.#checkCiphers() && isPair && authority !== undefined ? this.#profile(files as Files) : undefined;
  }

  #text(setting: FileSetting): string | undefined {
    const named = this.#row[setting];
    if (named === undefined) {
      if (this.#base === undefined)
        this.#error(setting, 'this setting is missing', 'it has no default: name a PEM file');
      return this.#base?.[setting];
    }
    return readNamedFile(named, this.#path(setting), this.#report, this.#surroundings.folder, developmentHint);
  }

  #parse<Value>(setting: FileSetting, pem: string | undefined, parse: (pem: string) => Value): Value | undefined {
    if (pem === undefined) return undefined;
    try {
      return parse(pem);
    } catch {
      this.#error(setting, ...whyNotPem(setting, pem));
      return undefined;
    }
  }

  #judgeCertificate(certificate: X509Certificate, nodeName: string): void {
    const findings = [...judgeDates(certificate, this.#surroundings), ...judgePurposes(certificate)];
    this.#tell('certificate', nodeName === '' ? findings : [...findings, ...judgeName(certificate, nodeName)]);
  }

  #checkPair(certificate: X509Certificate, key: KeyObject): boolean {
    if (certificate.checkPrivateKey(key)) return true;
    this.#error('key', 'this key does not belong to the certificate', 'were both renewed?');
    return false;
  }

  #checkKeyIsPrivate(): void {
    const file = this.#row.key;
    if (file === undefined) return;
    checkIsPrivate('private key', file, this.#path('key'), this.#report, this.#surroundings.folder);
  }

  #checkCiphers(): boolean {
    const { ciphers } = this.#row;
    if (ciphers === undefined) return true;
    try {
      createSecureContext({ ciphers });
      return true;
    } catch {
      this.#report.error(
        this.#path('ciphers'),
        'OpenSSL knows no cipher in this list',
        'try it with: openssl ciphers LIST',
      );
      return false;
    }
  }

  #profile(files: Files): TlsProfile {
    const row = this.#row;
    const base = this.#base;
    const ciphers = row.ciphers ?? base?.ciphers;
    return {
      name: this.#name,
      ...files,
      clientCertificate: row['client-certificate'] ?? base?.clientCertificate ?? 'required',
      minVersion: row['min-version'] ?? base?.minVersion ?? 'TLSv1.2',
      ...(ciphers === undefined ? {} : { ciphers }),
      legacy: row.legacy ?? base?.legacy ?? false,
    };
  }

  /** Only about files that this profile names itself: the others were judged in the profile that it extends. */
  #tell(setting: FileSetting, findings: readonly Finding[]): void {
    if (this.#row[setting] === undefined) return;
    for (const { severity, what, hint } of findings) this.#report[severity](this.#path(setting), what, hint);
  }

  #error(setting: FileSetting, what: string, hint?: string): void {
    this.#report.error(this.#path(setting), what, hint);
  }

  readonly #path = (setting: string) => ['tls', this.#name, setting];
}

function whyNotPem(setting: FileSetting, text: string): [string, string] {
  // `BEGIN ENCRYPTED PRIVATE KEY` (RFC 5958) and `Proc-Type: 4,ENCRYPTED` (RFC 1421).
  if (setting === 'key' && text.includes('ENCRYPTED')) {
    return ['this key is encrypted, and nobody is there to type the passphrase', 'openssl pkey -in KEY -out PLAIN-KEY'];
  }
  const kind = setting === 'key' ? 'private key' : 'certificate';
  return [`this file holds no usable ${kind}`, `PEM text is expected, with BEGIN ${kind.toUpperCase()}`];
}
