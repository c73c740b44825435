/** Names the objects that share an address. The table keeps no names, so those that are listed are asked for when a sweep has ended. */
import { claimsTo } from '../ldap/claims.ts';
import type { LdapConnection } from '../ldap/ldap.ts';
import type { SweepNotes } from './report.ts';
import type { UserSource } from './user-source.ts';

/** A report without them is better than no users: whatever goes wrong ends it, and nothing else. */
export async function nameDuplicates(
  connection: LdapConnection,
  source: UserSource,
  { shared, namesByKey }: SweepNotes,
): Promise<void> {
  try {
    for (const { key } of shared) {
      if (namesByKey.has(key)) continue;
      const claims = await claimsTo(key, source, [], (search) => connection.search(search).done);
      namesByKey.set(
        key,
        claims.map(({ dn }) => dn),
      );
    }
  } catch {
    // The connection tells its own owner why it ended.
  }
}
