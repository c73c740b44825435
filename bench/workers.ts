/** `npm run bench -- workers`: what a second worker is worth, where load generator and sink want processors too. See README.md. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bed, type Measured } from './bed.ts';
import type { Transport } from './load/wire.ts';
import { startRouter } from './programs/pif-router.ts';
import { ProcessorQuota } from './programs/processor-quota.ts';
import { spread } from './report/spread.ts';
import { textTable } from './report/table.ts';

const turns = 3;
const seconds = 3;
const warmUpSeconds = 2;
/** Enough that both workers have some, whatever the system's spread. */
const connections = 16;
const outstanding = 128;
/** More than a worker can do of its ration at once: it must find work when it has processor time again. */
const outstandingRationed = 512;
const users = 100_000;
/** Processors for each worker, where they are rationed: on two cores load generator and sink then have one for themselves. */
const ration = 0.5;

interface Plan {
  readonly bed: Bed;
  readonly transport: Transport;
  readonly folder: string;
  readonly certificates: string;
  /** Whether each worker has its ration, in place of what it can get. */
  readonly isRationed: boolean;
}

async function measure({ bed, transport, folder, certificates, isRationed }: Plan, workers: number): Promise<Measured> {
  const own = mkdtempSync(join(folder, `${workers}-`));
  const inFlight = isRationed ? outstandingRationed : outstanding;
  const closedLoop = { work: 'message', outstanding: inFlight, lostMs: 2_000, on: own } as const;
  const quota = isRationed ? ProcessorQuota.make(`pif-bench-${process.pid}`) : undefined;
  const program = await startRouter({ transport, mode: 'advanced', users, folder: own, certificates, workers });
  try {
    await bed.connect({ lanes: own, to: program.at, connections, users });
    await bed.measure(program, { ...closedLoop, seconds: warmUpSeconds });
    quota?.limit(program.pids(), workers * ration);
    const turn = await bed.measure(program, { ...closedLoop, seconds });
    if (turn.refused > 0) throw new Error(`requests were refused, the first with:\n${turn.refusal}`);
    return turn;
  } finally {
    await program.stop();
    quota?.remove();
  }
}

interface Figures {
  readonly perSecond: number;
  /** Microseconds of processor a transaction. */
  readonly routerUs: number;
  /** Processors that the router, and those that load generator and sink kept busy. */
  readonly routerBusy: number;
  readonly othersBusy: number;
}

function figuresOf(all: readonly Measured[]): Figures {
  const median = (of: (turn: Measured) => number): number => spread(all.map(of)).median;
  const perSecond = (turn: Measured): number => turn.answered / turn.seconds;
  return {
    perSecond: median(perSecond),
    routerUs: median(({ programUs }) => programUs),
    routerBusy: median((turn) => (turn.programUs * perSecond(turn)) / 1e6),
    othersBusy: median((turn) => ((turn.loadUs + turn.sinkUs) * perSecond(turn)) / 1e6),
  };
}

const row = (name: string, { perSecond, routerUs, routerBusy, othersBusy }: Figures): string[] => [
  name,
  perSecond.toFixed(0),
  routerUs.toFixed(1),
  routerBusy.toFixed(2),
  othersBusy.toFixed(2),
];

const heading = ['', 'MESSAGE/s', 'router us each', 'router busy', 'load and sink busy'];

async function compare(plan: Plan): Promise<void> {
  const measured = { one: [] as Measured[], two: [] as Measured[] };
  for (let turn = 0; turn < turns; turn += 1) {
    measured.one.push(await measure(plan, 1));
    measured.two.push(await measure(plan, 2));
  }
  const [one, two] = [figuresOf(measured.one), figuresOf(measured.two)];
  const name = plan.isRationed ? `${plan.transport}, ${ration} processors a worker` : plan.transport;
  console.log(`\n${textTable([[name, ...heading.slice(1)], row('1 worker', one), row('2 workers', two)])}`);
  console.log(`as measured: x ${(two.perSecond / one.perSecond).toFixed(2)}`);
  console.log(
    `at its cost a transaction, with twice the processors: x ${((2 * one.routerUs) / two.routerUs).toFixed(2)}`,
  );
}

/** As the cores allow, where all have to share them; and rationed, so that nobody else's want of a core is seen. */
async function compareBothWays(transport: Transport, folder: string, certificates: string): Promise<void> {
  const bed = await Bed.open(transport, certificates);
  try {
    await compare({ bed, transport, folder, certificates, isRationed: false });
    if (canRation()) await compare({ bed, transport, folder, certificates, isRationed: true });
    else console.log('\nnot measured with a ration for each worker: it needs root and control groups');
  } finally {
    await bed.close();
  }
}

function canRation(): boolean {
  const quota = ProcessorQuota.make(`pif-bench-${process.pid}`);
  quota?.remove();
  return quota !== undefined;
}

async function main(): Promise<void> {
  console.log(
    `${availableParallelism()} processors, ${connections} connections, ${outstanding} MESSAGEs under way (rationed ${outstandingRationed}), ${turns} turns`,
  );
  const folder = mkdtempSync(join(tmpdir(), 'pif-bench-'));
  try {
    const certificates = join(folder, 'certs');
    execFileSync(join(import.meta.dirname, '../certs/make-dev-certs.sh'), [certificates], { stdio: 'ignore' });
    for (const transport of ['tcp', 'tls'] as const) await compareBothWays(transport, folder, certificates);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
