/**
 * An LDIF file in service. A new version of it is judged as a sweep is: one that would lose too many users is held back, and those
 * before it stay, until somebody who has looked at the loss confirms it.
 */
import type { DirectoryAnswer } from '../routing/types.ts';
import type { Directory, DirectoryDescription } from './directory.ts';
import type { LdifUsers } from './ldif.ts';
import type { LivingSource, Succession } from './living-source.ts';
import type { SnapshotLog } from './snapshot-directory.ts';
import type { LdifSourceSettings, SourceSettings } from './source-settings.ts';
import { disbelief } from './sync/belief.ts';
import type { SharedTable } from './user-records.ts';
import { UserTable } from './user-table.ts';

/** A version of the file that is not in force. */
export interface HeldVersion {
  readonly users: LdifUsers;
  readonly sinceMs: number;
  readonly gone: number;
  readonly disabled: number;
  /** For people. */
  readonly why: string;
}

/** What becomes of a version of the file. */
type Verdict = { readonly users: LdifUsers } | { readonly held: HeldVersion };

export type TellTable = (table: SharedTable, description: DirectoryDescription) => void;

export class LivingLdif implements LivingSource, Directory {
  settings: LdifSourceSettings;
  readonly #log: SnapshotLog;
  readonly #now: () => number;
  readonly #others = new Set<TellTable>();
  #users: LdifUsers;
  #held: HeldVersion | undefined;

  /** Its first version has nothing to be judged by. */
  constructor(settings: LdifSourceSettings, log: SnapshotLog, now: () => number = Date.now) {
    this.settings = settings;
    this.#log = log;
    this.#now = now;
    this.#users = settings.directory;
  }

  get directory(): Directory {
    return this;
  }

  get held(): HeldVersion | undefined {
    return this.#held;
  }

  lookup(recipientKey: string): DirectoryAnswer | Promise<DirectoryAnswer> {
    return this.#users.lookup(recipientKey);
  }

  describe(): DirectoryDescription {
    const { source, summary } = this.#users.describe();
    if (this.#held === undefined) return { source, summary };
    return { source, summary: `${summary}, a version of the file is held back since ${textOf(this.#held.sinceMs)}` };
  }

  table(): SharedTable {
    return this.#users.table();
  }

  /** @returns ends it */
  tellOthers(tell: TellTable): () => void {
    this.#others.add(tell);
    return () => void this.#others.delete(tell);
  }

  async ready(): Promise<void> {}

  close(): void {}

  get warning(): string | undefined {
    return warningOf(this.#users, this.#held);
  }

  succession(next: SourceSettings): Succession | undefined {
    if (next.kind !== 'ldif' || next.file !== this.settings.file) return undefined;
    const judgedBy = this.#users;
    const verdict = this.#judge(next);
    let isCommitted = false;
    return {
      table: () => (isCommitted || 'held' in verdict ? this.#users : verdict.users).table(),
      warning: 'held' in verdict ? warningOf(next.directory, verdict.held) : undefined,
      ready: async () => undefined,
      commit: () => {
        isCommitted = true;
        this.settings = next;
        // Somebody may have confirmed what was held back meanwhile.
        const now = this.#users === judgedBy ? verdict : this.#judge(next);
        if ('users' in now) this.#use(now.users);
        else this.#hold(now.held);
        // Who has borrowed what was to be has another table.
        if ('held' in now && 'users' in verdict) this.#tellOthers();
        return undefined;
      },
      abandon: () => undefined,
    };
  }

  /** The operator has looked at the loss, and it is right: that version, and no other. */
  confirmLoss(): void {
    if (this.#held !== undefined) this.#use(this.#held.users);
  }

  /** What has been held back already is so since then. */
  #judge({ directory: users, maxLoss, isCutOff }: LdifSourceSettings): Verdict {
    if (users === this.#users) return { users };
    const [before, after] = [this.#users, users].map((each) => new UserTable(each.table())) as [UserTable, UserTable];
    const { addresses } = before.counts;
    const { gone, disabled } = before.lossTo(after);
    const loss = { gone, disabled, share: addresses === 0 ? 0 : (gone + disabled) / addresses };
    // Nobody loses anybody where nobody was.
    const found = Math.max(after.counts.addresses, addresses === 0 ? 1 : 0);
    const why = disbelief(found, loss, isCutOff ? 0 : maxLoss);
    if (why === undefined) return { users };
    const sinceMs = this.#held?.users === users ? this.#held.sinceMs : this.#now();
    return { held: { users, sinceMs, gone, disabled, why: isCutOff ? `${cutOff}: ${why}` : why } };
  }

  #use(users: LdifUsers): void {
    this.#held = undefined;
    if (users === this.#users) return;
    this.#users = users;
    this.#tellOthers();
  }

  #tellOthers(): void {
    for (const tell of this.#others) tell(this.#users.table(), this.#users.describe());
  }

  #hold(held: HeldVersion): void {
    const isNews = held.users !== this.#held?.users;
    this.#held = held;
    const { gone, disabled, why } = held;
    const { source } = this.#users.describe();
    if (isNews) this.#log.warn({ source, gone, disabled, why }, 'a version of an LDIF file is held back');
  }
}

/** As a problem of the configuration reads. */
const warningOf = (users: LdifUsers, held: HeldVersion | undefined): string | undefined =>
  held && `${users.describe().source}: warning: this version of the file is held back: ${held.why}`;

const cutOff = 'the file ends within a line, as one does that is being written or has broken off';

const textOf = (ms: number): string => new Date(ms).toISOString();
