/**
 * Keeps one source's users in a table: a sweep brings all of them, a follower what changes in between, and again after every
 * outage. It knows neither threads nor SIP, and tells what it has by one callback.
 */
import { isDeepStrictEqual } from 'node:util';
import type { DatedClock } from '../../clock.ts';
import type { HashSeed } from '../../hash/keyed-hash.ts';
import { consequenceOf } from '../ldap/failure-class.ts';
import { type LdapConnection, type LdapConnections, LdapError, reportOfServer } from '../ldap/ldap.ts';
import { aheadOfClock, ClockSteps } from './clock-steps.ts';
import { followByDirSync } from './dirsync.ts';
import { nameDuplicates } from './duplicates.ts';
import { type ChangeListener, type Follow, type Follower, followNothing, type Position } from './follow.ts';
import { followByNotification } from './notify.ts';
import { begin, end } from './outages.ts';
import { followByPolling } from './poll.ts';
import { SweepNotes, type SweepReport } from './report.ts';
import { retryMs } from './retry.ts';
import { readServerFacts, type ServerFacts } from './server-facts.ts';
import { betterServer } from './server-return.ts';
import { SnapshotFile } from './snapshot-file.ts';
import type { SnapshotSettings } from './snapshot-settings.ts';
import { type SyncNews, type SyncStatus, statusAtStart } from './status.ts';
import { readSnapshot } from './store.ts';
import { sweepUsers } from './sweep.ts';
import { SweepPlan } from './sweep-plan.ts';
import { SweepJudge } from './sweep-verdict.ts';
import { type Loss, noLoss, Tables } from './tables.ts';
import { refuseMissing } from './teller.ts';
import { identityOf, type UserSource } from './user-source.ts';

interface SyncParts {
  readonly connections: LdapConnections;
  readonly source: UserSource;
  readonly settings: SnapshotSettings;
  readonly clock: DatedClock;
  /** In [0, 1). */
  readonly random: () => number;
  /** Of the hashes, where no file gives one. */
  readonly seed: HashSeed;
  readonly tell: (news: SyncNews) => void;
}

/** Settings by which a source is known and kept. */
type SyncChange = Pick<SyncParts, 'source' | 'settings'> & { readonly connections: LdapConnections | undefined };

/** What a session is begun with. */
const waysOf = ({ follow, followEveryMs }: SnapshotSettings): unknown => [follow, followEveryMs];

const followers: Readonly<Record<SnapshotSettings['follow'], Follow>> = {
  notify: followByNotification,
  dirsync: followByDirSync,
  poll: followByPolling,
  none: followNothing,
};

/** One slow sweep may be its own fault, as one slow look-up is: a second one makes the server a sick one. */
const mostSilentSweeps = 2;

/** A session that lived so long had not failed at once: the next may begin without delay. */
const steadyMs = 30_000;

const longestTimerMs = 2 ** 31 - 1;

/** Nothing grows old by it. */
const isSilence = (error: unknown): boolean => error instanceof LdapError && consequenceOf(error.failure).isSilence;

/** One connection that follows, and what is done beside it. */
interface Session {
  readonly connection: LdapConnection;
  readonly server: ServerFacts;
  isOver: boolean;
  sweeping: LdapConnection | undefined;
}

export class SnapshotSync {
  #parts: SyncParts;
  /** Counts the settings that it has had. */
  #version = 0;
  readonly #tables: Tables;
  readonly #clockSteps: ClockSteps;
  #status: SyncStatus = statusAtStart;
  /** Where the last session stood, if its table was whole, and by what it followed: each marks its place in a way of its own. */
  #position: (Position & Pick<SnapshotSettings, 'follow'>) | undefined;
  /** All that the follower tells is in the table, and the table was whole when it began. */
  #isWhole = false;
  #isStopped = false;
  readonly #judge = new SweepJudge();
  #session: Session | undefined;
  readonly #plan: SweepPlan;
  #file: SnapshotFile | undefined;
  /** In a row, and not answered. */
  #silentSweeps = 0;
  #shortSessions = 0;
  #wake: () => void = () => {};
  #ended: Promise<void> = Promise.resolve();

  constructor(parts: SyncParts) {
    this.#parts = parts;
    const { settings, clock, random } = parts;
    const { file } = settings;
    this.#plan = new SweepPlan(clock, random, settings);
    this.#file = fileOf(settings, clock);
    const loaded = file === undefined ? ({ kind: 'absent' } as const) : readSnapshot(file, parts.source);
    const stored = loaded.kind === 'loaded' ? loaded.snapshot : undefined;
    this.#tables = new Tables(parts.source.attributes, parts.seed, stored?.table);
    const nowMs = clock.dateMs();
    const confirmedAtMs = stored && Math.min(stored.confirmedAtMs, nowMs);
    const ahead = stored && aheadOfClock(stored.confirmedAtMs, nowMs);
    this.#clockSteps = new ClockSteps(clock);
    this.#status = {
      ...statusAtStart,
      confirmedAtMs,
      fileProblem: loaded.kind === 'refused' ? loaded.why : undefined,
      clockProblem: ahead && `${file}: ${ahead}`,
      // While the router did not run, nobody could be seen.
      outages: confirmedAtMs === undefined ? [] : begin([], confirmedAtMs),
    };
  }

  start(): void {
    this.#tell({});
    this.#ended = this.#run();
  }

  /** @param believesLoss the operator has looked: the next sweep is put in force if it drops nobody but those whom the one that was held back would have */
  sweepNow(believesLoss = false): void {
    if (believesLoss) this.#judge.believeLoss();
    this.#plan.bringForward();
    this.#shortSessions = 0;
    this.#parts.connections.tryAtOnce();
    this.#wake();
  }

  /**
   * Goes on with other settings: those whom it knows stay, for they are selected as before.
   * @param connections undefined: those that it has
   */
  change({ connections, source, settings }: SyncChange): void {
    const before = this.#parts;
    this.#parts = { ...before, source, settings, connections: connections ?? before.connections };
    if (settings.file !== before.settings.file) this.#moveFile();
    if (this.#plan.change(settings)) this.#tell({ nextSweepAtMs: this.#plan.dueDateMs });
    const isSameSession = isDeepStrictEqual([source, waysOf(settings)], [before.source, waysOf(before.settings)]);
    if (connections === undefined && isSameSession) return this.#wake();
    this.#version += 1;
    this.#shortSessions = 0;
    if (connections !== undefined) before.connections.close();
    this.#endSession();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#endSession();
    this.#parts.connections.close();
    await this.#ended;
    this.#save();
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const beganMs = this.#parts.clock.now();
      const version = this.#version;
      try {
        await this.#hold();
      } catch (error) {
        if (this.#isStopped) return;
        // Our own doing says nothing of the server, and waits for nothing.
        if (version !== this.#version) continue;
        if (isSilence(error)) this.#tell({ outages: begin(this.#status.outages, this.#parts.clock.dateMs()) });
        this.#tell({ phase: 'waiting', lastFailure: (error as Error).message });
      }
      if (version !== this.#version) continue;
      const isSteady = this.#parts.clock.now() - beganMs > steadyMs;
      this.#shortSessions = isSteady ? 0 : this.#shortSessions + 1;
      const ownMs = this.#shortSessions < 2 ? 0 : retryMs(this.#shortSessions - 2);
      await this.#pause(Math.max(ownMs, this.#parts.connections.restMs()));
    }
  }

  /** One session from its connection to its end, which is always a failure or our own stop. */
  async #hold(): Promise<void> {
    const connection = await this.#parts.connections.open('sync');
    this.#tell({ server: connection.server, outages: end(this.#status.outages, this.#parts.clock.dateMs()) });
    try {
      const server = await readServerFacts(connection, this.#parts.source.baseDns);
      refuseMissing(server.missingBases, connection.server);
      this.#session = { connection, server, isOver: false, sweeping: undefined };
      await this.#follow(this.#session);
    } finally {
      this.#endSession();
      connection.close();
    }
  }

  async #follow(session: Session): Promise<void> {
    const { connection, server } = session;
    const { source, settings, clock } = this.#parts;
    const { instance, follow, mark } = this.#position ?? {};
    const from = instance === server.instance && follow === settings.follow ? mark : undefined;
    // Used once: a position that the server refuses must not be offered again.
    this.#position = undefined;
    this.#isWhole = from !== undefined;
    if (!this.#isWhole) this.#plan.bringForward();
    const everyMs = settings.followEveryMs;
    const parts = { connection, server, source, everyMs, clock, listener: this.#listener(), from };
    const follower = await followers[settings.follow](parts);
    follower.failed.catch(() => undefined);
    this.#tell({ phase: 'following', lastFailure: undefined });
    const better = betterServer(this.#parts.connections, clock, connection, () => session.sweeping !== undefined);
    try {
      await Promise.race([follower.failed, this.#sweeps(session), better]);
    } finally {
      this.#remember(follower, server, settings.follow);
    }
  }

  #remember({ mark }: Follower, { instance }: ServerFacts, follow: SnapshotSettings['follow']): void {
    if (this.#isWhole && mark !== undefined) this.#position = { instance, mark, follow };
  }

  #listener(): ChangeListener {
    const { clock } = this.#parts;
    return {
      changed: (id, entry) => this.#write(() => this.#tables.changed(id, entry, clock.dateMs())),
      knows: (id) => this.#tables.knows(id),
      gone: (id) => this.#tables.gone(id),
      confirmed: () => this.#confirmed(),
      doubted: (isLikely) => this.#doubted(isLikely),
    };
  }

  /** Readers see what is written in the table that they have, unless it had to grow. */
  #write(change: () => void): void {
    const before = this.#tables.current;
    change();
    if (this.#tables.current !== before) this.#tell({});
  }

  #doubted(isLikely = true): void {
    this.#plan.doubt(isLikely);
    this.#wake();
  }

  #confirmed(): void {
    if (!this.#isWhole) return;
    const nowMs = this.#parts.clock.dateMs();
    this.#tell({ confirmedAtMs: nowMs, clockProblem: undefined });
    if (this.#file?.isDue === true) this.#save();
  }

  async #sweeps(session: Session): Promise<void> {
    while (!session.isOver) {
      const { leftMs } = this.#plan;
      if (leftMs > 0) await this.#pause(leftMs);
      else await this.#sweep(session);
    }
  }

  async #sweep(session: Session): Promise<void> {
    const startedAtMs = this.#parts.clock.dateMs();
    const notes = new SweepNotes();
    this.#plan.begun();
    this.#tell({ phase: 'sweeping' });
    this.#tables.beginSweep(notes);
    let report: SweepReport;
    try {
      await this.#collect(session, notes);
      report = this.#conclude(session, notes, startedAtMs);
      this.#silentSweeps = 0;
    } catch (error) {
      this.#tables.forgetSweep();
      if (session.isOver) return;
      report = this.#reportOf(session, notes, startedAtMs, { outcome: 'failed', why: (error as Error).message });
      this.#judgeServer(session, error);
    }
    const hasFailed = report.outcome === 'failed';
    this.#plan.ended(hasFailed);
    this.#tell({
      phase: 'following',
      lastSweep: report,
      nextSweepAtMs: this.#plan.dueDateMs,
      lastFailure: hasFailed ? report.why : undefined,
    });
    if (report.outcome === 'applied') this.#save();
  }

  /** It may answer all else, and each sweep has a connection of its own: silence about sweeps is counted here alone. */
  #judgeServer({ connection: { server } }: Session, error: unknown): void {
    const isSilent = error instanceof LdapError && error.failure === 'silent';
    this.#silentSweeps = isSilent ? this.#silentSweeps + 1 : 0;
    if (!isSilent || this.#silentSweeps < mostSilentSweeps) return;
    this.#silentSweeps = 0;
    const what = `${server} is silent about sweeps: ${mostSilentSweeps} in a row were not answered`;
    this.#parts.connections.leave(server, new LdapError('ldap-timeout', what));
  }

  #moveFile(): void {
    this.#file = fileOf(this.#parts.settings, this.#parts.clock);
    this.#tell({ fileProblem: undefined });
    this.#save();
  }

  /** On a connection of its own, so that changes do not wait behind pages; of the same server, so that both tell one story. */
  async #collect(session: Session, notes: SweepNotes): Promise<void> {
    const { connections, source, clock } = this.#parts;
    const connection = await connections.open('sync');
    session.sweeping = connection;
    try {
      if (connection.server !== session.connection.server) {
        session.connection.close();
        throw new LdapError('ldap-closed', `${connection.server} has taken the place of ${session.connection.server}`);
      }
      await sweepUsers(connection, source, session.server, (entry) => {
        // What still comes belongs to no sweep, or would to the next one.
        if (session.isOver) return;
        this.#write(() => this.#tables.found(identityOf(entry, session.server), entry, clock.dateMs()));
      });
      await nameDuplicates(connection, source, notes);
    } finally {
      session.sweeping = undefined;
      connection.close();
    }
  }

  #conclude(session: Session, notes: SweepNotes, startedAtMs: number): SweepReport {
    const { source, settings } = this.#parts;
    const { whyHeld, loss, isBlind } = this.#judge.judge(notes, this.#tables, source, settings.maxLoss);
    if (whyHeld !== undefined) {
      // A right that is given back is no change that could be heard of.
      if (isBlind) this.#doubted(false);
      this.#tables.showLoss();
      this.#tables.forgetSweep();
      this.#tell({ heldSinceMs: startedAtMs });
      return this.#reportOf(session, notes, startedAtMs, { outcome: 'held', why: whyHeld }, loss);
    }
    this.#tables.adoptSweep();
    this.#isWhole = true;
    this.#tell({ heldSinceMs: undefined, confirmedAtMs: startedAtMs, clockProblem: undefined });
    return this.#reportOf(session, notes, startedAtMs, { outcome: 'applied', why: undefined }, loss);
  }

  #reportOf(
    { server, connection }: Session,
    notes: SweepNotes,
    startedAtMs: number,
    verdict: Pick<SweepReport, 'outcome' | 'why'>,
    loss: Loss = noLoss,
  ): SweepReport {
    const { objects, skipped, skippedCount, duplicates, duplicateCount } = notes;
    return {
      ...verdict,
      server: connection.server,
      instance: server.instance,
      startedAtMs,
      endedAtMs: this.#parts.clock.dateMs(),
      objects,
      gone: loss.gone,
      disabled: loss.disabled,
      skipped,
      skippedCount,
      duplicates,
      duplicateCount,
    };
  }

  #endSession(): void {
    const session = this.#session;
    this.#session = undefined;
    if (session === undefined) return this.#wake();
    session.isOver = true;
    session.sweeping?.close();
    session.connection.close();
    this.#wake();
  }

  /** For so long, or until something wakes it; at most as long as a timer can run. */
  #pause(ms: number): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    const { clock } = this.#parts;
    return new Promise((resolve) => {
      const timer = clock.after(Math.min(ms, longestTimerMs), resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #tell(change: Partial<SyncStatus>): void {
    const { connections, clock } = this.#parts;
    const servers = connections.servers().map((each) => reportOfServer(each, clock.dateMs()));
    const step = this.#clockSteps.tell();
    this.#status = { ...this.#status, ...change, servers, ...(step === undefined ? {} : { clockProblem: step }) };
    const table = this.#tables.current;
    this.#parts.tell({ table: table?.shared, status: this.#status });
  }

  #save(): void {
    const table = this.#tables.current;
    const { confirmedAtMs } = this.#status;
    if (this.#file === undefined || table === undefined || confirmedAtMs === undefined) return;
    this.#tell({ fileProblem: this.#file.save(this.#parts.source, { table, confirmedAtMs }) });
  }
}

const fileOf = ({ file }: SnapshotSettings, clock: DatedClock): SnapshotFile | undefined =>
  file === undefined ? undefined : new SnapshotFile(file, clock);
