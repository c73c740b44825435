/** Opens the sources that the configuration names, and joins them to one directory. */
import { type CacheClock, type CacheSettings, cached } from './cached.ts';
import type { Directory, DirectoryDescription } from './directory.ts';
import { type LdapParts, type LdapServersSettings, ldapConnections } from './ldap-connections.ts';
import { LookupSource, type OpenSource } from './ldap-source.ts';
import { merged } from './merged.ts';
import type { UserAttributes } from './user-entry.ts';

/** What the configuration says; no file and no connection is opened by having it. */
export interface DirectorySettings {
  readonly sources: readonly SourceSettings[];
  readonly cache: CacheSettings & { readonly budgetMs: number };
}

export type SourceSettings = { readonly kind: 'ldif'; readonly directory: Directory } | LdapSourceSettings;

export interface LdapSourceSettings {
  readonly kind: 'ldap';
  readonly name: string;
  readonly mode: 'lookup';
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

/** The directory in service. */
export interface OpenDirectory extends Directory {
  /** Resolves when every source has been tried for the first time, well or not. */
  ready(): Promise<void>;
  close(): void;
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
  const { lookup, describe } = open.length === 0 ? noDirectory : merged(open.map(({ directory }) => directory));
  return {
    lookup,
    describe,
    async ready() {
      await Promise.all(open.map(({ source }) => source?.ready()));
    },
    close() {
      for (const { source } of open) source?.close();
    },
  };
}

interface Opened {
  /** What answers, with what stands before it. */
  readonly directory: Directory;
  /** What has a life; an LDIF file has none. */
  readonly source: OpenSource | undefined;
}

function openSource(settings: SourceSettings, cache: DirectorySettings['cache'], parts: DirectoryParts): Opened {
  if (settings.kind === 'ldif') return { directory: settings.directory, source: undefined };
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

/** What a source will be, without opening it. */
export function describeSource(settings: SourceSettings): DirectoryDescription {
  if (settings.kind === 'ldif') return settings.directory.describe();
  const { servers, attributes, mode } = settings;
  const by = attributes.addresses.join(', ');
  return { source: sourceName(settings), summary: `${mode} at ${servers.urls.join(', ')}, users by ${by}` };
}
