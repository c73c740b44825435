/** `start [FILE]`: the router itself. Says what it listens on and what it knows, and runs until it is told to stop. */
import { type App, startApp } from '../app.ts';
import { loadSnapshot, type Snapshot } from '../config/snapshot.ts';
import { ldifDirectory } from '../directory/ldif.ts';
import { openLog } from '../observe/log.ts';
import { RouterError } from '../router-error.ts';
import type { Listener } from '../sip/transport/flow.ts';
import { describeConfiguration, formatAddress, type Io, printProblems, usualFile } from './printing.ts';

/** Resolves when the process is asked to end, with the reason. */
export type UntilStopped = () => Promise<string>;

/** Transactions that are open when the router is told to stop get this long to end. */
const drainMs = 2_000;

const usage = 'usage: pif-router start [FILE]';

/** @returns 0 when it was told to stop, 1 when it could not start (each reason is told in a line), 2 when the command is not understood */
export async function start(args: readonly string[], io: Io, untilStopped: UntilStopped): Promise<number> {
  const [file = usualFile, ...more] = args;
  if (more.length > 0 || file.startsWith('-')) {
    io.err(usage);
    return 2;
  }
  const { snapshot, problems } = loadSnapshot(file, 1, ldifDirectory);
  printProblems(problems, io.err);
  if (snapshot !== undefined) return run(snapshot, io, untilStopped);
  io.err(`pif-router has not started: ${file} has errors`);
  return 1;
}

async function run(snapshot: Snapshot, io: Io, untilStopped: UntilStopped): Promise<number> {
  const log = openLog(snapshot.log);
  try {
    const app = await startApp(snapshot, log);
    describeStart(snapshot, app.listeners).forEach(io.out);
    await stop(app, await untilStopped(), io);
    return 0;
  } catch (error) {
    if (!(error instanceof RouterError)) throw error;
    io.err(`pif-router has not started: ${error.message}`);
    return 1;
  } finally {
    log.flush();
  }
}

async function stop(app: App, reason: string, io: Io): Promise<void> {
  io.out(`stopping (${reason}): open transactions get ${drainMs / 1000} s`);
  await app.stop(drainMs);
  io.out('stopped');
}

function describeStart(snapshot: Snapshot, listeners: readonly Listener[]): readonly string[] {
  return [
    `pif-router, configuration ${snapshot.number} from ${snapshot.file}`,
    ...listeners.map(({ transport, address, port, sentBy }) => {
      return `listening  ${formatAddress(transport, address, port)} as ${sentBy}`;
    }),
    ...describeConfiguration(snapshot),
    `try        ${lineToTry(snapshot)}`,
    `ready: ${listeners.length} listeners are open`,
  ];
}

/** A request that the access list lets in, so that the first thing an operator tries shows a decision. */
function lineToTry({ rows, file }: Snapshot): string {
  const source = rows.access.find(({ text }) => /^[\d.]+$/.test(text))?.text ?? 'ADDRESS';
  return `npm run explain -- MESSAGE sip:bob@${rows.domains[0]} --from-peer ${source} ${file}`;
}
