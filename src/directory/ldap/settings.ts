/** The settings of an LDAP source: what they are, what they mean together, and the values that the source is opened with. */
import { readAtLeastOne } from '../../certificates/pem.ts';
import { snapshotStart, whyNotOurs } from '../../own-files.ts';
import type { ObjectOf } from '../../settings/declared.ts';
import { readNamedFile, resolvePath } from '../../settings/named-file.ts';
import { explainText } from '../../settings/pem-file.ts';
import type { Path } from '../../settings/problem.ts';
import {
  called,
  choice,
  type Item,
  list,
  mapped,
  object,
  optional,
  pick,
  required,
  section,
  valuesOf,
  withDefault,
} from '../../settings/reader.ts';
import type { Report } from '../../settings/report.ts';
import { readSecret, type Secret } from '../../settings/secret.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../../settings/units.ts';
import { duration, flag, hostName, integer, text, word } from '../../settings/values.ts';
import type { WrittenFile } from '../../settings/written-file.ts';
import { type SnapshotSettings, snapshotFields } from '../sync/snapshot-settings.ts';
import { schemeIsAlwaysWritten, type UserAttributes } from '../user-entry.ts';
import type { LdapServersSettings } from './connections.ts';
import { attributeName, ldapFilter, ldapUrl } from './values.ts';

/** How its servers are reached, as far as one setting is one value. */
const serverFields = {
  /** What protects `ldap:` URLs; false: nothing does. */
  startTls: called('start-tls', withDefault(flag, true)),
  bindDn: called('bind-dn', required(text())),
  connectMs: called('connect', withDefault(duration(100, MINUTE), 2 * SECOND)),
  bindMs: called('bind', withDefault(duration(100, MINUTE), 2 * SECOND)),
  searchMs: called('search', withDefault(duration(50, MINUTE), 2 * SECOND)),
  keepAliveMs: called('keep-alive', withDefault(duration(SECOND, HOUR), 30 * SECOND)),
  /** A server that comes back is not used again before this time after its failure. */
  returnAfterMs: called('return-after', withDefault(duration(SECOND, DAY), 5 * MINUTE)),
};

/** The address book's own attribute counts more than the list of all mail and SIP addresses. */
const addressAttributes = ['msRTCSIP-PrimaryUserAddress', 'proxyAddresses'].map((value) => ({ path: [], value }));

export const ldapSection = object({
  kind: required(choice(['ldap'])),
  name: optional(word(64)),
  mode: withDefault(choice(['lookup', 'snapshot']), 'lookup'),
  snapshot: section(object(snapshotFields)),
  urls: required(list(ldapUrl)),
  ca: optional(text()),
  tlsName: called('tls-name', optional(hostName)),
  passwordFile: called('password-file', optional(text())),
  passwordEnv: called('password-env', optional(text(128))),
  base: required(list(text())),
  scope: withDefault(choice(['sub', 'one', 'base']), 'sub'),
  filter: optional(ldapFilter),
  addressAttributes: called('address-attributes', withDefault(list(attributeName), addressAttributes)),
  enabledAttribute: called('enabled-attribute', withDefault(attributeName, 'msRTCSIP-UserEnabled')),
  followReferrals: called(
    'referrals',
    withDefault(
      mapped(
        choice(['ignore', 'follow']),
        (what) => what === 'follow',
        (isFollowed) => (isFollowed ? 'follow' : 'ignore'),
      ),
      false,
    ),
  ),
  pageSize: called('page-size', withDefault(integer(1, 100_000), 1_000)),
  maxSearches: called('max-searches', withDefault(integer(1, 10_000), 64)),
  ...serverFields,
});

export type LdapRow = ObjectOf<typeof ldapSection.fields>;

export interface LdapSourceSettings
  extends Pick<LdapRow, 'mode' | 'scope' | 'filter' | 'followReferrals' | 'pageSize' | 'maxSearches'> {
  /** Of all sources' names the only one like it. */
  readonly name: string;
  readonly baseDns: readonly string[];
  readonly attributes: UserAttributes;
  readonly servers: Omit<LdapServersSettings, 'password' | 'requiredAttributes'> & {
    readonly password: Pick<Secret, 'reveal'>;
  };
  /** For mode snapshot. */
  readonly snapshot: SnapshotSettings;
}

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

/** The host of its first server, where the operator gave no name. */
export const nameOfRow = ({ name, urls }: LdapRow): string => name ?? new URL(urls[0]?.value ?? 'ldap://none').hostname;

/** @returns undefined when something without which the source cannot work has been reported */
export function compileLdap(
  { path, value: row }: Item<LdapRow>,
  report: Report,
  { folder, microsoftUser }: { readonly folder: string; readonly microsoftUser: 'enabled' | 'address' },
): LdapSourceSettings | undefined {
  checkSnapshot(row, path, report);
  checkLists(row, path, report);
  const ca = readAuthority(row, path, report, folder);
  const named = { file: row.passwordFile, variable: row.passwordEnv };
  const password = readSecret('password', named, path, report, folder);
  if (password === undefined) return undefined;
  const { mode, scope, filter, followReferrals, pageSize, maxSearches, snapshot } = row;
  return {
    name: nameOfRow(row),
    mode,
    snapshot: { ...snapshot, file: snapshotFile(row, folder) },
    servers: {
      ...pick(serverFields, row),
      urls: valuesOf(row.urls),
      trust: { ca, tlsName: row.tlsName },
      password,
    },
    baseDns: valuesOf(row.base),
    scope,
    filter,
    attributes: {
      addresses: valuesOf(row.addressAttributes),
      enabled: row.enabledAttribute,
      decides: microsoftUser === 'enabled',
    },
    followReferrals,
    pageSize,
    maxSearches,
  };
}

/** Absolute. */
const snapshotFile = ({ snapshot: { file } }: LdapRow, folder: string): string | undefined =>
  file === undefined ? undefined : resolvePath(file, folder);

/** Where it keeps its users on disk. */
export function writesOfLdap({ path, value }: Item<LdapRow>, folder: string): readonly WrittenFile[] {
  const file = value.mode === 'snapshot' ? snapshotFile(value, folder) : undefined;
  return file === undefined ? [] : [{ path: [...path, 'snapshot', 'file'], file, obstacle: () => noSnapshot(file) }];
}

function noSnapshot(file: string): string | undefined {
  try {
    const why = whyNotOurs(file, snapshotStart);
    return why === undefined ? undefined : `${why}, and no snapshot of the router`;
  } catch {
    // It is for the router's user only, and somebody else checks. The router tells it in its status when it cannot read it either.
    return undefined;
  }
}

const lists = [
  ['urls', 'urls', 'ldaps://dc1.example.com'],
  ['base', 'base', '"DC=example,DC=com"'],
  ['addressAttributes', 'address-attributes', 'proxyAddresses'],
] as const;

function checkLists(row: LdapRow, path: Path, report: Report): void {
  for (const [property, setting, like] of lists) {
    if (row[property].length === 0 && report.isSound(...path, setting))
      report.error([...path, setting], 'this list is empty', `such as [${like}]`);
  }
}

/** Between two sweeps; a time of day or of a week comes round in these. */
const sweepEveryMs = ({ sweep }: SnapshotSettings): number =>
  sweep.kind === 'interval' ? sweep.everyMs : sweep.weekday === undefined ? DAY : 7 * DAY;

function checkSnapshot({ mode, snapshot, followReferrals }: LdapRow, path: Path, report: Report): void {
  if (mode !== 'snapshot') return;
  if (followReferrals) {
    report.error([...path, 'referrals'], 'a snapshot does not follow referrals', 'name the other servers as a source');
  }
  if (snapshot.expireAfterMs < snapshot.staleAfterMs) {
    report.error([...path, 'snapshot', 'expire-after'], 'users would expire before they are stale');
  }
  const betweenMs = sweepEveryMs(snapshot) + snapshot.sweepJitterMs;
  if (snapshot.follow === 'none' && snapshot.staleAfterMs <= betweenMs) {
    const hint = 'make stale-after longer, or follow changes';
    report.error([...path, 'snapshot', 'stale-after'], 'users would be stale before the next sweep', hint);
  }
}

const isProtected = (url: string, { startTls }: LdapRow): boolean => url.startsWith('ldaps:') || startTls;

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
