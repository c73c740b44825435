/** The heap of this process while it is watched: its collections, and what is allocated. */
import { GCProfiler, getHeapStatistics } from 'node:v8';

export interface Heap {
  /** Of each collection its kind and how long it stopped the program. */
  readonly collections: readonly { readonly kind: string; readonly ms: number }[];
  /** On the JavaScript heap, since the watching began. */
  readonly allocatedBytes: number;
}

/** Begins. @returns what ends it and tells what was seen */
export function watchHeap(): () => Heap {
  const profiler = new GCProfiler();
  profiler.start();
  const atBegin = getHeapStatistics().used_heap_size;
  return () => {
    const atEnd = getHeapStatistics().used_heap_size;
    const { statistics } = profiler.stop();
    const collections = statistics.map(({ gcType, cost }) => ({ kind: gcType, ms: cost / 1_000 }));
    // What is there before a collection and was not after the one before it was allocated between the two.
    const grownTo = [...statistics.map(({ beforeGC }) => beforeGC.heapStatistics.usedHeapSize), atEnd];
    const grownFrom = [atBegin, ...statistics.map(({ afterGC }) => afterGC.heapStatistics.usedHeapSize)];
    const allocatedBytes = grownTo.reduce((sum, bytes, index) => sum + bytes - grownFrom[index]!, 0);
    return { collections, allocatedBytes };
  };
}
