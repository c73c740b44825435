/** `start [FILE]`: the router itself. Says what it listens on and what it knows, reloads when told, and runs until it is told to stop. */

import { setTimeout as pause } from 'node:timers/promises';
import { type Administration, openAdministration } from '../admin/administration.ts';
import { endpointsOf } from '../admin/endpoints.ts';
import { createSystemd, type Systemd } from '../admin/systemd.ts';
import { type App, startApp } from '../app.ts';
import { ownCommand } from '../config/own-command.ts';
import { type Part, Reloader, type ReloadResult } from '../config/reload.ts';
import { makeKeysFile } from '../config/signing-keys.ts';
import { type Loaded, loadSnapshot, type Snapshot } from '../config/snapshot.ts';
import { FileWatch } from '../config/watch.ts';
import { isLoopbackHost } from '../net/special-address.ts';
import { type OpenLog, openLog } from '../observe/log.ts';
import { RouterError } from '../router-error.ts';
import type { FileReading } from '../settings/text-file.ts';
import type { Listener } from '../sip/transport/flow.ts';
import { type Command, fileWord } from './command.ts';
import { lineToTry } from './line-to-try.ts';
import { describeConfiguration, formatAddress, type Io, printProblems } from './printing.ts';
import type { Signals } from './signals.ts';

export const command: Command = {
  name: 'start',
  summary: 'runs the router until it is told to stop',
  usage: '[FILE]',
  words: [fileWord],
  options: {},
  notes:
    'SIGTERM or SIGINT ends it when what is under way is done, at the latest after stop.drain; a second one ends it at once. SIGHUP reloads the configuration.',
  exitCodes: ['it was told to stop', 'it could not start, or has ended by itself: each reason is told in a line'],
  examples: [{ line: '', what: 'routes as routes.yaml in this folder says' }],
  run: ({ words: [file = ''] }, io, { signals }) => start(file, io, signals),
};

async function start(file: string, io: Io, signals: Signals): Promise<number> {
  const load = (number: number, former?: Snapshot) => loadSnapshot(file, number, former);
  const first = loadWithKeys(load, io);
  printProblems(first.problems, io.err);
  if (first.snapshot !== undefined) return run(first.snapshot, first.files, load, io, signals);
  io.err(`pif-router has not started: ${file} has errors`);
  return 1;
}

/** The first start makes the signing keys, so that dialogs go on after the next. */
function loadWithKeys(load: (number: number) => Loaded, io: Io): Loaded {
  const first = load(1);
  if (first.snapshot === undefined || first.snapshot.signing.keys !== undefined) return first;
  const { file } = first.snapshot.signing;
  try {
    makeKeysFile(file);
    io.out(`made ${file}: it signs what dialogs are known by; nodes that stand in for each other need the same`);
    return load(1);
  } catch (failure) {
    io.err(`${(failure as Error).message}: dialogs will not survive a restart (see signing.keys-file)`);
    return first;
  }
}

/** A router that runs, with all that can be done with it. */
interface Running {
  readonly app: App;
  readonly reloader: Reloader;
  readonly administration: Administration;
  readonly systemd: Systemd;
  readonly watch: FileWatch;
}

async function run(
  snapshot: Snapshot,
  files: readonly FileReading[],
  load: (number: number) => Loaded,
  io: Io,
  signals: Signals,
): Promise<number> {
  // While it drains, nothing else may keep the process alive.
  const alive = setInterval(() => undefined, 2 ** 30);
  const orders = signals.stopOrders();
  let log: OpenLog | undefined;
  let running: Running | undefined;
  const serve = async (toLog: OpenLog): Promise<number> => {
    running = await open(snapshot, files, load, toLog);
    describeStart(snapshot, running.app.listeners).forEach(io.out);
    await stop(running, await Promise.race([orders.first, deathOf(running.app)]), io);
    return 0;
  };
  try {
    log = openLog(snapshot.log);
    surviveBugs(signals, log);
    // From the beginning: unheard, SIGHUP ends a process.
    signals.onReload(() => void running?.reloader.reload('SIGHUP'));
    // Who asks a second time has lost patience.
    return await Promise.race([serve(log), orders.second.then(() => 1)]);
  } catch (error) {
    if (!(error instanceof RouterError)) throw error;
    if (running !== undefined) log?.log.fatal({ event: 'ended', code: error.code }, error.message);
    io.err(`pif-router has ${running === undefined ? 'not started' : 'ended'}: ${error.message}`);
    return 1;
  } finally {
    const hurried = orders.second.then(() => pause(lastLinesMs, false));
    const isWritten = await Promise.race([log?.close() ?? true, hurried]);
    if (!isWritten) signals.kill();
    clearInterval(alive);
  }
}

/** For the last lines of the log, which something else must take, when the end is wanted at once. */
const lastLinesMs = 1_000;

/**
 * Without one of its workers the router ends at once, with an error: half of the connections are lost already, and whoever
 * started it knows how to start it anew, how often, and whom to tell (systemd: Restart=, StartLimitBurst=, OnFailure=). It
 * does not keep a second, private watch over its parts that would hide a fault which comes back.
 */
const deathOf = async ({ died }: App): Promise<never> => {
  throw new RouterError('worker-died', await died);
};

/** One request may have been lost by it; ending the process would lose all that are under way. */
const surviveBugs = (signals: Signals, { log }: OpenLog): void =>
  signals.onBug((err) => log.error({ event: 'bug', err }, 'something went wrong outside any request'));

async function open(
  first: Snapshot,
  files: readonly FileReading[],
  load: (number: number) => Loaded,
  log: OpenLog,
): Promise<Running> {
  const app = await startApp(first, log);
  const systemd = createSystemd(process.env, log.log, () => app.isAlive());
  const watch = new FileWatch(() => void reloader.reload('file changed'));
  const watchIfWanted = (found: readonly FileReading[]) => watch.watch(reloader.snapshot.reload.watch ? found : []);
  const parts: Part[] = [app, log];
  const reloader = new Reloader(first, {
    load(number) {
      systemd.reloading();
      return load(number);
    },
    parts,
    onResult(result, found) {
      watchIfWanted(found);
      tell(result, log);
      systemd.ready(describeState(result.number, app.listeners));
    },
  });
  const administration = await openAdministration(first, endpointsOf(app, reloader, log.log), log.log).catch((error) =>
    app.stop(0).then(() => Promise.reject(error)),
  );
  parts.push(administration);
  watchIfWanted(files);
  systemd.ready(describeState(first.number, app.listeners));
  return { app, reloader, administration, systemd, watch };
}

const describeState = (number: number, listeners: readonly Listener[]): string =>
  `configuration ${number}, ${listeners.length} listeners`;

function tell(result: ReloadResult, { log }: OpenLog): void {
  const { outcome, number } = result;
  if (outcome === 'applied') log.info({ event: 'reload', ...result }, `configuration ${number} is in force`);
  else log.error({ event: 'reload', ...result }, `refused: configuration ${number} is still in force`);
}

async function stop({ app, reloader, administration, systemd, watch }: Running, reason: string, io: Io): Promise<void> {
  const { drainMs } = reloader.snapshot.stop;
  io.out(`stopping (${reason}): what is under way gets up to ${drainMs / 1000} s`);
  watch.close();
  systemd.stopping(drainMs + endMs);
  await app.stop(drainMs);
  administration.close();
  await systemd.close();
  io.out('stopped');
}

/** From the end of the drain to the end of the process, with room. */
const endMs = 10_000;

function describeStart(snapshot: Snapshot, listeners: readonly Listener[]): readonly string[] {
  const toTry = lineToTry(snapshot);
  return [
    `pif-router, configuration ${snapshot.number} from ${snapshot.file}`,
    ...listeners.map(({ transport, address, port, sentBy }) => {
      return `listening  ${formatAddress(transport, address, port)} as ${sentBy}`;
    }),
    ...(snapshot.workers === 1 ? [] : [`workers    ${snapshot.workers}, each with its share of the connections`]),
    ...describeConfiguration(snapshot),
    ...(toTry === undefined ? [] : [`try        ${toTry}`]),
    `ready: ${listeners.length} listeners are open`,
    ...tellOfNobody(snapshot),
  ];
}

/** Without a word, what comes next are warnings, which look as if something were wrong with the router. */
function tellOfNobody({ rows, file }: Snapshot): readonly string[] {
  const isSample = rows.routes.length > 0 && rows.routes.every(({ nextHop }) => isLoopbackHost(nextHop));
  if (!isSample) return [];
  const doctor = ownCommand('doctor', [file]);
  return [
    `note       all next hops are on this machine, as in the sample: that they are down is normal. Name your servers in ${file}, then ask ${doctor}`,
  ];
}
