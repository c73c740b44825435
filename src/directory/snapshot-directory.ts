/**
 * A source whose users are all in memory: a look-up is a look into a table, and never waits. How old that knowledge is, and
 * when it is not believed any more, is decided here; how it gets here is the matter of `sync/`.
 */
import type { DatedClock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { DirectoryAnswer } from '../routing/types.ts';
import type { Directory, DirectoryDescription } from './directory.ts';
import { Repeated } from './repeated.ts';
import type { SyncOrder } from './sync/order.ts';
import { downWithin, isDown } from './sync/outages.ts';
import type { SweepReport } from './sync/report.ts';
import type { SnapshotSettings } from './sync/snapshot-settings.ts';
import { type SyncNews, type SyncStatus, statusAtStart } from './sync/status.ts';
import { type UserDetails, type UserState, UserTable } from './table/user-table.ts';

/** The sync, wherever it runs. */
export interface SyncHandle {
  /** @param believesLoss puts the next sweep in force if it drops nobody but those whom the one that was held back would have */
  sweepNow(believesLoss: boolean): void;
  /** Goes on with other settings, by which it knows the same users. */
  change(order: SyncOrder): void;
  /** Resolves when it has ended and the snapshot is on disk. */
  stop(): Promise<void>;
}

/** @param tell is called whenever the status or the table has changed, the first time soon */
export type StartSync = (tell: (news: SyncNews) => void) => SyncHandle;

export interface SnapshotParts {
  /** As it stands in answers: `ldap corp`. */
  readonly source: string;
  readonly settings: SnapshotSettings;
  readonly startSync: StartSync;
  readonly clock: Pick<DatedClock, 'now' | 'dateMs'>;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

/** The machine's clocks. */
export const ownClock: SnapshotParts['clock'] = { now: () => performance.now(), dateMs: () => Date.now() };

export interface SnapshotUser extends UserDetails {
  readonly source: string;
}

/** How much of what is known may still be believed. */
type Belief = 'fresh' | 'stale' | 'expired';

export class SnapshotDirectory implements Directory {
  #parts: SnapshotParts;
  #sync: SyncHandle | undefined;
  #table: UserTable | undefined;
  #status: SyncStatus = statusAtStart;
  /** What the clocks said when it was last confirmed what is known. */
  #heard: { readonly nowMs: number; readonly elapsedMs: number } | undefined;
  readonly #others = new Set<(news: SyncNews) => void>();
  readonly #failures = new Repeated();
  readonly #sweepFailures = new Repeated();
  #sweepToldMs = 0;
  readonly #tried = Promise.withResolvers<void>();
  readonly #admitted = Promise.withResolvers<void>();

  constructor(parts: SnapshotParts) {
    this.#parts = parts;
  }

  get status(): SyncStatus {
    return this.#status;
  }

  get settings(): SnapshotSettings {
    return this.#parts.settings;
  }

  /** What it knows: another one that is told this, and all that comes later, gives the same answers. */
  get news(): SyncNews {
    return { table: this.#table?.shared, status: this.#status };
  }

  /** @returns ends it */
  tellOthers(tell: (news: SyncNews) => void): () => void {
    this.#others.add(tell);
    return () => void this.#others.delete(tell);
  }

  /** From now on these; whom it knows stays. */
  change(order: SyncOrder): void {
    this.#parts = { ...this.#parts, source: order.source.name, settings: order.settings };
    this.#sync?.change(order);
  }

  /** Begins to read, and waits for nothing. */
  start(): void {
    this.#sync = this.#parts.startSync((news) => this.#hear(news));
  }

  /** Resolves when users are known, be it from disk, or the first attempt to read them has failed. */
  get ready(): Promise<void> {
    return this.#tried.promise;
  }

  /**
   * Resolves when listeners may open: with `require-first-sync` when users are known, else as soon as it is known whether
   * the disk has any. `stop` ends the wait.
   */
  get mayListen(): Promise<void> {
    return this.#admitted.promise;
  }

  async stop(): Promise<void> {
    this.#admitted.resolve();
    this.#tried.resolve();
    await this.#sync?.stop();
  }

  /** Sweeps at once. */
  refresh(): void {
    this.#sync?.sweepNow(false);
  }

  /** The operator has looked at the loss that a sweep was held back for, and it is right. */
  confirmLoss(): void {
    this.#sync?.sweepNow(true);
  }

  lookup(recipientKey: string): DirectoryAnswer {
    const table = this.#table;
    const { confirmedAtMs } = this.#status;
    if (table === undefined || confirmedAtMs === undefined) return this.#unavailable('no users have been read yet');
    const nowMs = this.#nowMs();
    const belief = this.#belief(confirmedAtMs, nowMs);
    if (belief === 'expired') return this.#unavailable(`nothing was heard of it since ${textOf(confirmedAtMs)}`);
    const state = table.stateOf(recipientKey);
    if (state === undefined) return this.#unknown(nowMs - confirmedAtMs);
    if (this.#status.heldSinceMs !== undefined) return this.#answerHeld(table, recipientKey, state, nowMs);
    return this.#home(state, belief, nowMs - confirmedAtMs);
  }

  /** What is kept of one user; the name in the directory is not. */
  detailsOf(recipientKey: string): SnapshotUser | undefined {
    const details = this.#table?.detailsOf(recipientKey);
    return details && { ...details, source: this.#parts.source };
  }

  describe(): DirectoryDescription {
    const { source } = this.#parts;
    if (this.#table === undefined) return { source, summary: `no users yet, ${this.#doing()}` };
    const { addresses, enabled } = this.#table.counts;
    return { source, summary: `${addresses} addresses, ${enabled} of them enabled, ${this.#doing()}` };
  }

  #doing(): string {
    const { phase, server, lastFailure, heldSinceMs, clockProblem } = this.#status;
    const held = heldSinceMs === undefined ? '' : `, a sweep is held back since ${textOf(heldSinceMs)}`;
    const why = lastFailure === undefined ? '' : ` (${lastFailure})`;
    const doubt = clockProblem === undefined ? '' : `; ${clockProblem}`;
    return `${phase}${server === undefined ? '' : ` ${server}`}${why}${held}${doubt}`;
  }

  /** A sweep that was held back has not seen some: they grow old for themselves, and who expires is gone as the source said. */
  #answerHeld(table: UserTable, key: string, state: UserState, nowMs: number): DirectoryAnswer {
    const { heldSinceMs = 0, confirmedAtMs = 0 } = this.#status;
    const seenMs = (table.lastSeenOf(key) ?? 0) * 1_000;
    const atMs = seenMs + 1_000 > heldSinceMs ? confirmedAtMs : seenMs;
    const belief = this.#belief(atMs, nowMs);
    return belief === 'expired' ? this.#unknown(nowMs - confirmedAtMs) : this.#home(state, belief, nowMs - atMs);
  }

  /** As the clock would say if nobody had set it since: by that nobody grows older, who will be confirmed by the new time soon. */
  #nowMs(): number {
    const { clock } = this.#parts;
    return this.#heard === undefined ? clock.dateMs() : this.#heard.nowMs + clock.now() - this.#heard.elapsedMs;
  }

  /** What could not be asked does not grow old. */
  #belief(atMs: number, nowMs: number): Belief {
    const { staleAfterMs, expireAfterMs } = this.#parts.settings;
    let ageMs = nowMs - atMs;
    if (ageMs <= staleAfterMs) return 'fresh';
    ageMs -= downWithin(this.#status.outages, atMs, nowMs);
    if (ageMs <= staleAfterMs) return 'fresh';
    return ageMs <= expireAfterMs ? 'stale' : 'expired';
  }

  #home(state: UserState, freshness: 'fresh' | 'stale', ageMs: number): DirectoryAnswer {
    const addressOnly = state === 'address-only';
    return { kind: 'home', side: 'microsoft', addressOnly, freshness, source: this.#parts.source, ageMs };
  }

  #unknown(ageMs: number): DirectoryAnswer {
    return { kind: 'unknown-user', source: this.#parts.source, ageMs };
  }

  #unavailable(why: string): DirectoryAnswer {
    const { lastFailure } = this.#status;
    const cause = lastFailure === undefined ? '' : `: ${lastFailure}`;
    return { kind: 'unavailable', why: `${this.#parts.source}: ${why}${cause}` };
  }

  #hear({ table, status }: SyncNews): void {
    // From another thread the same memory comes as another object each time: a view on it is as soon made as compared.
    if (table !== undefined) this.#table = new UserTable(table);
    const before = this.#status;
    // A sync that begins anew knows nothing yet: until it does, what was known stays known.
    this.#status = { ...status, confirmedAtMs: status.confirmedAtMs ?? before.confirmedAtMs };
    if (this.#status.confirmedAtMs !== before.confirmedAtMs) {
      const { clock } = this.#parts;
      this.#heard = { nowMs: clock.dateMs(), elapsedMs: clock.now() };
    }
    this.#report(before, status);
    if (this.#table !== undefined || status.lastFailure !== undefined) this.#tried.resolve();
    if (this.#table !== undefined || !this.#parts.settings.requireFirstSync) this.#admitted.resolve();
    for (const tell of this.#others) tell(this.news);
  }

  /** What an operator should hear of, once each time that it comes about. */
  #report(before: SyncStatus, now: SyncStatus): void {
    const { log, source } = this.#parts;
    if (now.fileProblem !== undefined && now.fileProblem !== before.fileProblem) {
      log.warn({ source, why: now.fileProblem }, 'the snapshot on disk is of no use');
    }
    if (now.clockProblem !== undefined && now.clockProblem !== before.clockProblem) {
      log.warn({ source, why: now.clockProblem }, 'ages in the directory make no sense for now');
    }
    if (now.phase === 'waiting' && now.lastFailure !== undefined && now.lastFailure !== before.lastFailure) {
      const times = this.#failures.come(now.lastFailure);
      const told = { source, why: now.lastFailure, ...(times === 1 ? {} : { times }) };
      if (times !== undefined) log.warn(told, 'the directory cannot be followed');
    }
    if (now.phase === 'following') this.#failures.end();
    if (isDown(before.outages) && !isDown(now.outages)) {
      log.info({ source, server: now.server }, 'the directory can be asked again');
    }
    if (now.lastSweep !== undefined && now.lastSweep.endedAtMs !== before.lastSweep?.endedAtMs) {
      this.#reportSweep(now.lastSweep);
    }
  }

  #reportSweep(report: SweepReport): void {
    const { log, source, clock } = this.#parts;
    const { outcome, why, skipped, duplicates } = report;
    const sweep = { ...report, skipped: skipped.slice(0, listedInLog), duplicates: duplicates.slice(0, listedInLog) };
    const what = `a sweep of the directory: ${outcome}`;
    if (outcome === 'applied') {
      this.#sweepFailures.end();
      return log.info({ source, sweep }, what);
    }
    const times = this.#sweepFailures.come(`${outcome}: ${why}`);
    // One that is held back waits for an operator, who may have missed the first line.
    if (times === undefined && clock.now() - this.#sweepToldMs < remindMs) return;
    this.#sweepToldMs = clock.now();
    const { count } = this.#sweepFailures;
    log.warn({ source, sweep, ...(count === 1 ? {} : { times: count }) }, what);
  }
}

const remindMs = 12 * 3_600_000;

/** Of what a sweep left out, the log has the first; the status has more of them. */
const listedInLog = 5;

const textOf = (ms: number): string => new Date(ms).toISOString();
