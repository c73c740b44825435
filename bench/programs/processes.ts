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

/** Nanoseconds that the scheduler gave to each thread (Documentation/scheduler/sched-stats.rst): finer than the ticks of `stat`. */
function processorUsOf(pid: number): number {
  let ns = 0;
  for (const thread of numbersIn(`/proc/${pid}/task`)) {
    ns += Number(textOf(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0]);
  }
  return ns / 1000;
}

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
