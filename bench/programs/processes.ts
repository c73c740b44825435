/** What the processes of a program cost, read from /proc: it works alike for one process and for a group of many. */
import { readdirSync, readFileSync } from 'node:fs';

/** Empty for a thread or process that has ended since it was listed. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}

const numbersIn = (folder: string): number[] => readdirSync(folder).map(Number).filter(Number.isInteger);

/** What the scheduler says of a thread (Documentation/scheduler/sched-stats.rst): finer than the ticks of `stat`. */
interface ThreadTimes {
  /** Microseconds on a processor, and ready to run but without one. */
  readonly ranUs: number;
  readonly waitedUs: number;
}

/** @param thread its folder below /proc; default: the one that asks */
export function threadTimes(thread = 'thread-self'): ThreadTimes {
  const [ran = 0, waited = 0] = textOf(`/proc/${thread}/schedstat`).split(' ').map(Number);
  return { ranUs: ran / 1000, waitedUs: waited / 1000 };
}

const processorUsOf = (pid: number): number =>
  sum(numbersIn(`/proc/${pid}/task`).map((thread) => threadTimes(`${pid}/task/${thread}`).ranUs));

/** Proportional set size: what several processes share is divided among them. */
const memoryOf = (pid: number): number =>
  1024 * Number(/^Pss:\s+(\d+)/m.exec(textOf(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

export const processorUs = (pids: readonly number[]): number => sum(pids.map(processorUsOf));
export const memoryBytes = (pids: readonly number[]): number => sum(pids.map(memoryOf));

/** All processes of a group (field pgrp, the third after the name in parentheses). */
export const processesOfGroup = (group: number): number[] =>
  numbersIn('/proc').filter((pid) => {
    const stat = textOf(`/proc/${pid}/stat`);
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]) === group;
  });
