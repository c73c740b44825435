/** Preloaded into a router whose pauses are measured (probe.ts): notes what garbage collection and the event loop do. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type Heap, watchHeap } from './heap.ts';
import { probe } from './probe.ts';

/** Milliseconds; quantiles of how late a timer of one millisecond fires. */
interface LoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface Pauses extends Heap {
  readonly loopDelayMs: LoopDelay;
}

const everyMs = 1;
const delay = monitorEventLoopDelay({ resolution: everyMs });

probe(() => {
  const heap = watchHeap();
  delay.enable();
  return (): Pauses => ({ ...heap(), loopDelayMs: quantiles() });
});

/** The histogram holds the time from one firing to the next. */
function quantiles(): LoopDelay {
  const ms = (ns: number): number => Math.max(0, ns / 1e6 - everyMs);
  const at = (percentile: number): number => ms(delay.percentile(percentile));
  return { p50: at(50), p99: at(99), p999: at(99.9), max: ms(delay.max) };
}
