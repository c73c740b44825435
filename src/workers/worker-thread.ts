/** A worker: a router of its own in a thread of its own, which does what the main thread orders. Started by `worker-handle.ts` only. */
import { parentPort, workerData } from 'node:worker_threads';
import { createTimerWheel, threadStartMs } from '../clock.ts';
import type { Change } from '../config/reload.ts';
import type { Directory } from '../directory/directory.ts';
import { borrow } from '../directory/threads/borrow.ts';
import type { Loan } from '../directory/threads/loan.ts';
import { HopMirror } from '../health/hop-mirror.ts';
import { createRouter, type Router, type RouterSettings, thisPlatform } from '../router.ts';
import { RouterError } from '../router-error.ts';
import { compilePolicy } from '../routing/policy.ts';
import type { Failure, FromWorker, Order, ToWorker, WorkerOrder, WorkerSettings } from './orders.ts';
import { relayedLog } from './relayed-log.ts';
import { placementOf } from './worker-place.ts';

const { place, others, clockStartMs } = workerData as WorkerOrder;

const post = (message: FromWorker, handOver: readonly ArrayBuffer[] = []): void =>
  parentPort?.postMessage(message, [...handOver]);

const clock = createTimerWheel(threadStartMs() - clockStartMs);
const { log, writeRecord, flush } = relayedLog('info', {
  write: (lines) => post({ kind: 'log', lines }, [lines.buffer]),
});

/** As in the main thread: the error may have cost one request; to end the thread would cost all that are under way. */
process.on('uncaughtException', (err) => {
  log.error({ event: 'bug', worker: place.number, err }, 'something went wrong outside any request');
});

let router: Router<HopMirror>;
let directory: Directory;
let prepared: Change | undefined;

const settingsOf = ({ rows, ...settings }: WorkerSettings): RouterSettings => ({
  ...settings,
  policy: compilePolicy(rows),
});

const borrowed = (loan: Loan): Directory => borrow(loan, clock, log);

async function start(order: Order & { readonly do: 'start' }): Promise<void> {
  log.level = order.settings.log.level;
  directory = borrowed(order.loan);
  const { placement, relay } = placementOf(place, others);
  router = createRouter(settingsOf(order.settings), directory, {
    platform: thisPlatform(clock),
    log,
    writeRecord,
    placement,
    watchHops: ({ resolve }) => new HopMirror({ clock, resolve, report: (report) => post({ kind: 'hop', report }) }),
  });
  await router.start();
  relay.listen(router, clock);
}

async function prepare({ settings, loan }: Order & { readonly do: 'prepare' }): Promise<void> {
  const next = loan === undefined ? directory : borrowed(loan);
  const change = await router.prepare(settingsOf(settings), next);
  const commit = () => {
    change.commit();
    directory = next;
    log.level = settings.log.level;
  };
  prepared = { commit, abandon: change.abandon };
}

async function carryOut(order: Order): Promise<unknown> {
  switch (order.do) {
    case 'start':
      return start(order);
    case 'prepare':
      return prepare(order);
    case 'commit':
      return prepared?.commit();
    case 'abandon':
      return prepared?.abandon();
    case 'drain':
      return router.drain(order.isDraining);
    case 'load':
      return router.load();
    case 'become-quiet':
      return router.untilQuiet(order.withinMs);
    case 'close':
      await router.close();
      return flush();
  }
}

const failureOf = (error: unknown): Failure => {
  if (error instanceof RouterError) return { code: error.code, message: error.message };
  return { code: undefined, message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
};

parentPort?.on('message', (message: ToWorker) => {
  if (message.kind === 'picture') return router.hops.show(message.picture);
  if (message.kind === 'leave') return router.leave(message.target);
  const { id, order } = message;
  carryOut(order).then(
    (answer) => post({ kind: 'done', id, answer }),
    (error) => post({ kind: 'failed', id, failure: failureOf(error) }),
  );
});
post({ kind: 'present' });
