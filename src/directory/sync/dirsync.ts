/** Follows an Active Directory by DirSync ([MS-ADTS] 3.1.1.3.4.1.3): the server itself remembers, in a cookie, what we have seen. */

import {
  controlOids,
  dirSyncControl,
  dirSyncIncrementalValues,
  dirSyncObjectSecurity,
  plainControl,
  readDirSync,
} from '../ldap/controls.ts';
import { type LdapEntry, LdapError, type LdapFilter } from '../ldap/ldap.ts';
import { resultCodes } from '../ldap/result-code.ts';
import { type Follow, type FollowParts, goneBack, inRounds, joinMarks, marksOf } from './follow.ts';
import { readHighestUsn } from './server-facts.ts';
import { Teller, toldBy } from './teller.ts';
import { asksForMembership, attributesIn, searchOf } from './user-source.ts';

/** Never by address: neither a tombstone nor a user who lost the address has one. Contacts may have SIP addresses too. */
const everyPerson: readonly LdapFilter[] = [
  { equal: 'objectClass', value: 'user' },
  { equal: 'objectClass', value: 'contact' },
];

/** Matches nothing: brings the cookie of this moment without the whole directory. */
const nobody: LdapFilter = { equal: 'objectClass', value: 'pifNobody' };

const insufficientAccessRights = 50;

export const followByDirSync: Follow = async (parts) => {
  const { server, connection } = parts;
  if (!server.canDirSync) {
    throw new LdapError('ldap-protocol', `${connection.server} knows no DirSync: use follow: poll`);
  }
  const teller = new Teller(parts);
  const all = server.namingContexts.map((each) => new DirSync(parts, teller, each));
  const [usnBefore, ...cookies] = marksOf(parts.from, 1 + all.length);
  let usn = usnBefore;
  // To one that was restored a cookie of the time before says that there is nothing new.
  const checkUsn = async (): Promise<void> => {
    const [before, highest] = [usn, await readHighestUsn(connection)];
    usn = undefined;
    if (before !== undefined && BigInt(highest) < BigInt(before)) throw goneBack(connection.server, before, highest);
    usn = highest;
  };
  await checkUsn();
  for (const [place, each] of all.entries()) await each.start(cookies[place]);
  if (parts.from !== undefined) parts.listener.confirmed();
  const round = async (): Promise<void> => {
    await checkUsn();
    for (const each of all) await each.round();
    parts.listener.confirmed();
  };
  const failed = inRounds(parts, round);
  return {
    get mark() {
      return joinMarks([usn, ...all.map(({ cookie }) => cookie.toString('base64'))]);
    },
    failed,
  };
};

/** Of one naming context: the server takes no other base. */
class DirSync {
  cookie: Buffer = Buffer.alloc(0);
  readonly #parts: FollowParts;
  readonly #teller: Teller;
  readonly #namingContext: string;
  #flags: number;

  constructor(parts: FollowParts, teller: Teller, namingContext: string) {
    this.#parts = parts;
    this.#teller = teller;
    this.#namingContext = namingContext;
    // Of a large group that changes not all members are wanted.
    this.#flags = asksForMembership(parts.source.filter) ? dirSyncIncrementalValues : 0;
  }

  async start(from: string | undefined): Promise<void> {
    this.cookie = Buffer.from(from ?? '', 'base64');
    try {
      await this.#begin();
    } catch (error) {
      if ((error as LdapError).resultCode !== insufficientAccessRights) throw error;
      // Without the right "Replicating Directory Changes" one sees what one may read, but no deletions: sweeps find those.
      this.#flags |= dirSyncObjectSecurity;
      await this.#begin();
    }
  }

  async #begin(): Promise<void> {
    if (this.cookie.length > 0) await this.round();
    else this.cookie = (await this.#fetch(nobody)).cookie;
  }

  /** Only what has changed comes of an object, and a value that is gone looks like one that was not touched: so it is read anew. */
  async round(): Promise<void> {
    const { entries, cookie } = await this.#fetch({ or: [...everyPerson, ...this.#teller.others] });
    for (const entry of entries) {
      await this.#tellOfOthers(entry);
      await this.#teller.tell(entry);
    }
    // Only now: a successor that begins with this cookie is not told of them again.
    this.cookie = cookie;
  }

  /** What an object is does not change, and so does not come. */
  async #tellOfOthers({ dn, names }: LdapEntry): Promise<void> {
    if (!names.some((name) => /^(?:name|member)(?:;|$)/.test(name))) return;
    const { connection, server } = this.#parts;
    const found: LdapEntry[] = [];
    const filter = { or: this.#teller.others };
    const search = searchOf(dn, 'base', filter, [server.identity, ...toldBy], (entry) => found.push(entry));
    await connection.search(search).done.catch(ignoreAbsence);
    for (const entry of found) await this.#teller.tellOfOthers(entry);
  }

  async #fetch(filter: LdapFilter): Promise<{ readonly entries: readonly LdapEntry[]; readonly cookie: Buffer }> {
    const { connection, server, source } = this.#parts;
    const { addresses, enabled } = source.attributes;
    const member = asksForMembership(source.filter) ? ['member'] : [];
    // An object comes when one of these has changed, and no other.
    const selecting = [...attributesIn(source.filter), 'userAccountControl', enabled, ...addresses, ...member];
    const names = [...new Set([server.identity, 'isDeleted', 'name', ...selecting])];
    const entries: LdapEntry[] = [];
    let { cookie } = this;
    for (let hasMore = true; hasMore; ) {
      const search = searchOf(this.#namingContext, 'sub', filter, names, (entry) => entries.push(entry));
      const controls = [dirSyncControl(cookie, this.#flags), plainControl(controlOids.showDeleted, false)];
      const state = readDirSync((await connection.search({ ...search, controls }).done).controls);
      if (state === undefined) throw new LdapError('ldap-protocol', `${connection.server} sent no DirSync cookie`);
      cookie = state.cookie;
      hasMore = state.hasMore;
    }
    return { entries, cookie };
  }
}

/** It has been deleted, or moved on, since. */
function ignoreAbsence(error: LdapError): void {
  if (error.resultCode !== resultCodes.noSuchObject) throw error;
}
