/**
 * Worker thread: says when it is time. Timers of an event loop tick in whole milliseconds, in which a rate of some thousands
 * a second would arrive in lumps; a thread that sleeps by itself wakes within some ten microseconds.
 */
import { parentPort, workerData } from 'node:worker_threads';

/** Milliseconds. The first message comes at once, and time counts from there. */
export interface Pacing {
  readonly everyMs: number;
  readonly forMs: number;
}

const { everyMs, forMs } = workerData as Pacing;
const sleeper = new Int32Array(new SharedArrayBuffer(4));
const start = performance.now();

for (let due = 0; due < forMs; due += everyMs) {
  const left = start + due - performance.now();
  if (left > 0) Atomics.wait(sleeper, 0, 0, left);
  parentPort?.postMessage(0);
}
