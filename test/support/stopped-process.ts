/** A process that is stopped for sure: a signal is only on its way when `kill` returns, and what runs on another core may still answer. */
import { readdirSync, readFileSync } from 'node:fs';
import { kill } from 'node:process';
import { until } from './until.ts';

/** Sends SIGSTOP, and resolves when every thread of the process stands still (`T` in proc(5), /proc/PID/task/TID/stat). */
export async function stopProcess(pid: number): Promise<void> {
  kill(pid, 'SIGSTOP');
  await until(() => readdirSync(`/proc/${pid}/task`).every((thread) => stateOf(pid, thread) === 'T'));
}

// The name before the state is in parentheses, and may hold some itself.
const stateOf = (pid: number, thread: string): string | undefined =>
  /.*\) (\S)/s.exec(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8'))?.[1];
