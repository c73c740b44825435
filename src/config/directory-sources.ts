/** Compiles the sources of the directory: files are read, secrets are taken in hand, what cannot work is told. */
import { isDeepStrictEqual } from 'node:util';
import { readAtLeastOne } from '../certificates/pem.ts';
import type { DirectoryAnswer } from '../routing/types.ts';
import { readNamedFile, resolvePath } from '../settings/named-file.ts';
import { explainText } from '../settings/pem-file.ts';
import type { Path } from '../settings/problem.ts';
import type { Item } from '../settings/reader.ts';
import type { Report } from '../settings/report.ts';
import { readSecret, type Secret } from '../settings/secret.ts';
import type { SweepTimes } from './ldap-values.ts';
import type { LdapRow, RoutesFile } from './shape.ts';

/** Who knows where users are at home; what the directory room offers, as far as a snapshot needs it. */
export interface Directory {
  lookup(recipientKey: string): DirectoryAnswer | Promise<DirectoryAnswer>;
  describe(): { readonly source: string; readonly summary: string };
}

/** Users of an LDIF file. */
export interface LdifUsers extends Directory {
  /** The same users for other threads to read; made when it is asked for first. */
  table(): {
    readonly buffer: SharedArrayBuffer;
    readonly index: SharedArrayBuffer;
    readonly seed: readonly [number, number];
  };
}

export interface DirectorySettings {
  /** In the operator's order: the first that has a user decides. */
  readonly sources: readonly SourceSettings[];
  readonly cache: CacheSettings;
}

export type SourceSettings = LdifSourceSettings | LdapSourceSettings;

export interface LdifSourceSettings {
  readonly kind: 'ldif';
  /** Absolute. */
  readonly file: string;
  /** Complete: the file has been read. */
  readonly directory: LdifUsers;
  /** It ends within a line, as one does that is being written or has broken off. */
  readonly isCutOff: boolean;
  /** 0 to 1. */
  readonly maxLoss: number;
}

/** All times in milliseconds. */
export interface LdapSourceSettings {
  readonly kind: 'ldap';
  /** Of all sources' names the only one like it. */
  readonly name: string;
  readonly mode: LdapRow['mode'];
  /** For mode snapshot. */
  readonly snapshot: SnapshotSettings;
  readonly servers: LdapServerSettings;
  readonly baseDns: readonly string[];
  readonly scope: LdapRow['scope'];
  readonly filter: string | undefined;
  /** `addresses`: the attribute that counts most comes first. */
  readonly attributes: { readonly addresses: readonly string[]; readonly enabled: string };
  readonly followReferrals: boolean;
  readonly pageSize: number;
  readonly maxSearches: number;
}

/** How all users are kept in memory. */
export interface SnapshotSettings {
  readonly follow: LdapRow['snapshot']['follow'];
  readonly followEveryMs: number;
  readonly sweep: SweepTimes;
  readonly sweepJitterMs: number;
  /** 0 to 1. */
  readonly maxLoss: number;
  readonly staleAfterMs: number;
  readonly expireAfterMs: number;
  /** Absolute. */
  readonly file: string | undefined;
  readonly requireFirstSync: boolean;
}

export interface LdapServerSettings {
  /** Best first. */
  readonly urls: readonly string[];
  readonly startTls: boolean;
  readonly trust: { readonly ca: string | undefined; readonly tlsName: string | undefined };
  readonly bindDn: string;
  readonly password: Secret;
  readonly connectMs: number;
  readonly bindMs: number;
  readonly searchMs: number;
  readonly keepAliveMs: number;
  readonly returnAfterMs: number;
}

export interface CacheSettings {
  readonly size: number;
  readonly foundMs: number;
  readonly unknownMs: number;
  readonly staleMs: number;
  readonly budgetMs: number;
}

export const compileCache = ({ cache }: RoutesFile['directory']): CacheSettings => ({
  size: cache.size,
  foundMs: cache.found,
  unknownMs: cache.unknown,
  staleMs: cache.stale,
  budgetMs: cache.budget,
});

/** The host of its first server, where the operator gave no name. */
export const ldapSourceName = ({ name, urls }: LdapRow): string =>
  name ?? new URL(urls[0]?.value ?? 'ldap://none').hostname;

/** @returns undefined when something without which the source cannot work has been reported */
export function compileLdapSource(
  { path, value: row }: Item<LdapRow>,
  report: Report,
  folder: string,
): LdapSourceSettings | undefined {
  checkLists(row, path, report);
  const ca = readAuthority(row, path, report, folder);
  const named = { file: row['password-file'], variable: row['password-env'] };
  const password = readSecret('password', named, path, report, folder);
  if (password === undefined) return undefined;
  return {
    kind: 'ldap',
    name: ldapSourceName(row),
    mode: row.mode,
    snapshot: compileSnapshot(row, folder),
    servers: {
      urls: row.urls.map(({ value }) => value),
      startTls: row['start-tls'],
      trust: { ca, tlsName: row['tls-name'] },
      bindDn: row['bind-dn'],
      password,
      connectMs: row.connect,
      bindMs: row.bind,
      searchMs: row.search,
      keepAliveMs: row['keep-alive'],
      returnAfterMs: row['return-after'],
    },
    baseDns: row.base.map(({ value }) => value),
    scope: row.scope,
    filter: row.filter,
    attributes: { addresses: row['address-attributes'].map(({ value }) => value), enabled: row['enabled-attribute'] },
    followReferrals: row.referrals === 'follow',
    pageSize: row['page-size'],
    maxSearches: row['max-searches'],
  };
}

const compileSnapshot = ({ snapshot }: LdapRow, folder: string): SnapshotSettings => ({
  follow: snapshot.follow,
  followEveryMs: snapshot['follow-every'],
  sweep: snapshot.sweep,
  sweepJitterMs: snapshot['sweep-jitter'],
  maxLoss: snapshot['max-loss'],
  staleAfterMs: snapshot['stale-after'],
  expireAfterMs: snapshot['expire-after'],
  file: snapshot.file === undefined ? undefined : resolvePath(snapshot.file, folder),
  requireFirstSync: snapshot['require-first-sync'],
});

const lists = {
  urls: 'ldaps://dc1.example.com',
  base: '"DC=example,DC=com"',
  'address-attributes': 'proxyAddresses',
} as const;

function checkLists(row: LdapRow, path: Path, report: Report): void {
  for (const [name, like] of Object.entries(lists)) {
    const isEmpty = row[name as keyof typeof lists].length === 0;
    if (isEmpty && report.isSound(...path, name))
      report.error([...path, name], 'this list is empty', `such as [${like}]`);
  }
}

const isProtected = (url: string, { 'start-tls': startTls }: LdapRow): boolean => url.startsWith('ldaps:') || startTls;

function readAuthority(row: LdapRow, path: Path, report: Report, folder: string): string | undefined {
  for (const { path: at, value } of row.urls) {
    if (!isProtected(value, row)) {
      report.warning(at, 'the password and all answers travel in the clear', 'use ldaps:// or start-tls: true');
    }
  }
  const needsCa = row.urls.some(({ value }) => isProtected(value, row));
  if (row.ca !== undefined) return readAuthorityFile(row.ca, [...path, 'ca'], report, folder);
  if (needsCa)
    report.error(
      [...path, 'ca'],
      'this setting is missing',
      'it has no default: name a PEM file with the authority of the servers',
    );
  return undefined;
}

function readAuthorityFile(file: string, path: Path, report: Report, folder: string): string | undefined {
  const pem = readNamedFile(file, path, report, folder, undefined, 'authority');
  if (pem === undefined) return undefined;
  try {
    readAtLeastOne(pem);
  } catch {
    const { what, hint } = explainText('authority', pem, resolvePath(file, folder));
    report.error(path, what, hint);
  }
  return pem;
}

/** Whether both would be the same directory: the same servers asked in the same way, the same users read. */
export const isSameDirectory = (a: DirectorySettings, b: DirectorySettings): boolean =>
  isDeepStrictEqual(a.cache, b.cache) &&
  a.sources.length === b.sources.length &&
  a.sources.every((source, i) => isSameSource(source, b.sources[i]!));

const isSameSource = (a: SourceSettings, b: SourceSettings): boolean => {
  if (a.kind === 'ldif' || b.kind === 'ldif') return isSameFile(a, b);
  // A comparison of objects does not see what a Secret holds.
  return isDeepStrictEqual(a, b) && a.servers.password.reveal() === b.servers.password.reveal();
};

const isSameFile = (a: SourceSettings, b: SourceSettings): boolean => {
  if (a.kind !== 'ldif' || b.kind !== 'ldif') return false;
  return a.directory === b.directory && a.file === b.file && a.maxLoss === b.maxLoss && a.isCutOff === b.isCutOff;
};
