/** Follows by asking every second: has the server's change number moved, and if so, which objects carry a newer one? */

import { type LdapEntry, LdapError } from '../ldap.ts';
import { controlOids, plainControl } from '../ldap-controls.ts';
import { type Follow, type FollowParts, inRounds, tell } from './follow.ts';
import { readContextCsns, readHighestUsn } from './server-facts.ts';
import { searchOf } from './user-source.ts';

/** A number of changes that every object carries, and the server's greatest one. */
interface ChangeNumber {
  readonly attribute: string;
  highest(): Promise<string>;
  /** The least number that a change since `mark` may have. */
  after(mark: string, highest: string): string;
  /** Whether all that has changed can be seen in the objects that have. */
  explains(changed: readonly LdapEntry[], mark: string, highest: string): boolean;
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
  // An Active Directory keeps tombstones.
  explains: () => true,
});

/**
 * OpenLDAP has a CSN for each of its providers: a change of one may arrive behind a later one of another. There is no "greater
 * than": the last change is told again, which does no harm.
 */
const csn = ({ connection, server }: FollowParts): ChangeNumber => ({
  attribute: entryCsn,
  async highest() {
    const found = await readContextCsns(connection, server.namingContext);
    if (found.length > 0) return found.join(' ');
    throw new LdapError('ldap-protocol', `${connection.server} shows no contextCSN of ${server.namingContext}`);
  },
  after(mark, highest) {
    const before = mark.split(' ');
    const since = movedSince(before, highest).map((moved) => before.find((each) => isOfOneProvider(each, moved)));
    // A provider that is new has made its changes at any time since the first of the others.
    return since.map((each) => each ?? before[0] ?? '').toSorted()[0] ?? mark;
  },
  explains: (changed, mark, highest) =>
    movedSince(mark.split(' '), highest).every((moved) => changed.some((entry) => entry.text(entryCsn) === moved)),
});

const entryCsn = 'entryCSN';

const movedSince = (before: readonly string[], highest: string): readonly string[] =>
  highest.split(' ').filter((each) => !before.includes(each));

/** `20260601000000.000000Z#000000#001#000000`: the third part is the provider's. */
const isOfOneProvider = (a: string, b: string): boolean => a.split('#')[2] === b.split('#')[2];

class Poll {
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
    const changed = await this.#changedSince(this.#number.after(this.mark, highest));
    for (const entry of changed) await tell(entry, this.#parts);
    // A change that no entry shows was a deletion.
    if (!this.#number.explains(changed, this.mark, highest)) this.#parts.listener.doubted();
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
