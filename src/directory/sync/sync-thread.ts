/** The thread in which a source is swept and followed: no request waits while 100,000 entries are read. Started by `thread.ts` only. */
import { existsSync, readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { parentPort, workerData } from 'node:worker_threads';
import type { DatedClock } from '../../clock.ts';
import { type LdapServersSettings, ldapConnections, type OwnedConnections } from '../ldap/connections.ts';
import type { SyncOrder } from './order.ts';
import { SnapshotSync } from './snapshot-sync.ts';
import type { FromThread, ThreadOrder, ToThread } from './thread.ts';

const clock: DatedClock = {
  now: () => performance.now(),
  dateMs: () => Date.now(),
  after<Subject>(ms: number, run: (subject: Subject) => void, subject?: Subject) {
    const timer = setTimeout(() => run(subject as Subject), ms);
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

const connectionsTo = (servers: LdapServersSettings): OwnedConnections =>
  ldapConnections(servers, {
    clock,
    random: Math.random,
    log: { info: log('info'), warn: log('warn') },
  });

const { source, settings, seed, ...first } = workerData as ThreadOrder;
let { servers } = first;

const sync = new SnapshotSync({
  connections: connectionsTo(servers),
  source,
  settings,
  clock,
  random: Math.random,
  seed,
  tell: (news) => post({ kind: 'news', news }),
});

/** Connections to servers that have not changed stay, with what they know of them: a wrong password is not offered anew. */
function change(order: SyncOrder): void {
  const isElsewhere = !isDeepStrictEqual(order.servers, servers);
  servers = order.servers;
  sync.change({ ...order, connections: isElsewhere ? connectionsTo(servers) : undefined });
}

parentPort?.on('message', (message: ToThread) => {
  if (message.kind === 'sweep') sync.sweepNow(message.believesLoss);
  else if (message.kind === 'change') change(message.order);
  else void sync.stop().then(end);
});

/** With the port the last thing is closed that keeps the thread. */
function end(): void {
  post({ kind: 'stopped' });
  parentPort?.close();
}

giveWay();
sync.start();
