/** TLS profiles: the files that they name are read, and judged before a peer meets them. */
import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import { readAtLeastOne, readCertificates } from '../certificates/pem.ts';
import { usualTlsProfile } from '../routing/routes/destination.ts';
import { readNamedFile, resolvePath } from '../settings/named-file.ts';
import { explainText, type PemKind } from '../settings/pem-file.ts';
import type { Item } from '../settings/reader.ts';
import type { Report } from '../settings/report.ts';
import { checkIsPrivate } from '../settings/secret.ts';
import { suggestion } from '../settings/suggest.ts';
import type { TlsProfile } from '../sip/transport/settings.ts';
import {
  type CertificateProblem,
  judgeAuthorities,
  judgeChain,
  judgeDates,
  judgeName,
  judgePurposes,
} from './certificate.ts';
import { ownScript } from './own-command.ts';
import { checkRevocationLists } from './revocation-lists.ts';
import type { RoutesFile, TlsRow } from './shape.ts';

/** With nothing left to the transport's own defaults. */
type WholeProfile = TlsProfile &
  Required<Pick<TlsProfile, 'crl' | 'commonName' | 'wildcards' | 'maxVersion' | 'legacy'>>;

/** From old to new. */
const versions = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;

/** What the files are judged against. */
interface ProfileParts {
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
  parts: ProfileParts,
): ReadonlyMap<string, WholeProfile> {
  const profiles = new Map<string, WholeProfile>();
  // A profile that extends another is read behind it.
  const rows = [...file.tls].sort(([, a], [, b]) => Number(a.extends !== undefined) - Number(b.extends !== undefined));
  for (const [name, row] of rows) {
    const base = row.extends === undefined ? undefined : profiles.get(row.extends);
    if (row.extends !== undefined) checkBase(name, row.extends, file.tls, report);
    if (row.extends !== undefined && base === undefined) continue;
    const profile = new ProfileReader(name, row, base, report, parts).read(nameToJudge(name, file));
    if (profile !== undefined) profiles.set(name, profile);
  }
  return profiles;
}

/** '' for none: of an address that a listener tells its peers, check-own-hosts.ts says more, and at the listener. */
function nameToJudge(profile: string, { node, listen, tls }: RoutesFile): string {
  const isListenedWith = listen.some(({ value }) => {
    const name = value.transport === 'tls' ? (value.tls ?? usualTlsProfile) : '';
    return name === profile || tls.get(name)?.extends === profile;
  });
  return isListenedWith && isIP(node.name) !== 0 ? '' : node.name;
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

const developmentHint = (): string => `${ownScript('certs/make-dev-certs.sh')} makes certificates for development`;

const requireIt = 'client-certificate: required';

type FileSetting = 'certificate' | 'key' | 'ca';

const wantedOf: Readonly<Record<FileSetting, PemKind>> = { certificate: 'certificate', key: 'key', ca: 'authority' };

/** The files of one profile as text; those that it takes over were judged where they were named. */
interface Files {
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
}

class ProfileReader {
  readonly #name: string;
  readonly #row: TlsRow;
  readonly #base: WholeProfile | undefined;
  readonly #report: Report;
  readonly #parts: ProfileParts;

  constructor(name: string, row: TlsRow, base: WholeProfile | undefined, report: Report, parts: ProfileParts) {
    this.#name = name;
    this.#row = row;
    this.#base = base;
    this.#report = report;
    this.#parts = parts;
  }

  read(nodeName: string): WholeProfile | undefined {
    const files = { certificate: this.#text('certificate'), key: this.#text('key'), ca: this.#text('ca') };
    const certificate = this.#parse('certificate', files.certificate, (pem) => readAtLeastOne(pem)[0]);
    const key = this.#parse('key', files.key, createPrivateKey);
    const authorities = this.#parse('ca', files.ca, readAtLeastOne);
    if (authorities !== undefined) this.#tell('ca', judgeAuthorities(authorities, this.#parts));
    if (certificate !== undefined) this.#judgeCertificate(certificate, nodeName);
    if (certificate !== undefined && authorities !== undefined) this.#judgeChain(files.certificate!, authorities);
    if (files.key !== undefined) this.#checkKeyIsPrivate();
    const isPair = certificate !== undefined && key !== undefined && this.#checkPair(certificate, key);
    const crl = this.#lists(authorities);
    const isSound = [this.#checkCiphers(), this.#checkVersions(), this.#checkPeers(), isPair].every(Boolean);
    if (!isSound || authorities === undefined || crl === undefined) return undefined;
    const profile = this.#profile(files as Files, crl);
    this.#warnOfLegacy(profile);
    return profile;
  }

  /** Undefined when one of them cannot be used. */
  #lists(authorities: readonly X509Certificate[] | undefined): readonly string[] | undefined {
    const { crl } = this.#row;
    if (crl === undefined) return this.#base?.crl ?? [];
    const texts = crl.map(({ path, value }) => {
      return readNamedFile(value, path, this.#report, this.#parts.folder, 'the CA publishes it', 'revocation-list');
    });
    const isSound = checkRevocationLists(
      crl.map(({ path, value }, i) => ({ path, text: texts[i], file: this.#resolved(value) })),
      { authorities, path: this.#path('crl'), now: this.#parts.now },
      this.#report,
    );
    return isSound ? texts.filter((text) => text !== undefined) : undefined;
  }

  #judgeChain(pem: string, authorities: readonly X509Certificate[]): void {
    if (this.#row.certificate !== undefined) this.#tell('certificate', judgeChain(readCertificates(pem), authorities));
  }

  #text(setting: FileSetting): string | undefined {
    const named = this.#row[setting];
    if (named === undefined) {
      if (this.#base === undefined && this.#report.isSound(...this.#path(setting)))
        this.#error(setting, 'this setting is missing', 'it has no default: name a PEM file');
      return this.#base?.[setting];
    }
    const { folder } = this.#parts;
    return readNamedFile(named, this.#path(setting), this.#report, folder, developmentHint(), wantedOf[setting]);
  }

  readonly #resolved = (file: string): string => resolvePath(file, this.#parts.folder);

  #parse<Value>(setting: FileSetting, pem: string | undefined, parse: (pem: string) => Value): Value | undefined {
    if (pem === undefined) return undefined;
    try {
      return parse(pem);
    } catch {
      // A file of the profile that is extended was judged there.
      const file = this.#row[setting];
      if (file === undefined) return undefined;
      const { what, hint } = explainText(wantedOf[setting], pem, this.#resolved(file));
      this.#error(setting, what, hint);
      return undefined;
    }
  }

  #judgeCertificate(certificate: X509Certificate, nodeName: string): void {
    const findings = [...judgeDates(certificate, this.#parts), ...judgePurposes(certificate)];
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
    checkIsPrivate('private key', file, this.#path('key'), this.#report, this.#parts.folder);
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

  #checkPeers(): boolean {
    const asked = this.#clientCertificate;
    if ((this.#row.peers ?? this.#base?.peers) === undefined || asked === 'required') return true;
    const [setting, hint] = this.#row.peers === undefined ? ['client-certificate', 'see peers'] : ['peers', requireIt];
    this.#report.error(this.#path(setting), 'names are known only of peers that must show a certificate', hint);
    return false;
  }

  get #clientCertificate(): WholeProfile['clientCertificate'] {
    return this.#row['client-certificate'] ?? this.#base?.clientCertificate ?? 'required';
  }

  #checkVersions(): boolean {
    const { minVersion, maxVersion, legacy } = this.#protocol();
    if (versions.indexOf(maxVersion) < versions.indexOf(minVersion)) {
      const what = `this is older than min-version ${minVersion}: no peer could connect`;
      this.#report.error(this.#path('max-version'), what);
      return false;
    }
    // OpenSSL 3 has no cipher for them above security level 0.
    if (legacy || versions.indexOf(minVersion) >= versions.indexOf('TLSv1.2')) return true;
    this.#report.error(this.#path('min-version'), `${minVersion} is spoken with legacy: true only`, 'or use TLSv1.2');
    return false;
  }

  #profile(files: Files, crl: readonly string[]): WholeProfile {
    const row = this.#row;
    const base = this.#base;
    const ciphers = row.ciphers ?? base?.ciphers;
    const peers = row.peers?.map(({ value }) => value) ?? base?.peers;
    return {
      name: this.#name,
      ...files,
      crl,
      clientCertificate: this.#clientCertificate,
      ...(peers === undefined ? {} : { peers }),
      commonName: row['common-name'] ?? base?.commonName ?? true,
      wildcards: row.wildcards ?? base?.wildcards ?? false,
      ...this.#protocol(),
      ...(ciphers === undefined ? {} : { ciphers }),
    };
  }

  #protocol(): Pick<WholeProfile, 'minVersion' | 'maxVersion' | 'legacy'> {
    const row = this.#row;
    const base = this.#base;
    return {
      minVersion: row['min-version'] ?? base?.minVersion ?? 'TLSv1.2',
      maxVersion: row['max-version'] ?? base?.maxVersion ?? 'TLSv1.3',
      legacy: row.legacy ?? base?.legacy ?? false,
    };
  }

  #warnOfLegacy({ legacy, minVersion }: WholeProfile): void {
    if (!legacy) return;
    const what = `this profile takes ${minVersion}, SHA-1 and short keys (OpenSSL security level 0)`;
    const path = this.#row.legacy === undefined ? ['tls', this.#name] : this.#path('legacy');
    this.#report.warning(
      path,
      what,
      'for OCS 2007 R2 and Lync 2010 on old Windows only, each by a route or listener of its own',
    );
  }

  /** Only about files that this profile names itself: the others were judged in the profile that it extends. */
  #tell(setting: FileSetting, findings: readonly CertificateProblem[]): void {
    if (this.#row[setting] === undefined) return;
    for (const { severity, what, hint } of findings) this.#report[severity](this.#path(setting), what, hint);
  }

  #error(setting: FileSetting, what: string, hint?: string): void {
    this.#report.error(this.#path(setting), what, hint);
  }

  readonly #path = (setting: string) => ['tls', this.#name, setting];
}
