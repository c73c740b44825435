/**
 * LDIF files as a source. A new version of a file is judged as a sweep is: one that would lose too many users is held back, and those
 * before it stay, until somebody who has looked at the loss confirms it.
 */
import type { DirectoryAnswer } from '../../routing/types.ts';
import type { Item } from '../../settings/reader.ts';
import type { Report } from '../../settings/report.ts';
import type { CacheSettings } from '../cached.ts';
import type { Directory, DirectoryDescription, DirectoryParts } from '../directory.ts';
import type {
  CompilePlace,
  HeldFile,
  HeldVersion,
  LivingSource,
  Source,
  SourceKind,
  SourceView,
  Succession,
} from '../source.ts';
import { disbelief } from '../sync/belief.ts';
import type { SharedTable } from '../table/user-records.ts';
import { UserTable } from '../table/user-table.ts';
import type { TellTable } from '../threads/lend.ts';
import { compileLdif, type LdifRow, type LdifSourceSettings, ldifSection } from './settings.ts';
import type { LdifUsers } from './users.ts';

interface HeldUsers extends HeldVersion {
  readonly users: LdifUsers;
}

/** What becomes of a version of the file. */
type Verdict = { readonly users: LdifUsers } | { readonly held: HeldUsers };

export const ldifKind = {
  section: ldifSection,
  compile(row: Item<LdifRow>, report: Report, { former, ...place }: CompilePlace): Source | undefined {
    const known = former.flatMap((source) => (source instanceof LdifSource ? source.settings : []));
    const settings = compileLdif(row, report, place, known);
    return settings && new LdifSource(settings);
  },
} satisfies SourceKind<LdifRow>;

export class LdifSource implements Source {
  readonly settings: LdifSourceSettings;
  readonly certificates = [];
  readonly writtenFiles = [];

  constructor(settings: LdifSourceSettings) {
    this.settings = settings;
  }

  get name(): string {
    return this.users.describe().source;
  }

  get users(): LdifUsers {
    return this.settings.contents.directory;
  }

  describe(): DirectoryDescription {
    return this.users.describe();
  }

  isSame(other: Source): boolean {
    if (!(other instanceof LdifSource)) return false;
    const { file, maxLoss, isCutOff } = other.settings;
    const own = this.settings;
    return this.users === other.users && own.file === file && own.maxLoss === maxLoss && own.isCutOff === isCutOff;
  }

  knowsTheSame(other: Source): boolean {
    return other instanceof LdifSource && other.settings.file === this.settings.file;
  }

  open(_cache: CacheSettings, { log }: DirectoryParts): LivingSource {
    return new LivingLdif(this, log);
  }

  forOneQuestion(): Source {
    return this;
  }

  async examine(): Promise<undefined> {}
}

export class LivingLdif implements LivingSource, Directory, HeldFile {
  source: LdifSource;
  readonly #log: DirectoryParts['log'];
  readonly #now: () => number;
  readonly #others = new Set<TellTable>();
  #users: LdifUsers;
  #held: HeldUsers | undefined;

  /** Its first version has nothing to be judged by. */
  constructor(source: LdifSource, log: DirectoryParts['log'], now: () => number = Date.now) {
    this.source = source;
    this.#log = log;
    this.#now = now;
    this.#users = source.users;
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

  view(_source: Source, succession: Succession | undefined): SourceView {
    return {
      file: this,
      snapshot: undefined,
      table: () => succession?.table?.() ?? this.table(),
      tellTable: (tell) => this.tellOthers(tell),
      namesOf: undefined,
    };
  }

  succession(next: Source): Succession | undefined {
    if (!(next instanceof LdifSource) || !this.source.knowsTheSame(next)) return undefined;
    const judgedBy = this.#users;
    const verdict = this.#judge(next);
    let isCommitted = false;
    return {
      table: () => (isCommitted || 'held' in verdict ? this.#users : verdict.users).table(),
      warning: 'held' in verdict ? warningOf(next.users, verdict.held) : undefined,
      ready: async () => undefined,
      commit: () => {
        isCommitted = true;
        this.source = next;
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
  #judge({ users, settings: { maxLoss, isCutOff } }: LdifSource): Verdict {
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

  #hold(held: HeldUsers): void {
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
