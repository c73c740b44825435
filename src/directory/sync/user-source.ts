/** Which objects of a directory are users, and how an object is known again when its name or its address has changed. */
import { depthBelow, parseDn } from '../ldap/distinguished-name.ts';
import type { LdapConnection, LdapEntry, LdapFilter, LdapSearch } from '../ldap/ldap.ts';
import { resultCodes } from '../ldap/result-code.ts';
import type { UserAttributes } from '../user-entry.ts';
import type { ServerFacts } from './server-facts.ts';

/** Plain values only: it travels to the thread that sweeps. */
export interface UserSource {
  /** Name in answers and reports: `ldap corp`. */
  readonly name: string;
  readonly baseDns: readonly string[];
  readonly scope: 'base' | 'one' | 'sub';
  /** All SIP users, without asking whether they are enabled: who becomes disabled must still be seen. */
  readonly filter: string;
  readonly attributes: UserAttributes;
  readonly pageSize: number;
}

/**
 * Whether a filter selects by groups. `memberOf` is a back-link: whoever joins or leaves a group, only the group changes
 * ([MS-ADTS] 3.1.1.1.6).
 */
export const asksForMembership = (filter: string): boolean =>
  attributesIn(filter).some((name) => /^(?:memberOf|1\.2\.840\.113556\.1\.2\.102)$/i.test(name));

/** Names of the attributes that a filter asks for (RFC 4515 §3), without their options; a value has no bare parenthesis. */
export const attributesIn = (filter: string): readonly string[] =>
  [...filter.matchAll(/\(\s*([a-z0-9][a-z0-9.-]*)[^()=]*=/gi)].map(([, name = '']) => name);

/** The attribute with an object's identity, and the attributes that say what it is. */
export const attributesOf = ({ attributes }: UserSource, { identity }: ServerFacts): readonly string[] => [
  identity,
  ...attributes.addresses,
  attributes.enabled,
];

/** Stays the same when an object is renamed or moved. A server without such an attribute knows it by its name only. */
export function identityOf(entry: LdapEntry, { kind, identity }: ServerFacts): string {
  if (kind === 'active-directory') return entry.octets(identity)[0]?.toString('hex') ?? entry.dn.toLowerCase();
  return entry.text(identity)?.replaceAll('-', '').toLowerCase() ?? entry.dn.toLowerCase();
}

/**
 * Whether an object lies where the source searches. One whose name cannot be read does, for the search that follows says so
 * or not.
 * @param bases as the server calls them
 */
export function isWithin(dn: string, bases: readonly string[], scope: UserSource['scope']): boolean {
  const name = parseDn(dn);
  return bases.some((each) => {
    const base = parseDn(each);
    if (name === undefined || base === undefined) return true;
    const depth = depthBelow(name, base);
    if (depth === undefined || scope === 'sub') return depth !== undefined;
    return depth === (scope === 'base' ? 0 : 1);
  });
}

/**
 * Reads an object anew, whole, and as the source would find it.
 * @returns undefined when it is no user of the source (any more)
 */
export async function reread(
  connection: LdapConnection,
  source: UserSource,
  server: ServerFacts,
  dn: string,
): Promise<LdapEntry | undefined> {
  if (!isWithin(dn, server.bases, source.scope)) return undefined;
  const found: LdapEntry[] = [];
  try {
    await connection.search(searchOf(dn, 'base', source.filter, attributesOf(source, server), (it) => found.push(it)))
      .done;
  } catch (error) {
    if (!isNoSuchObject(error)) throw error;
  }
  return found[0];
}

const isNoSuchObject = (error: unknown): boolean =>
  (error as { readonly resultCode?: number }).resultCode === resultCodes.noSuchObject;

/** Samba takes 11 s for the first of 100,000 users; a server that is dead is noticed sooner, for it owes signs of life. */
const patienceMs = 60_000;

/** A search in few words. */
export const searchOf = (
  baseDn: string,
  scope: 'base' | 'sub',
  filter: LdapFilter,
  attributes: readonly string[],
  onEntry: (entry: LdapEntry) => void,
): LdapSearch => ({ baseDn, scope, filter, attributes, onEntry, budgetMs: patienceMs });
