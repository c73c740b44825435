/** One pass over all SIP users of a source, page by page. It either ends, or says why it could not: half a sweep is none. */
import type { LdapConnection, LdapEntry } from '../ldap/ldap.ts';
import type { ServerFacts } from './server-facts.ts';
import { attributesOf, searchOf, type UserSource } from './user-source.ts';

/** @param onEntry called for every object, as it comes */
export async function sweepUsers(
  connection: LdapConnection,
  source: UserSource,
  server: ServerFacts,
  onEntry: (entry: LdapEntry) => void,
): Promise<void> {
  const attributes = attributesOf(source, server);
  for (const baseDn of source.baseDns) {
    const search = { ...searchOf(baseDn, 'sub', source.filter, attributes, onEntry), scope: source.scope };
    await connection.searchPaged(search, source.pageSize).done;
  }
}
