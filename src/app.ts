/** The product on one page: the directory and a router, joined; with several workers, a router in each thread, led as one. */
import type { CertificateInUse } from './certificates/in-use.ts';
import { createTimerWheel } from './clock.ts';
import { certificatesOf } from './config/certificates-in-use.ts';
import type { Change, Part } from './config/reload.ts';
import { newKey } from './config/signing-keys.ts';
import type { Snapshot } from './config/snapshot.ts';
import { isSameDirectory, type OpenDirectory, openDirectory } from './directory/compose.ts';
import type { EngineLoad, HopControl } from './engine/engine.ts';
import { HopMonitor } from './health/hop-monitor.ts';
import { shownOn, watchCertificates } from './observe/certificate-watch.ts';
import type { OpenLog } from './observe/log.ts';
import type { SigningKeys } from './proxy/signing.ts';
import { createRouter, type RouterSettings, thisPlatform } from './router.ts';
import { RouterError } from './router-error.ts';
import type { Listener } from './sip/transport/flow.ts';
import { aloneInProgram } from './workers/worker-place.ts';
import { WorkerPool } from './workers/worker-pool.ts';

export interface App extends Part {
  /** Those that are open, in configured order. */
  readonly listeners: readonly Listener[];
  /** How the next hops fare. */
  readonly hops: HopControl;
  /** The one in service, until the next reload. */
  readonly directory: OpenDirectory;
  readonly isDraining: boolean;
  /** While true, what would begin gets 503; what is under way, and what is within a dialog, is served. */
  drain(isDraining: boolean): Promise<void>;
  /** Named by the configuration in force, and shown by next hops and peers on open connections of the main thread. */
  certificates(): readonly CertificateInUse[];
  /** Of each worker. */
  loads(): Promise<readonly EngineLoad[]>;
  /** Whether every worker has answered since this was asked last. */
  isAlive(): boolean;
  /** Resolves when a worker has ended by itself, with why: the rest is of no use then. */
  readonly died: Promise<string>;
  /** Drains until nothing is left to do, at the latest for `drainMs`, and closes. */
  stop(drainMs: number): Promise<void>;
}

/** Longer than any request waits for a directory. */
const formerDirectoryMs = 60_000;

/** Basic mode never asks: nothing is connected to, and no password is sent, for nothing. */
const directoryInUse = ({ policy, directory }: Snapshot): Snapshot['directory'] =>
  policy.mode === 'basic' ? { ...directory, sources: [] } : directory;

/** Opens every listener and routes from then on; rejects with a ListenError when one can't be opened. */
export const startApp = async (first: Snapshot, openLog: OpenLog): Promise<App> => {
  const { log, writeRecord } = openLog;
  const clock = createTimerWheel();
  const directoryParts = { clock, log, random: Math.random };
  let snapshot = first;
  let directory = openDirectory(directoryInUse(first), directoryParts);

  /** One that has not changed keeps its connections and all that it has learnt; so does each source that will know the same. */
  const directoryFor = async (next: Snapshot): Promise<OpenDirectory> => {
    if (isSameDirectory(directoryInUse(snapshot), directoryInUse(next))) return directory;
    const opened = directory.successor(directoryInUse(next));
    await opened.ready();
    return opened;
  };

  /** Requests that are under way may still ask the former one. */
  const useDirectory = (next: OpenDirectory): void => {
    const former = directory;
    directory = next;
    if (former === next) return;
    next.takeOver();
    clock.after(formerDirectoryMs, () => void former.close());
  };

  let keys: SigningKeys = first.signing.keys ?? [newKey()];
  /** Keys whose file is gone stay in use. */
  const settingsOf = (next: Snapshot): RouterSettings => ({ ...next, keys: next.signing.keys ?? keys });

  // Before any port is open: what connects first is spread like all that follows.
  const pool = first.workers > 1 ? await WorkerPool.gather(first.workers, openLog) : undefined;

  const router = createRouter(settingsOf(first), directory, {
    platform: thisPlatform(clock),
    log,
    writeRecord,
    placement: pool?.placement ?? aloneInProgram(),
    watchHops: (parts) =>
      new HopMonitor(first.health, {
        ...parts,
        renewConnection(target) {
          parts.renewConnection(target);
          pool?.leave(target);
        },
      }),
  });
  const { hops } = router;
  await directory.mayListen();
  await router.start();
  await pool?.start({ ...settingsOf(first), rows: first.rows }, { router, clock, directory, hops });

  const certificates = () => [...certificatesOf(snapshot), ...shownOn(router.connections)];
  const warnBeforeMs = () => snapshot.certificates.warnBeforeMs;
  const certificateWatch = watchCertificates({ clock, log, certificates, warnBeforeMs });
  certificateWatch.look();

  const prepare = async (next: Snapshot): Promise<Change> => {
    if (next.workers !== first.workers) throw restartNeeded(first, next);
    const nextDirectory = await directoryFor(next);
    const changes: Change[] = [{ commit: () => useDirectory(nextDirectory), abandon: () => closeIfNew(nextDirectory) }];
    const abandon = () => {
      for (const change of changes) change.abandon();
    };
    try {
      const settings = settingsOf(next);
      const own = await router.prepare(settings, nextDirectory);
      changes.unshift(own);
      if (pool !== undefined) {
        const loan = nextDirectory === directory ? undefined : nextDirectory;
        changes.unshift(await pool.prepare({ ...settings, rows: next.rows }, own.listeners, loan));
      }
    } catch (error) {
      abandon();
      throw error;
    }
    const commit = async () => {
      snapshot = next;
      keys = next.signing.keys ?? keys;
      await Promise.all(changes.map((change) => change.commit()));
      certificateWatch.look();
    };
    return { commit, abandon, warnings: nextDirectory.warnings() };
  };

  const closeIfNew = (opened: OpenDirectory): void => {
    if (opened !== directory) void opened.close();
  };

  return {
    hops,
    get directory() {
      return directory;
    },
    get listeners() {
      return router.listeners;
    },
    get isDraining() {
      return router.isDraining;
    },
    async drain(isDraining) {
      router.drain(isDraining);
      await pool?.drain(isDraining);
    },
    certificates,
    loads: async () => [router.load(), ...((await pool?.loads()) ?? [])],
    isAlive: () => pool?.isAlive() ?? true,
    died: pool?.died ?? new Promise(() => undefined),
    prepare,
    async stop(drainMs) {
      certificateWatch.stop();
      // All are quiet before the first one closes: what comes to one may be for another.
      await Promise.all([router.untilQuiet(drainMs), pool?.untilQuiet(drainMs)]);
      await Promise.all([router.close(), pool?.close()]);
      await directory.close();
    },
  };
};

const restartNeeded = ({ workers }: Snapshot, next: Snapshot): RouterError =>
  new RouterError('restart-needed', `workers: ${next.workers} in place of ${workers}: this change needs a restart`);
