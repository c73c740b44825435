/** Two pieces of work, measured in turns in one process: what counts is how many times the one costs the other, never a time. */
import { Bench } from 'tinybench';

/** Some 100 operations, so that the clock costs nothing beside them. */
interface Work {
  readonly name: string;
  run(): void;
}

export interface Contest {
  readonly watched: Work;
  readonly against: Work;
  /** The watched work costs at most so many times the other: far above what is measured on a quiet machine. */
  readonly most: number;
}

interface Outcome {
  readonly contest: Contest;
  /** Median over the rounds of `watched` by `against`. */
  readonly ratio: number;
  /** Median over the rounds, in microseconds for all that one run does. */
  readonly watchedUs: number;
  readonly againstUs: number;
}

interface Effort {
  readonly rounds: number;
  /** For each of both in each round. */
  readonly roundMs: number;
}

/** For V8 to have compiled what is hot: so many runs, however long a busy machine takes for them. */
const warmUpRuns = 300;

/** Rounds are short and both take turns to go first: what else the machine does meets both alike. */
export function compare(contest: Contest, { rounds, roundMs }: Effort): Outcome {
  const { watched, against } = contest;
  const both = [watched, against];
  for (const work of both) medianUs(work, 0, warmUpRuns);
  const seen = Array.from({ length: rounds }, (_, round) => {
    const times = new Map((round % 2 === 0 ? both : both.toReversed()).map((work) => [work, medianUs(work, roundMs)]));
    return { watchedUs: times.get(watched)!, againstUs: times.get(against)! };
  });
  return {
    contest,
    ratio: median(seen.map(({ watchedUs, againstUs }) => watchedUs / againstUs)),
    watchedUs: median(seen.map(({ watchedUs }) => watchedUs)),
    againstUs: median(seen.map(({ againstUs }) => againstUs)),
  };
}

function medianUs(work: Work, timeMs: number, leastRuns = 5): number {
  const bench = new Bench({ time: timeMs, iterations: leastRuns, warmup: false });
  const [task] = bench.add(work.name, () => work.run()).runSync();
  if (task?.result.state !== 'completed') throw new Error(`${work.name} did not run to its end`);
  return task.result.latency.p50 * 1_000;
}

export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

/** A ring of values, so that no work meets the same one over and over. */
export const ring = <T>(values: readonly T[]): (() => T) => {
  let at = 0;
  return () => {
    at = at + 1 === values.length ? 0 : at + 1;
    return values[at]!;
  };
};

export const timesOf = (count: number, run: () => void) => (): void => {
  for (let i = 0; i < count; i += 1) run();
};
