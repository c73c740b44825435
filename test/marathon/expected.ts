/**
 * What the directory itself says, read by OpenLDAP's `ldapsearch` with an account that may read everything, and made into the table
 * that the router should have by the rule as README.md and routes.yaml tell it. Nothing of the router's own code is used.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { SambaDirectory } from '../interop/directory/samba-ad.ts';

export interface Entry {
  readonly dn: string;
  readonly kind: 'user' | 'ou' | 'group';
  /** Value for the identity: `<GUID=...>` names the object even when it is deleted. */
  readonly guid: string;
  readonly address: string | undefined;
  readonly proxies: readonly string[];
  readonly isEnabled: boolean;
}

interface ExpectedUser {
  readonly state: 'enabled' | 'address-only';
  readonly isShared: boolean;
}

export interface ExpectedTable {
  /** By address, in lower case, without its scheme. */
  readonly users: ReadonlyMap<string, ExpectedUser>;
  /** Pairs of object and address, and those of them whose object is enabled. */
  readonly pairs: number;
  readonly enabledPairs: number;
}

const names = [
  'objectClass',
  'objectGUID',
  'msRTCSIP-PrimaryUserAddress',
  'msRTCSIP-UserEnabled',
  'proxyAddresses',
] as const;

/** All users, groups and OUs of the marathon, in the order of their names. */
export async function readEntries(server: SambaDirectory): Promise<readonly Entry[]> {
  const filter = '(|(objectClass=user)(objectClass=organizationalUnit)(objectClass=group))';
  const options = ['-LLL', '-x', '-o', 'ldif-wrap=no', '-E', 'pr=500/noprompt', '-H', server.ldapsUrl];
  const who = ['-D', server.admin.dn, '-w', server.admin.password, '-b', server.suffix];
  const { stdout } = await promisify(execFile)('ldapsearch', [...options, ...who, filter, ...names], {
    env: { ...process.env, LDAPTLS_CACERT: server.caFile },
    maxBuffer: 64 * 1024 * 1024,
  });
  const entries = stdout.split('\n\n').flatMap((text) => entryOf(text) ?? []);
  return entries.filter(({ dn }) => /,OU=(?:Marathon|Elsewhere),/i.test(dn)).toSorted((a, b) => (a.dn < b.dn ? -1 : 1));
}

function entryOf(record: string): Entry | undefined {
  const values = new Map<string, Buffer[]>();
  for (const line of record.split('\n')) {
    const [, name = '', isBase64, value = ''] = /^([A-Za-z][\w-]*):(:?) ?(.*)$/.exec(line) ?? [];
    if (name === '') continue;
    const key = name.toLowerCase();
    values.set(key, [...(values.get(key) ?? []), Buffer.from(value, isBase64 === ':' ? 'base64' : 'utf8')]);
  }
  const texts = (name: string): readonly string[] => values.get(name.toLowerCase())?.map((it) => it.toString()) ?? [];
  const [dn] = texts('dn');
  const [guid] = values.get('objectguid') ?? [];
  if (dn === undefined || guid === undefined) return undefined;
  const classes = texts('objectClass');
  return {
    dn,
    kind: classes.includes('user') ? 'user' : classes.includes('group') ? 'group' : 'ou',
    guid: guidText(guid),
    address: texts('msRTCSIP-PrimaryUserAddress')[0],
    proxies: texts('proxyAddresses'),
    isEnabled: texts('msRTCSIP-UserEnabled')[0] === 'TRUE',
  };
}

/** [MS-DTYP] 2.3.4.2: the first three parts are little-endian. */
function guidText(octets: Buffer): string {
  const part = (from: number, to: number, isReversed: boolean): string => {
    const slice = [...octets.subarray(from, to)];
    return Buffer.from(isReversed ? slice.reverse() : slice).toString('hex');
  };
  return [part(0, 4, true), part(4, 6, true), part(6, 8, true), part(8, 10, false), part(10, 16, false)].join('-');
}

export const isBelow = (dn: string, base: string): boolean => dn.toLowerCase().endsWith(`,${base.toLowerCase()}`);

/** Who has a SIP address in either attribute is known; enabled where an object that has the address is. */
export function tableOf(entries: readonly Entry[], base: string): ExpectedTable {
  const users = new Map<string, ExpectedUser>();
  let [pairs, enabledPairs] = [0, 0];
  for (const { dn, kind, address, proxies, isEnabled } of entries) {
    if (kind !== 'user' || !isBelow(dn, base)) continue;
    const keys = new Set([address ?? '', ...proxies].flatMap((value) => addressIn(value) ?? []));
    for (const key of keys) {
      const before = users.get(key);
      const isAny = isEnabled || before?.state === 'enabled';
      users.set(key, { state: isAny ? 'enabled' : 'address-only', isShared: before !== undefined });
      pairs += 1;
      if (isEnabled) enabledPairs += 1;
    }
  }
  return { users, pairs, enabledPairs };
}

const addressIn = (value: string): string | undefined => /^sip:(.+)$/i.exec(value)?.[1]?.toLowerCase();
