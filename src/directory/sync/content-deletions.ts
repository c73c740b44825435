/**
 * What an OpenLDAP that is polled has deleted: no entry shows it, but a provider that keeps a log of its session knows
 * (slapo-syncprov(5), syncprov-sessionlog), and tells who refreshes by RFC 4533.
 */

import { readRefreshDeletes, readSyncInfo, readSyncState, syncInfoOid, syncRequestControl } from '../ldap/controls.ts';
import { LdapError } from '../ldap/ldap.ts';
import type { FollowParts } from './follow.ts';
import { searchOf } from './user-source.ts';

export const syncCookie = (csns: readonly string[]): Buffer => Buffer.from(`rid=000,csn=${csns.join(';')}`);

/**
 * @param since CSNs of the naming context
 * @returns entryUUIDs in hex of what is not below the bases any more, or is no user; undefined when the server does not know
 */
export async function readDeleted(
  parts: FollowParts,
  namingContext: string,
  since: readonly string[],
): Promise<readonly string[] | undefined> {
  const { server, source } = parts;
  const deleted: string[] = [];
  for (const [place, baseDn] of source.baseDns.entries()) {
    if (server.contextOfBase[place] !== namingContext) continue;
    if (!(await readBelow(parts, baseDn, since, (id) => deleted.push(id)))) return undefined;
  }
  return deleted;
}

/** @returns false when it does not know */
async function readBelow(
  { connection, source }: FollowParts,
  baseDn: string,
  since: readonly string[],
  onDeleted: (id: string) => void,
): Promise<boolean> {
  const search = searchOf(baseDn, 'sub', source.filter, ['1.1'], ({ controls }) => {
    const sync = readSyncState(controls);
    if (sync?.state === 'delete') onDeleted(sync.entryUuid.toString('hex'));
  });
  const operation = connection.search({
    ...search,
    scope: source.scope,
    controls: [syncRequestControl('refresh', syncCookie(since))],
    onIntermediate(oid, value) {
      const info = oid === syncInfoOid ? readSyncInfo(value) : undefined;
      if (info?.kind !== 'id-set') return;
      if (info.areDeleted) for (const uuid of info.uuids) onDeleted(uuid.toString('hex'));
      // It begins to name all who are still there, which is more than a sweep would ask for so often.
      else operation.abandon();
    },
  });
  try {
    return readRefreshDeletes((await operation.done).controls) === true;
  } catch (error) {
    if (!(error instanceof LdapError)) throw error;
    if (error.code !== 'ldap-abandoned' && error.resultCode === undefined) throw error;
    return false;
  }
}
