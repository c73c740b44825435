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
 * @param dn as it was told; by now another object may be called so
 * @returns undefined when no such user of the source has this name (any more)
 */
export async function reread(
  connection: LdapConnection,
  source: UserSource,
  server: ServerFacts,
  id: string,
  dn: string,
): Promise<LdapEntry | undefined> {
  if (!isWithin(dn, server.bases, source.scope)) return undefined;
  const found = await readNamed(connection, source, server, dn);
  return found !== undefined && identityOf(found, server) === id ? found : undefined;
}

/** The same, whatever it is called by now: it may have been renamed or moved since it was told of. */
export async function rereadByIdentity(
  connection: LdapConnection,
  source: UserSource,
  server: ServerFacts,
  id: string,
): Promise<LdapEntry | undefined> {
  if (server.kind !== 'active-directory') return findAgain(connection, source, server, id);
  // [MS-ADTS] 3.1.1.3.1.2.4.
  const found = await readNamed(connection, source, server, `<GUID=${id}>`);
  return found !== undefined && isWithin(found.dn, server.bases, source.scope) ? found : undefined;
}

async function readNamed(
  connection: LdapConnection,
  source: UserSource,
  server: ServerFacts,
  name: string,
): Promise<LdapEntry | undefined> {
  const found: LdapEntry[] = [];
  const search = searchOf(name, 'base', source.filter, attributesOf(source, server), (entry) => found.push(entry));
  await connection.search(search).done.catch(ignoreAbsence);
  return found[0];
}

/** Wherever the source searches. */
async function findAgain(
  connection: LdapConnection,
  source: UserSource,
  server: ServerFacts,
  id: string,
): Promise<LdapEntry | undefined> {
  const uuid = id.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  const filter: LdapFilter = { and: [source.filter, { equal: server.identity, value: uuid }] };
  const found: LdapEntry[] = [];
  for (const base of server.bases) {
    const search = searchOf(base, 'sub', filter, attributesOf(source, server), (entry) => found.push(entry));
    await connection.search({ ...search, scope: source.scope }).done.catch(ignoreAbsence);
  }
  return found[0];
}

/** That it is not there is an answer; so is that no name of this form is understood. */
function ignoreAbsence(error: { readonly resultCode?: number }): void {
  const { noSuchObject, invalidDnSyntax } = resultCodes;
  if (error.resultCode !== noSuchObject && error.resultCode !== invalidDnSyntax) throw error;
}

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
