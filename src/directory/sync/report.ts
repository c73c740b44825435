/** What a sweep found, for the status page and the log: how much it brought, what it had to leave out, and what it would drop. */

interface SkippedEntry {
  readonly dn: string;
  readonly reason: string;
}

export interface SweepReport {
  readonly server: string;
  /** Of its database: see ServerFacts. */
  readonly instance: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** `held`: the loss was too great to be believed; `failed`: it did not come to its end. Either way the users before it stay. */
  readonly outcome: 'applied' | 'held' | 'failed';
  /** Why it was held or has failed. */
  readonly why: string | undefined;
  /** Objects that came. */
  readonly objects: number;
  /** Addresses known before that are not there any more. */
  readonly gone: number;
  /** Users enabled before that are not any more. */
  readonly disabled: number;
  readonly skippedCount: number;
  /** The first of them. */
  readonly skipped: readonly SkippedEntry[];
  readonly duplicateCount: number;
  /** The first of them: the second object that was found with an address; the reason names the others. */
  readonly duplicates: readonly SkippedEntry[];
}

/** A directory where everything is wrong must not fill the memory with complaints. */
const listedAtMost = 200;

/** Collects while a sweep runs. */
export class SweepNotes {
  objects = 0;
  /** Users among them. */
  users = 0;
  /** Somebody shows the attribute that says who is enabled. */
  showsEnabled = false;
  skippedCount = 0;
  duplicateCount = 0;
  readonly skipped: SkippedEntry[] = [];
  /** Where the second object with an address was found. */
  readonly shared: { readonly dn: string; readonly key: string }[] = [];
  /** All objects with an address, as far as they have been asked for. */
  readonly namesByKey = new Map<string, readonly string[]>();

  skip(dn: string, reason: string): void {
    this.skippedCount += 1;
    if (this.skipped.length < listedAtMost) this.skipped.push({ dn, reason });
  }

  duplicate(dn: string, key: string): void {
    this.duplicateCount += 1;
    if (this.shared.length < listedAtMost) this.shared.push({ dn, key });
  }

  get duplicates(): readonly SkippedEntry[] {
    return this.shared.map(({ dn, key }) => {
      const others = this.namesByKey.get(key)?.filter((name) => name.toLowerCase() !== dn.toLowerCase()) ?? [];
      const who = others.length === 0 ? 'another object' : others.join(' and ');
      return { dn, reason: `${key} is the address of ${who} too; the enabled one counts` };
    });
  }
}
