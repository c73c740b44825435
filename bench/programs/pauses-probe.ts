/**
 * Preloaded into a router (`--import`) whose pauses are measured; a router that is not measured knows nothing of it. From
 * SIGUSR2 on it notes what garbage collection and the event loop do, and writes that to the file named by PIF_BENCH_PAUSES at
 * the end of the process.
 */
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { GCProfiler } from 'node:v8';

/** Milliseconds; quantiles of how late a timer of one millisecond fires. */
export interface LoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface Pauses {
  /** Of each collection its kind and how long it stopped the program. */
  readonly collections: readonly { readonly kind: string; readonly ms: number }[];
  readonly loopDelayMs: LoopDelay;
  /** On the JavaScript heap, since SIGUSR2. */
  readonly allocatedBytes: number;
}

const everyMs = 1;
const profiler = new GCProfiler();
const delay = monitorEventLoopDelay({ resolution: everyMs });

process.once('SIGUSR2', () => {
  profiler.start();
  delay.enable();
});

process.once('exit', () => {
  const { statistics } = profiler.stop();
  const collections = statistics.map(({ gcType, cost }) => ({ kind: gcType, ms: cost / 1_000 }));
  // What was there before a collection and not after the one before it was allocated between the two.
  const used = statistics.map(({ beforeGC, afterGC }) => [
    beforeGC.heapStatistics.usedHeapSize,
    afterGC.heapStatistics.usedHeapSize,
  ]);
  const allocatedBytes = used.slice(1).reduce((sum, [before], index) => sum + before! - used[index]![1]!, 0);
  const result: Pauses = { collections, loopDelayMs: quantiles(), allocatedBytes };
  writeFileSync(process.env.PIF_BENCH_PAUSES!, JSON.stringify(result));
});

/** The histogram holds the time from one firing to the next. */
function quantiles(): LoopDelay {
  const ms = (ns: number): number => Math.max(0, ns / 1e6 - everyMs);
  const at = (percentile: number): number => ms(delay.percentile(percentile));
  return { p50: at(50), p99: at(99), p999: at(99.9), max: ms(delay.max) };
}
