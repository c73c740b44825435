/** What the configuration says of the sources of users; no file and no connection is opened by having it. */
import { isDeepStrictEqual } from 'node:util';
import type { CacheSettings } from './cached.ts';
import type { DirectoryDescription } from './directory.ts';
import { parseDn } from './distinguished-name.ts';
import type { LdapServersSettings } from './ldap-connections.ts';
import type { LdifUsers } from './ldif.ts';
import type { SnapshotSettings } from './sync/snapshot-settings.ts';
import { schemeIsAlwaysWritten, type UserAttributes } from './user-entry.ts';

export interface DirectorySettings {
  readonly sources: readonly SourceSettings[];
  readonly cache: CacheSettings & { readonly budgetMs: number };
}

export type SourceSettings = LdifSourceSettings | LdapSourceSettings;

export interface LdifSourceSettings {
  readonly kind: 'ldif';
  /** Absolute. */
  readonly file: string;
  /** As the file has been read. */
  readonly directory: LdifUsers;
  /** It ends within a line, as one does that is being written or has broken off. */
  readonly isCutOff: boolean;
  /** Share of the users, 0 to 1: a version of the file that would lose more is held back. */
  readonly maxLoss: number;
}

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

/** As it stands in answers, logs and reports. */
export const sourceName = (settings: SourceSettings): string =>
  settings.kind === 'ldif' ? settings.directory.describe().source : `ldap ${settings.name}`;

/** Plain values for the owner of the connections, the password among them. */
export const serversOf = ({ servers, attributes }: LdapSourceSettings): LdapServersSettings => ({
  ...servers,
  password: servers.password.reveal(),
  requiredAttributes: [...attributes.addresses, attributes.enabled],
});

/** Who has a SIP address, enabled or not: a user who becomes disabled must be seen to become so. */
export const everyUser = ({ filter, attributes }: LdapSourceSettings): string => {
  const items = attributes.addresses.map((name) => `(${name}=${schemeIsAlwaysWritten(name) ? 'sip:*' : '*'})`);
  return filter === undefined ? `(|${items.join('')})` : `(&${filter}(|${items.join('')}))`;
};

/**
 * Whether two sources know the same users: how they are reached, asked and kept is another matter. Referrals lead a look-up to
 * users whom no sweep finds.
 */
export function knowsTheSame(a: SourceSettings, b: SourceSettings): boolean {
  if (a.kind === 'ldif' || b.kind === 'ldif') return a.kind === 'ldif' && b.kind === 'ldif' && a.file === b.file;
  return isDeepStrictEqual(selectionOf(a), selectionOf(b));
}

const selectionOf = ({ mode, baseDns, scope, filter, attributes, followReferrals }: LdapSourceSettings): unknown => [
  baseDns.map((text) => JSON.stringify(parseDn(text) ?? text)).toSorted(),
  scope,
  filter,
  attributes,
  mode === 'lookup' && followReferrals,
];

/** What a source will be, without opening it. */
export function describeSource(settings: SourceSettings): DirectoryDescription {
  if (settings.kind === 'ldif') return settings.directory.describe();
  const { servers, attributes, mode } = settings;
  const by = attributes.addresses.join(', ');
  return { source: sourceName(settings), summary: `${mode} at ${servers.urls.join(', ')}, users by ${by}` };
}
