/** Which attributes a directory does not know, and which of them its global catalog has: a search by an unknown one finds nobody. */
import type { LdapConnection, LdapEntry, LdapSearch } from './ldap.ts';

/** Reads all entries of a search that has few. */
async function readEntries(connection: LdapConnection, search: Omit<LdapSearch, 'onEntry'>): Promise<LdapEntry[]> {
  const entries: LdapEntry[] = [];
  await connection.search({ ...search, onEntry: (entry) => entries.push(entry) }).done;
  return entries;
}

/** @returns undefined when the server does not show it */
export const readBase = async (
  connection: LdapConnection,
  baseDn: string,
  attributes: readonly string[],
): Promise<LdapEntry | undefined> =>
  (await readEntries(connection, { baseDn, scope: 'base', filter: { present: 'objectClass' }, attributes }))[0];

interface SchemaAttribute {
  /** Lower case. */
  readonly name: string;
  /** Undefined: a directory without such a thing as a global catalog. */
  readonly isInGlobalCatalog: boolean | undefined;
}

/** @returns those of `names` that the server's schema has */
export async function readAttributes(
  connection: LdapConnection,
  names: readonly string[],
): Promise<readonly SchemaAttribute[]> {
  const root = await readBase(connection, '', ['schemaNamingContext', 'subschemaSubentry']);
  const adSchema = root?.text('schemaNamingContext');
  if (adSchema !== undefined) return readAdAttributes(connection, adSchema, names);
  const known = await readAttributeTypes(connection, root?.text('subschemaSubentry') ?? 'cn=Subschema');
  return names
    .map((name) => name.toLowerCase())
    .filter((name) => known.has(name))
    .map((name) => ({ name, isInGlobalCatalog: undefined }));
}

interface SchemaCheck {
  /** Of the names, as they were written, those that the server's schema lacks. */
  readonly missing: readonly string[];
  readonly isActiveDirectory: boolean;
}

/** Asks nothing where no names are given. */
export async function checkSchema(connection: LdapConnection, names: readonly string[]): Promise<SchemaCheck> {
  if (names.length === 0) return { missing: [], isActiveDirectory: false };
  const attributes = await readAttributes(connection, names);
  const known = new Set(attributes.map(({ name }) => name));
  return {
    missing: names.filter((name) => !known.has(name.toLowerCase())),
    isActiveDirectory: attributes.some(({ isInGlobalCatalog }) => isInGlobalCatalog !== undefined),
  };
}

/** [MS-ADTS] 3.1.1.2.3: each attribute is an object; the whole schema is thousands of them. */
async function readAdAttributes(
  connection: LdapConnection,
  baseDn: string,
  names: readonly string[],
): Promise<readonly SchemaAttribute[]> {
  const filter = { or: names.map((name) => ({ equal: 'lDAPDisplayName', value: name })) };
  const attributes = ['lDAPDisplayName', 'isMemberOfPartialAttributeSet'];
  const found = await readEntries(connection, { baseDn, scope: 'one', filter, attributes });
  return found.map((entry) => ({
    name: entry.text('lDAPDisplayName')?.toLowerCase() ?? '',
    isInGlobalCatalog: entry.text('isMemberOfPartialAttributeSet') === 'TRUE',
  }));
}

/** `NAME 'cn'` or `NAME ( 'cn' 'commonName' )` of RFC 4512 §4.1.2. */
const namesOf = /\bNAME\s+(?:'([^']+)'|\(([^)]*)\))/i;

async function readAttributeTypes(connection: LdapConnection, subschema: string): Promise<ReadonlySet<string>> {
  const entry = await readBase(connection, subschema, ['attributeTypes']);
  const names = (entry?.texts('attributeTypes') ?? []).flatMap((type) => {
    const [, one, several = ''] = namesOf.exec(type) ?? [];
    return one === undefined ? [...several.matchAll(/'([^']+)'/g)].map(([, name]) => name ?? '') : [one];
  });
  return new Set(names.map((name) => name.toLowerCase()));
}
