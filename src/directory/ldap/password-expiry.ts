/**
 * When the password of the router's own account expires, as Active Directory computes it for each user ([MS-ADTS] 3.1.1.4.5.32
 * and .40). OpenLDAP tells it only with a bind (ppolicy), and its service accounts are by custom without a policy: not asked.
 */
import { parseDn } from './distinguished-name.ts';
import { ignoreRefusal, type LdapConnection, type LdapEntry, type LdapFilter, type LdapSearch } from './ldap.ts';
import { readBase } from './schema-check.ts';

export type PasswordExpiry =
  | { readonly kind: 'never' }
  /** Milliseconds since 1970; in the past for one that must be changed now. */
  | { readonly kind: 'at'; readonly atMs: number };

const expiryAttribute = 'msDS-UserPasswordExpiryTimeComputed';
const principalName = 'userPrincipalName';
const logonName = 'sAMAccountName';

/** The largest FILETIME: 0x7fffffffffffffff. */
const never = 2n ** 63n - 1n;

/** FILETIME counts from 1601, in steps of 100 ns ([MS-DTYP] 2.3.3). */
const stepsInMs = 10_000n;
const epochMs = Date.UTC(1601, 0, 1);

/**
 * @param account as it is bound with: a DN, `svc@example.com` or `EXAMPLE\svc`
 * @returns undefined where the server does not tell
 * @throws LdapError when it does not answer
 */
export async function readPasswordExpiry(
  connection: LdapConnection,
  account: string,
): Promise<PasswordExpiry | undefined> {
  const root = await readBase(connection, '', ['defaultNamingContext']);
  const domain = root?.text('defaultNamingContext');
  if (domain === undefined) return undefined;
  const found: LdapEntry[] = [];
  const onEntry = (entry: LdapEntry): void => void found.push(entry);
  const search = { ...placeOf(account, domain), attributes: [expiryAttribute, principalName], onEntry };
  // An account of another domain, or one that may not read itself, is no fault.
  await connection.search(search).done.catch(ignoreRefusal);
  // Where `svc@example.com` is the principal name of one and, by its domain, the log-on name of another, the first is meant.
  const isMeant = (entry: LdapEntry): boolean => entry.text(principalName)?.toLowerCase() === account.toLowerCase();
  const value = (found.find(isMeant) ?? found[0])?.text(expiryAttribute);
  return value === undefined || !/^\d{1,19}$/.test(value) ? undefined : expiryOf(BigInt(value));
}

const expiryOf = (fileTime: bigint): PasswordExpiry =>
  fileTime >= never ? { kind: 'never' } : { kind: 'at', atMs: epochMs + Number(fileTime / stepsInMs) };

/** [MS-ADTS] 5.1.1.1.1: the forms in which a name may stand in a simple bind. */
function placeOf(account: string, domain: string): Pick<LdapSearch, 'baseDn' | 'scope' | 'filter'> {
  if (parseDn(account) !== undefined) return { baseDn: account, scope: 'base', filter: { present: 'objectClass' } };
  return { baseDn: domain, scope: 'sub', filter: { or: namesOf(account) } };
}

function namesOf(account: string): readonly LdapFilter[] {
  const [, behindDomain] = /^[^\\]+\\(.+)$/.exec(account) ?? [];
  if (behindDomain !== undefined) return [{ equal: logonName, value: behindDomain }];
  const [beforeAt = ''] = account.split('@');
  return [
    { equal: principalName, value: account },
    { equal: logonName, value: beforeAt },
  ];
}

const dayMs = 86_400_000;

/** Windows warns its users no earlier; time enough for whoever has to ask another department. */
const warnWithinMs = 14 * dayMs;

/** In words for an administrator, if it is time to do something about it. */
export function expiryWarning(expiry: PasswordExpiry | undefined, nowMs: number): string | undefined {
  if (expiry?.kind !== 'at' || expiry.atMs - nowMs > warnWithinMs) return undefined;
  return `${tellExpiry(expiry, nowMs)}: set a new one, in the directory and here, or let it never expire`;
}

export function tellExpiry(expiry: PasswordExpiry, nowMs: number): string {
  if (expiry.kind === 'never') return 'never expires';
  const days = Math.floor((expiry.atMs - nowMs) / dayMs);
  if (days < 0) return 'has expired, or must be changed now';
  return `expires ${new Date(expiry.atMs).toISOString()}, in ${days === 1 ? '1 day' : `${days} days`}`;
}
