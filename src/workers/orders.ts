/** What the main thread and a worker say to each other: plain values, and ports that are handed over. */
import type { MessagePort } from 'node:worker_threads';
import type { Snapshot } from '../config/snapshot.ts';
import type { Loan } from '../directory/threads/loan.ts';
import type { HopReport } from '../health/hop-mirror.ts';
import type { HopPicture } from '../health/hop-monitor.ts';
import type { RouterSettings } from '../router.ts';
import type { Target } from '../sip/transport/flow.ts';
import type { WorkerPlace } from './worker-place.ts';

/** With which a worker begins its life. */
export interface WorkerOrder {
  readonly place: WorkerPlace;
  /** The way to each of the others, by number. */
  readonly others: ReadonlyMap<number, MessagePort>;
  /** When the main thread's clock read 0. */
  readonly clockStartMs: number;
}

/** A policy has functions, which no thread can give to another: each compiles its own, of the same rows. */
export type WorkerSettings = Omit<RouterSettings, 'policy'> & Pick<Snapshot, 'rows'>;

/** What is asked of a worker; each is answered once, when it is done. */
export type Order =
  | { readonly do: 'start'; readonly settings: WorkerSettings; readonly loan: Loan }
  /** Without a loan the directory stays. */
  | { readonly do: 'prepare'; readonly settings: WorkerSettings; readonly loan: Loan | undefined }
  | { readonly do: 'commit' }
  | { readonly do: 'abandon' }
  | { readonly do: 'drain'; readonly isDraining: boolean }
  | { readonly do: 'load' }
  | { readonly do: 'become-quiet'; readonly withinMs: number }
  | { readonly do: 'close' };

export type ToWorker =
  | { readonly kind: 'order'; readonly id: number; readonly order: Order }
  | { readonly kind: 'picture'; readonly picture: HopPicture }
  | { readonly kind: 'leave'; readonly target: Target };

/** An error without its class. */
export interface Failure {
  /** Of a RouterError; undefined: a bug. */
  readonly code: string | undefined;
  readonly message: string;
}

export type FromWorker =
  /** It has been made, and waits for orders. */
  | { readonly kind: 'present' }
  | { readonly kind: 'done'; readonly id: number; readonly answer: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly failure: Failure }
  | { readonly kind: 'hop'; readonly report: HopReport }
  /** Whole lines, as UTF-8. */
  | { readonly kind: 'log'; readonly lines: Uint8Array<ArrayBuffer> };
