/** Follows by asking every second: has the server's change number moved, and if so, which objects carry a newer one? */

import { type LdapEntry, LdapError } from '../ldap.ts';
import { controlOids, plainControl } from '../ldap-controls.ts';
import { type Follow, type FollowParts, inRounds, tell } from './follow.ts';
import { readContextCsn, readHighestUsn } from './server-facts.ts';
import { searchOf } from './user-source.ts';

/** A number of changes that every object carries, and the server's greatest one. */
interface ChangeNumber {
  readonly attribute: string;
  highest(): Promise<string>;
  /** The least number that is newer than `mark`. */
  after(mark: string): string;
}

export const followByPolling: Follow = async (parts) => {
  const number = changeNumberOf(parts);
  const poll = new Poll(parts, number, parts.from ?? (await number.highest()));
  if (parts.from !== undefined) await poll.round();
  const failed = inRounds(parts, () => poll.round());
  return {
    get mark() {
      return poll.mark;
    },
    failed,
  };
};

const changeNumberOf = (parts: FollowParts): ChangeNumber => {
  const { kind, namingContext } = parts.server;
  if (kind === 'active-directory') return usn(parts);
  if (kind === 'content-sync') return csn(parts);
  const what = `${parts.connection.server} keeps neither uSNChanged nor contextCSN for ${namingContext}`;
  throw new LdapError('ldap-protocol', `${what}: changes can only be found by sweeps (follow: none)`);
};

const usn = ({ connection }: FollowParts): ChangeNumber => ({
  attribute: 'uSNChanged',
  highest: () => readHighestUsn(connection),
  after: (mark) => String(BigInt(mark) + 1n),
});

/** OpenLDAP has no "greater than": the last change is told again, which does no harm. */
const csn = ({ connection, server }: FollowParts): ChangeNumber => ({
  attribute: 'entryCSN',
  async highest() {
    const found = await readContextCsn(connection, server.namingContext);
    if (found !== undefined) return found;
    throw new LdapError('ldap-protocol', `${connection.server} shows no contextCSN of ${server.namingContext}`);
  },
  after: (mark) => mark,
});

export class Poll {
  mark: string;
  readonly #parts: FollowParts;
  readonly #number: ChangeNumber;

  constructor(parts: FollowParts, number: ChangeNumber, mark: string) {
    this.#parts = parts;
    this.#number = number;
    this.mark = mark;
  }

  /** The greatest number is read first: what changes during the search is found again in the next round. */
  async round(): Promise<void> {
    const highest = await this.#number.highest();
    if (highest !== this.mark) await this.#fetch(highest);
    this.mark = highest;
    this.#parts.listener.confirmed();
  }

  async #fetch(highest: string): Promise<void> {
    const changed = await this.#changedSince(this.#number.after(this.mark));
    for (const entry of changed) await tell(entry, this.#parts);
    // An Active Directory keeps tombstones; elsewhere a change that no entry shows was a deletion.
    const isAd = this.#parts.server.kind === 'active-directory';
    if (!isAd && !changed.some((entry) => entry.text(this.#number.attribute) === highest)) {
      this.#parts.listener.doubted();
    }
  }

  /** The whole naming context, without the source's filter: who has left it must be seen leaving. */
  async #changedSince(mark: string): Promise<readonly LdapEntry[]> {
    const { connection, server, source } = this.#parts;
    const changed: LdapEntry[] = [];
    const names = [server.identity, 'isDeleted', this.#number.attribute];
    const filter = { atLeast: this.#number.attribute, value: mark };
    const search = searchOf(server.namingContext, 'sub', filter, names, (entry) => changed.push(entry));
    const controls = server.kind === 'active-directory' ? deletedToo : [];
    await connection.searchPaged({ ...search, controls }, source.pageSize).done;
    return changed;
  }
}

const deletedToo = [plainControl(controlOids.showDeleted, false), plainControl(controlOids.domainScope, false)];

/** For those who follow in another way, and poll besides. */
export const usnPoll = (parts: FollowParts, mark: string): Poll => new Poll(parts, usn(parts), mark);
