/** The thread in which a source is swept and followed: no request waits while 100,000 entries are read. Started by `thread.ts` only. */
import { existsSync, readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { ldapConnections } from '../ldap-connections.ts';
import type { SyncClock } from './follow.ts';
import { SnapshotSync } from './snapshot-sync.ts';
import type { FromThread, ThreadOrder, ToThread } from './thread.ts';

const clock: SyncClock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** setpriority(2) of Linux: a thread has a nice value of its own, though POSIX says otherwise. */
const ownThread = '/proc/thread-self';
const niceness = 10;

/** Where processors are few, requests go before sweeps. Only to be nicer needs no right. */
function giveWay(): void {
  if (!existsSync(ownThread)) return;
  const id = Number(readlinkSync(ownThread).split('/').at(-1));
  if (id !== process.pid) setPriority(id, niceness);
}

const post = (message: FromThread): void => parentPort?.postMessage(message);

const log = (level: 'info' | 'warn') => (fields: object, message: string) =>
  post({ kind: 'log', level, fields, message });

const { servers, source, settings, seed } = workerData as ThreadOrder;

const sync = new SnapshotSync({
  connections: ldapConnections(servers, {
    clock: { ...clock, now: clock.elapsed },
    random: Math.random,
    log: { info: log('info'), warn: log('warn') },
  }),
  source,
  settings,
  clock,
  random: Math.random,
  seed,
  tell: (news) => post({ kind: 'news', news }),
});

parentPort?.on('message', (message: ToThread) => {
  if (message.kind === 'sweep') sync.sweepNow(message.believesLoss);
  else void sync.stop().then(end);
});

/** With the port the last thing is closed that keeps the thread. */
function end(): void {
  post({ kind: 'stopped' });
  parentPort?.close();
}

giveWay();
sync.start();
