/**
 * Worker thread: says when it is time. Timers of an event loop tick in whole milliseconds, in which a rate of some thousands
 * a second would arrive in lumps; a thread that sleeps by itself wakes within some ten microseconds. One thread paces all
 * turns: starting it takes a core for some forty milliseconds, which the first transactions of a turn would wait for.
 */
import { parentPort } from 'node:worker_threads';

/** Milliseconds. The first beat comes at once, and time counts from there. */
export interface Pacing {
  readonly everyMs: number;
  readonly forMs: number;
}

/** `ready` once, when the thread has started; `over` after the last beat. */
export type Beat = 'ready' | 'beat' | 'over';

const sleeper = new Int32Array(new SharedArrayBuffer(4));
const say = (beat: Beat): void => parentPort?.postMessage(beat);

parentPort?.on('message', ({ everyMs, forMs }: Pacing) => {
  const start = performance.now();
  for (let due = 0; due < forMs; due += everyMs) {
    const left = start + due - performance.now();
    if (left > 0) Atomics.wait(sleeper, 0, 0, left);
    say('beat');
  }
  say('over');
});
say('ready');
