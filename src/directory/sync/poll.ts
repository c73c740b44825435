/** Follows by asking every second: has the server's change number moved, and if so, which objects carry a newer one? */

import { controlOids, plainControl } from '../ldap/controls.ts';
import { type LdapEntry, LdapError } from '../ldap/ldap.ts';
import { readDeleted } from './content-deletions.ts';
import { type Follow, type FollowParts, goneBack, inRounds, joinMarks, marksOf } from './follow.ts';
import { readContextCsns, readHighestUsn } from './server-facts.ts';
import { Teller, toldBy } from './teller.ts';
import { searchOf } from './user-source.ts';

/** A number of changes that every object carries, and the server's greatest one. */
interface ChangeNumber {
  readonly attribute: string;
  /** Where objects that carry it are. */
  readonly namingContexts: readonly string[];
  highest(): Promise<string>;
  /** The least number that a change since `mark` may have. */
  after(mark: string, highest: string): string;
  /** What was before `mark` may have been undone, and be done anew in another way. */
  isBehind(highest: string, mark: string): boolean;
  /** Tells of what has changed and cannot be seen in the objects that have. */
  tellUnseen(changed: readonly LdapEntry[], mark: string, highest: string): Promise<void>;
}

export const followByPolling: Follow = async (parts) => {
  const teller = new Teller(parts);
  const numbers = changeNumbersOf(parts);
  const marks = marksOf(parts.from, numbers.length);
  const polls: Poll[] = [];
  for (const [place, number] of numbers.entries()) {
    polls.push(new Poll(parts, teller, number, marks[place] ?? (await number.highest())));
  }
  const round = async (): Promise<void> => {
    for (const poll of polls) await poll.round();
    parts.listener.confirmed();
  };
  if (parts.from !== undefined) await round();
  const failed = inRounds(parts, round);
  return {
    get mark() {
      return joinMarks(polls.map(({ mark }) => mark));
    },
    failed,
  };
};

/** Each stands for itself. */
const changeNumbersOf = (parts: FollowParts): readonly ChangeNumber[] => {
  const { kind, namingContexts } = parts.server;
  if (kind === 'active-directory') return [usn(parts)];
  if (kind === 'content-sync') return namingContexts.map((each) => csn(parts, each));
  const what = `${parts.connection.server} keeps neither uSNChanged nor contextCSN for ${namingContexts.join(' and ')}`;
  throw new LdapError('ldap-protocol', `${what}: changes can only be found by sweeps (follow: none)`);
};

/** A controller counts the changes in all its naming contexts by one number. */
const usn = ({ connection, server }: FollowParts): ChangeNumber => ({
  attribute: 'uSNChanged',
  namingContexts: server.namingContexts,
  highest: () => readHighestUsn(connection),
  after: (mark) => String(BigInt(mark) + 1n),
  isBehind: (highest, mark) => BigInt(highest) < BigInt(mark),
  // An Active Directory keeps tombstones.
  tellUnseen: async () => undefined,
});

/**
 * OpenLDAP has a CSN for each of its providers: a change of one may arrive behind a later one of another. There is no "greater
 * than": the last change is told again, which does no harm.
 */
const csn = (parts: FollowParts, namingContext: string): ChangeNumber => ({
  attribute: entryCsn,
  namingContexts: [namingContext],
  async highest() {
    const found = await readContextCsns(parts.connection, namingContext);
    if (found.length > 0) return found.join(' ');
    throw new LdapError('ldap-protocol', `${parts.connection.server} shows no contextCSN of ${namingContext}`);
  },
  after(mark, highest) {
    const before = mark.split(' ');
    const since = movedSince(before, highest).map((moved) => before.find((each) => isOfOneProvider(each, moved)));
    // A provider that is new has made its changes at any time since the first of the others.
    return since.map((each) => each ?? before[0] ?? '').toSorted()[0] ?? mark;
  },
  isBehind(highest, mark) {
    const now = highest.split(' ');
    return mark.split(' ').some((before) => (now.find((each) => isOfOneProvider(each, before)) ?? '') < before);
  },
  async tellUnseen(changed, mark, highest) {
    const before = mark.split(' ');
    const deleted = await readDeleted(parts, namingContext, before);
    for (const id of deleted ?? []) parts.listener.gone(id);
    if (deleted !== undefined) return;
    // The last change of a provider that no entry shows was a deletion; behind one that shows itself there may be others.
    const isSeen = (moved: string): boolean => changed.some((entry) => entry.text(entryCsn) === moved);
    parts.listener.doubted(!movedSince(before, highest).every(isSeen));
  },
});

const entryCsn = 'entryCSN';

const movedSince = (before: readonly string[], highest: string): readonly string[] =>
  highest.split(' ').filter((each) => !before.includes(each));

/** `20260601000000.000000Z#000000#001#000000`: the third part is the provider's. */
const isOfOneProvider = (a: string, b: string): boolean => a.split('#')[2] === b.split('#')[2];

class Poll {
  /** Undefined when what it stood for is no more. */
  mark: string | undefined;
  readonly #parts: FollowParts;
  readonly #teller: Pick<Teller, 'tell'>;
  readonly #number: ChangeNumber;

  constructor(parts: FollowParts, teller: Pick<Teller, 'tell'>, number: ChangeNumber, mark: string) {
    this.#parts = parts;
    this.#teller = teller;
    this.#number = number;
    this.mark = mark;
  }

  /** The greatest number is read first: what changes during the search is found again in the next round. */
  async round(): Promise<void> {
    const highest = await this.#number.highest();
    const { mark } = this;
    if (mark !== undefined && highest !== mark) await this.#fetch(mark, highest);
    this.mark = highest;
  }

  async #fetch(mark: string, highest: string): Promise<void> {
    if (this.#number.isBehind(highest, mark)) {
      this.mark = undefined;
      throw goneBack(this.#parts.connection.server, mark, highest);
    }
    const since = this.#number.after(mark, highest);
    const changed: LdapEntry[] = [];
    for (const namingContext of this.#number.namingContexts) {
      await this.#collectChanged(namingContext, since, (entry) => changed.push(entry));
    }
    for (const entry of changed) await this.#teller.tell(entry);
    await this.#number.tellUnseen(changed, mark, highest);
  }

  /** The whole naming context, without the source's filter: who has left it must be seen leaving. */
  async #collectChanged(namingContext: string, since: string, onEntry: (entry: LdapEntry) => void): Promise<void> {
    const { connection, server, source } = this.#parts;
    const names = [server.identity, this.#number.attribute, ...toldBy];
    const filter = { atLeast: this.#number.attribute, value: since };
    const search = searchOf(namingContext, 'sub', filter, names, onEntry);
    const controls = server.kind === 'active-directory' ? deletedToo : [];
    await connection.searchPaged({ ...search, controls }, source.pageSize).done;
  }
}

const deletedToo = [plainControl(controlOids.showDeleted, false), plainControl(controlOids.domainScope, false)];

/** For those who follow in another way, and poll besides. */
export const usnPoll = (parts: FollowParts, teller: Pick<Teller, 'tell'>, mark: string): Poll =>
  new Poll(parts, teller, usn(parts), mark);
