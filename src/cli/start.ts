/** `start [FILE]`: the router itself. Says what it listens on and what it knows, and runs until it is told to stop. */
import { type App, startApp } from '../app.ts';
import { formatProblem, hasError } from '../config/problem.ts';
import { loadSnapshot } from '../config/snapshot.ts';
import { ldifDirectory } from '../directory/ldif.ts';
import { openLog } from '../observe/log.ts';
import { RouterError } from '../router-error.ts';
import type { CommandIo } from './command.ts';
import { describeStart } from './describe-start.ts';

/** Resolves when the process is asked to end, with the reason for the log. */
export type UntilStopped = () => Promise<string>;

/** Transactions that are open when the router is told to stop get this long to end. */
const drainMs = 2_000;

/** Exit code 0: was told to stop; 1: could not start, with one clear message for each reason. */
export const start = async (file: string, io: CommandIo, untilStopped: UntilStopped): Promise<number> => {
  const { snapshot, problems } = loadSnapshot(file, 1, ldifDirectory);
  for (const problem of problems) io.err(formatProblem(problem));
  if (snapshot === undefined || hasError(problems)) {
    io.err(`pif-router has not started: ${file} has errors`);
    return 1;
  }
  const openedLog = openLog(snapshot.log);
  try {
    const app = await startApp(snapshot, openedLog);
    for (const line of describeStart(snapshot, app.listeners)) io.out(line);
    await runUntilStopped(app, await untilStopped(), io);
    return 0;
  } catch (error) {
    if (!(error instanceof RouterError)) throw error;
    io.err(`pif-router has not started: ${error.message}`);
    return 1;
  } finally {
    openedLog.flush();
  }
};

const runUntilStopped = async (app: App, reason: string, io: CommandIo): Promise<void> => {
  io.out(`stopping (${reason}): open transactions get ${drainMs / 1000} s`);
  await app.stop(drainMs);
  io.out('stopped');
};
