/** Opens the sources that the configuration names, and joins them to one directory. */
import { randomSeed } from '../hash/keyed-hash.ts';
import { type CacheClock, type CacheSettings, cached } from './cached.ts';
import { namesOf } from './claims.ts';
import type { Directory, DirectoryDescription } from './directory.ts';
import { type LdapParts, type LdapServersSettings, ldapConnections } from './ldap-connections.ts';
import { LookupSource, type OpenSource } from './ldap-source.ts';
import type { LdifUsers } from './ldif.ts';
import { merged } from './merged.ts';
import { SnapshotDirectory } from './snapshot-directory.ts';
import type { SnapshotSettings } from './sync/snapshot-settings.ts';
import { syncInThread } from './sync/thread.ts';
import { type Lendable, type Lent, lend } from './threads/lend.ts';
import type { Loan } from './threads/loan.ts';
import { schemeIsAlwaysWritten, type UserAttributes } from './user-entry.ts';

/** What the configuration says; no file and no connection is opened by having it. */
export interface DirectorySettings {
  readonly sources: readonly SourceSettings[];
  readonly cache: CacheSettings & { readonly budgetMs: number };
}

export type SourceSettings = { readonly kind: 'ldif'; readonly directory: LdifUsers } | LdapSourceSettings;

export interface LdapSourceSettings {
  readonly kind: 'ldap';
  readonly name: string;
  readonly mode: 'lookup' | 'snapshot';
  readonly snapshot: SnapshotSettings;
  readonly servers: Omit<LdapServersSettings, 'password' | 'requiredAttributes'> & {
    /** Kept where it cannot be printed by mistake. */
    readonly password: { reveal(): string };
  };
  readonly baseDns: readonly string[];
  readonly scope: 'base' | 'one' | 'sub';
  readonly filter: string | undefined;
  readonly attributes: UserAttributes;
  readonly followReferrals: boolean;
  readonly pageSize: number;
  readonly maxSearches: number;
}

export interface DirectoryParts extends Omit<LdapParts, 'clock'> {
  readonly clock: CacheClock;
}

/** One source as an operator sees it. */
export interface DirectorySource extends Lendable {
  /**
   * Asks its server now; undefined where there is none to ask.
   * @returns distinguished names of the objects that have the address, that of the one that decides first
   * @throws LdapError when no server answers
   */
  readonly namesOf: ((recipientKey: string) => Promise<readonly string[]>) | undefined;
}

/** The directory in service. */
export interface OpenDirectory extends Directory {
  /** Resolves when every source has been tried for the first time, well or not. */
  ready(): Promise<void>;
  /** Resolves when listeners may open: each source that requires its first sync knows its users. */
  mayListen(): Promise<void>;
  /** Each by itself, in the order in which they count. */
  readonly sources: readonly DirectorySource[];
  /** Those of its sources that keep all users in memory. */
  readonly snapshots: readonly SnapshotDirectory[];
  /** For another thread, which answers as this one from then on, until `close`. */
  lend(): Loan;
  /** Resolves when what is kept on disk is written. */
  close(): Promise<void>;
}

/** As it stands in answers, logs and reports. */
export const sourceName = ({ name }: LdapSourceSettings): string => `ldap ${name}`;

/** Plain values for the owner of the connections, the password among them. */
export const serversOf = ({ servers, attributes }: LdapSourceSettings): LdapServersSettings => ({
  ...servers,
  password: servers.password.reveal(),
  requiredAttributes: [...attributes.addresses, attributes.enabled],
});

/** Basic mode never asks it. */
const noDirectory: Directory = {
  lookup: () => ({ kind: 'unavailable', why: 'no directory is configured' }),
  describe: () => ({ source: 'no directory', summary: 'none is configured' }),
};

/** Begins to connect at once, and waits for nothing. */
export function openDirectory({ sources, cache }: DirectorySettings, parts: DirectoryParts): OpenDirectory {
  const open = sources.map((source) => openSource(source, cache, parts));
  const all =
    open.length === 0
      ? noDirectory
      : merged(
          open.map(({ directory }) => directory),
          (user, sources) => parts.log.warn({ user, sources }, 'several sources have this user: the first one decides'),
        );
  const views = open.map(({ directory, snapshot }, at) => viewOf(directory, snapshot, sources[at]!, parts));
  const lent: Lent[] = [];
  return {
    lookup: (recipientKey) => all.lookup(recipientKey),
    describe: () => all.describe(),
    async ready() {
      await Promise.all(open.map(({ source }) => source?.ready()));
    },
    sources: views,
    snapshots: open.flatMap(({ snapshot }) => snapshot ?? []),
    async mayListen() {
      await Promise.all(open.map(({ snapshot }) => snapshot?.mayListen));
    },
    lend() {
      const next = lend(views, cache);
      lent.push(next);
      return next.loan;
    },
    async close() {
      for (const { end } of lent) end();
      await Promise.all(open.map(({ source }) => source?.close()));
    },
  };
}

const viewOf = (
  directory: Directory,
  snapshot: SnapshotDirectory | undefined,
  settings: SourceSettings,
  parts: DirectoryParts,
): DirectorySource => ({
  lookup: (key) => directory.lookup(key),
  describe: () => directory.describe(),
  snapshot,
  table: settings.kind === 'ldif' ? () => settings.directory.table() : undefined,
  namesOf: settings.kind === 'ldif' ? undefined : (key) => namesOf(key, settings, serversOf(settings), parts),
});

interface Opened {
  /** What answers, with what stands before it. */
  readonly directory: Directory;
  /** What has a life; an LDIF file has none. */
  readonly source: Pick<OpenSource, 'ready' | 'close'> | undefined;
  readonly snapshot?: SnapshotDirectory;
}

function openSource(settings: SourceSettings, cache: DirectorySettings['cache'], parts: DirectoryParts): Opened {
  if (settings.kind === 'ldif') return { directory: settings.directory, source: undefined };
  if (settings.mode === 'snapshot') return openSnapshot(settings, parts);
  const source = openLookup(settings, cache, parts);
  return { directory: cached(source, cache, parts.clock), source };
}

function openLookup(
  settings: LdapSourceSettings,
  { budgetMs }: DirectorySettings['cache'],
  parts: DirectoryParts,
): OpenSource {
  const { baseDns, scope, filter, attributes, followReferrals, maxSearches } = settings;
  const lookup = { baseDns, scope, filter, attributes, followReferrals, maxSearches };
  const connections = ldapConnections(serversOf(settings), parts);
  return new LookupSource({ ...lookup, source: sourceName(settings), longestWaitMs: budgetMs }, connections, parts);
}

/** A look-up never waits, and so needs no cache before it. */
function openSnapshot(settings: LdapSourceSettings, { log }: DirectoryParts): Opened {
  const { baseDns, scope, attributes, pageSize, snapshot: kept } = settings;
  const source = sourceName(settings);
  const users = { name: source, baseDns, scope, filter: everyUser(settings), attributes, pageSize };
  const order = { servers: serversOf(settings), source: users, settings: kept, seed: randomSeed() };
  const startSync = syncInThread(order, log);
  const snapshot = new SnapshotDirectory({ source, settings: kept, startSync, now: Date.now, log });
  snapshot.start();
  return { directory: snapshot, source: { ready: () => snapshot.ready, close: () => snapshot.stop() }, snapshot };
}

/** Who has a SIP address, enabled or not: a user who becomes disabled must be seen to become so. */
export const everyUser = ({ filter, attributes }: LdapSourceSettings): string => {
  const items = attributes.addresses.map((name) => `(${name}=${schemeIsAlwaysWritten(name) ? 'sip:*' : '*'})`);
  return filter === undefined ? `(|${items.join('')})` : `(&${filter}(|${items.join('')}))`;
};

/** What a source will be, without opening it. */
export function describeSource(settings: SourceSettings): DirectoryDescription {
  if (settings.kind === 'ldif') return settings.directory.describe();
  const { servers, attributes, mode } = settings;
  const by = attributes.addresses.join(', ');
  return { source: sourceName(settings), summary: `${mode} at ${servers.urls.join(', ')}, users by ${by}` };
}
