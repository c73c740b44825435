/** Follows an Active Directory by DirSync ([MS-ADTS] 3.1.1.3.4.1.3): the server itself remembers, in a cookie, what we have seen. */

import { type LdapEntry, LdapError, type LdapFilter } from '../ldap.ts';
import { controlOids, dirSyncControl, dirSyncObjectSecurity, plainControl, readDirSync } from '../ldap-controls.ts';
import { type Follow, type FollowParts, inRounds, tell } from './follow.ts';
import { searchOf } from './user-source.ts';

/** Never by address: neither a tombstone nor a user who lost his address has one. Contacts may have SIP addresses too. */
const everyPerson: LdapFilter = {
  or: [
    { equal: 'objectClass', value: 'user' },
    { equal: 'objectClass', value: 'contact' },
  ],
};

/** Matches nothing: brings the cookie of this moment without the whole directory. */
const nobody: LdapFilter = { equal: 'objectClass', value: 'pifNobody' };

const insufficientAccessRights = 50;

export const followByDirSync: Follow = async (parts) => {
  if (!parts.server.canDirSync) {
    throw new LdapError('ldap-protocol', `${parts.connection.server} knows no DirSync: use follow: poll`);
  }
  const dirSync = new DirSync(parts);
  await dirSync.start(parts.from);
  const failed = inRounds(parts, () => dirSync.round());
  return {
    get mark() {
      return dirSync.cookie.toString('base64');
    },
    failed,
  };
};

class DirSync {
  cookie: Buffer = Buffer.alloc(0);
  readonly #parts: FollowParts;
  #flags = 0;

  constructor(parts: FollowParts) {
    this.#parts = parts;
  }

  async start(from: string | undefined): Promise<void> {
    this.cookie = Buffer.from(from ?? '', 'base64');
    try {
      await this.#begin();
    } catch (error) {
      if ((error as LdapError).resultCode !== insufficientAccessRights) throw error;
      // Without the right "Replicating Directory Changes" one sees what one may read, but no deletions: sweeps find those.
      this.#flags = dirSyncObjectSecurity;
      await this.#begin();
    }
  }

  async #begin(): Promise<void> {
    if (this.cookie.length > 0) await this.round();
    else this.cookie = (await this.#fetch(nobody)).cookie;
  }

  /** Only what has changed comes of an object, and a value that is gone looks like one that was not touched: so it is read anew. */
  async round(): Promise<void> {
    const { entries, cookie } = await this.#fetch(everyPerson);
    for (const entry of entries) await tell(entry, this.#parts);
    // Only now: a successor that begins with this cookie is not told of them again.
    this.cookie = cookie;
    this.#parts.listener.confirmed();
  }

  async #fetch(filter: LdapFilter): Promise<{ readonly entries: readonly LdapEntry[]; readonly cookie: Buffer }> {
    const { connection, server, source } = this.#parts;
    const { addresses, enabled } = source.attributes;
    const names = [server.identity, 'isDeleted', 'name', 'userAccountControl', enabled, ...addresses];
    const entries: LdapEntry[] = [];
    let { cookie } = this;
    for (let hasMore = true; hasMore; ) {
      const search = searchOf(server.namingContext, 'sub', filter, names, (entry) => entries.push(entry));
      const controls = [dirSyncControl(cookie, this.#flags), plainControl(controlOids.showDeleted, false)];
      const state = readDirSync((await connection.search({ ...search, controls }).done).controls);
      if (state === undefined) throw new LdapError('ldap-protocol', `${connection.server} sent no DirSync cookie`);
      cookie = state.cookie;
      hasMore = state.hasMore;
    }
    return { entries, cookie };
  }
}
