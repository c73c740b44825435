/** A router in Advanced mode with 100,000 users, and a module preloaded that watches it from within while it is measured. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Bed, type Measured } from './bed.ts';
import type { Transport } from './load/wire.ts';
import type { Work } from './load/work.ts';
import { startRouter } from './programs/pif-router.ts';
import { threadTimes } from './programs/processes.ts';
import type { Program } from './programs/program.ts';
import { lostMs, type PacedSeconds, sound } from './turns.ts';
import type { Workplace } from './workplace.ts';

interface Watch {
  /** The file of the preloaded module, in the folder `programs`. */
  readonly probe: string;
  readonly transport: Transport;
  readonly work: Work;
  readonly connections: number;
  /** One after the other, not watched. */
  readonly before: readonly [...PacedSeconds[], PacedSeconds];
  readonly watched: PacedSeconds;
  /** Options for Node. */
  readonly execArgv?: readonly string[];
}

interface WatchedTurn extends Measured {
  /** Processor time of the thread that routes, per transaction that ended well; microseconds. */
  readonly threadUs: number;
}

export interface Watched<Found> {
  /** The last turn that was not watched. */
  readonly unwatched: WatchedTurn;
  readonly measured: WatchedTurn;
  /** What the probe found in the watched turn. */
  readonly found: Found;
}

export async function watch<Found>({ folder, certificates }: Workplace, order: Watch): Promise<Watched<Found>> {
  const { transport, work, connections } = order;
  const file = join(folder, 'found.json');
  const users = 100_000;
  const bed = await Bed.open(transport, certificates);
  const router = await startRouter({
    transport,
    mode: 'advanced',
    users,
    folder: join(folder, 'router'),
    certificates,
    execArgv: [...(order.execArgv ?? []), '--import', join(import.meta.dirname, 'programs', order.probe)],
    env: { PIF_BENCH_PROBE: file },
  });
  await bed.connect({ lanes: 'all', to: router.at, connections, users });
  const measure = async (turn: PacedSeconds): Promise<WatchedTurn> => {
    const before = routingUs(router);
    const measured = sound(router, await bed.measure(router, { ...turn, on: 'all', work, lostMs }));
    return { ...measured, threadUs: (routingUs(router) - before) / measured.answered };
  };
  const unwatched: WatchedTurn[] = [];
  for (const turn of order.before) unwatched.push(await measure(turn));
  await beginWatching(router, file);
  const measured = await measure(order.watched);
  await router.stop();
  await bed.close();
  return { unwatched: unwatched.at(-1)!, measured, found: JSON.parse(readFileSync(file, 'utf8')) as Found };
}

/** With one worker that is the thread in which the process began, which has the same number. */
function routingUs(router: Program): number {
  const [pid] = router.pids();
  return threadTimes(`${pid}/task/${pid}`).ranUs;
}

/** Resolves when the probe has begun. */
async function beginWatching(router: Program, file: string): Promise<void> {
  const [pid] = router.pids();
  process.kill(pid!, 'SIGUSR2');
  while (!existsSync(file)) {
    await pause(10);
    // Signal 0 does nothing, and fails when there is nobody any more.
    process.kill(pid!, 0);
  }
}
