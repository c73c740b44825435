/** Starts the sync in a thread of its own, hears it, and starts another when it has died. */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { HashSeed } from '../../hash/keyed-hash.ts';
import { Repeated } from '../repeated.ts';
import type { SnapshotParts, StartSync, SyncHandle } from '../snapshot-directory.ts';
import type { SyncOrder } from './order.ts';
import type { SyncNews } from './status.ts';

/** All that the thread needs; values only. */
export interface ThreadOrder extends SyncOrder {
  readonly seed: HashSeed;
}

export type ToThread =
  | { readonly kind: 'sweep'; readonly believesLoss: boolean }
  | { readonly kind: 'change'; readonly order: SyncOrder }
  | { readonly kind: 'stop' };

export type FromThread =
  | { readonly kind: 'news'; readonly news: SyncNews }
  | { readonly kind: 'stopped' }
  | {
      readonly kind: 'log';
      readonly level: 'info' | 'warn';
      readonly fields: object;
      readonly message: string;
    };

/** What a thread that has stopped may still have to close. */
const endMs = 1_000;

/** A thread that dies at once must not be started in a loop. */
const restartMs = 5_000;

// As source the file is TypeScript, as package JavaScript.
const threadFile = new URL(`./sync-thread${extname(import.meta.filename)}`, import.meta.url);

// The thread lives long and makes little that stays: a small young generation keeps its memory small.
const resourceLimits = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 512 };

export const syncInThread =
  (order: ThreadOrder, log: SnapshotParts['log']): StartSync =>
  (tell) =>
    new SyncThread(order, log, tell);

class SyncThread implements SyncHandle {
  #order: ThreadOrder;
  readonly #log: SnapshotParts['log'];
  readonly #tell: (news: SyncNews) => void;
  #worker: Worker;
  readonly #failures = new Repeated();
  #restart: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(order: ThreadOrder, log: SnapshotParts['log'], tell: (news: SyncNews) => void) {
    this.#order = order;
    this.#log = log;
    this.#tell = tell;
    this.#worker = this.#start();
  }

  sweepNow(believesLoss: boolean): void {
    this.#post({ kind: 'sweep', believesLoss });
  }

  change(order: SyncOrder): void {
    this.#order = { ...order, seed: this.#order.seed };
    this.#post({ kind: 'change', order });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#restart);
    if (this.#worker.threadId === -1) return;
    const ended = new Promise((resolve) => this.#worker.once('exit', resolve));
    this.#post({ kind: 'stop' });
    await ended;
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  #start(): Worker {
    const worker = new Worker(threadFile, { workerData: this.#order, resourceLimits, name: this.#order.source.name });
    worker.on('message', (message: FromThread) => {
      if (message.kind === 'news') this.#tell(message.news);
      else if (message.kind === 'stopped') endSoon(worker);
      else this.#log[message.level](message.fields, message.message);
    });
    worker.on('error', (error) => {
      const why = String(error);
      const times = this.#failures.come(why);
      const told = { source: this.#order.source.name, why, ...(times === 1 ? {} : { times }) };
      if (times !== undefined) this.#log.warn(told, 'the thread that sweeps has failed');
    });
    worker.once('exit', () => {
      if (this.#isStopped) return;
      this.#restart = setTimeout(() => {
        this.#worker = this.#start();
      }, restartMs).unref();
    });
    return worker;
  }
}

/** It ends by itself, in an orderly way; by force only when something keeps it. */
function endSoon(worker: Worker): void {
  const force = setTimeout(() => void worker.terminate(), endMs);
  worker.once('exit', () => clearTimeout(force));
}
