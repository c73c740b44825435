/** What of our sources one message passes, out of V8's counts for many of them. */
import type { Profiler } from 'node:inspector';

interface Way {
  readonly files: number;
  readonly functions: number;
  /** Per message, rounded. */
  readonly calls: number;
  /** By file, relative to the sources, in their order; calls per message. */
  readonly steps: readonly { readonly file: string; readonly functions: number; readonly calls: number }[];
}

/** What is done for fewer than one message in two (timers, probes, a record's flush) is not of a message's way. */
const leastCalls = 0.5;

/**
 * @param source URL of the folder of our sources, with a slash at its end
 * @param messages that were answered meanwhile
 */
export function wayOf(coverage: readonly Profiler.ScriptCoverage[], source: string, messages: number): Way {
  const steps = coverage
    .filter(({ url }) => url.startsWith(source))
    .map(({ url, functions }) => {
      const counts = functions
        // The module itself has no name and begins at 0.
        .filter(({ functionName, ranges }) => functionName !== '' || ranges[0]?.startOffset !== 0)
        .map(({ ranges }) => (ranges[0]?.count ?? 0) / messages)
        .filter((calls) => calls >= leastCalls);
      return { file: url.slice(source.length), functions: counts.length, calls: sum(counts) };
    })
    .filter(({ functions }) => functions > 0)
    .sort((a, b) => (a.file < b.file ? -1 : 1));
  return {
    files: steps.length,
    functions: sum(steps.map(({ functions }) => functions)),
    calls: Math.round(sum(steps.map(({ calls }) => calls))),
    steps,
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
