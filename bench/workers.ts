/** `npm run bench:workers`: what a second worker is worth, where load generator and sink want processors too. See README.md. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bed, type Measured } from './bed.ts';
import type { Transport } from './load/wire.ts';
import { startRouter } from './programs/pif-router.ts';
import { spread } from './report/spread.ts';
import { textTable } from './report/table.ts';

const turns = 3;
const seconds = 3;
const warmUpSeconds = 2;
/** Enough that both workers have some, whatever the system's spread. */
const connections = 16;
const outstanding = 128;
const users = 100_000;

const closedLoop = { work: 'message', outstanding, lostMs: 2_000 } as const;

async function measure(
  bed: Bed,
  transport: Transport,
  workers: number,
  folder: string,
  certificates: string,
): Promise<Measured> {
  const own = mkdtempSync(join(folder, `${workers}-`));
  const program = await startRouter({ transport, mode: 'advanced', users, folder: own, certificates, workers });
  try {
    await bed.connect({ lanes: own, to: program.at, connections, users });
    await bed.measure(program, { ...closedLoop, on: own, seconds: warmUpSeconds });
    const turn = await bed.measure(program, { ...closedLoop, on: own, seconds });
    if (turn.refused > 0) throw new Error(`requests were refused, the first with:\n${turn.refusal}`);
    return turn;
  } finally {
    await program.stop();
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

async function compare(transport: Transport, folder: string, certificates: string): Promise<void> {
  const bed = await Bed.open(transport, certificates);
  const measured = { one: [] as Measured[], two: [] as Measured[] };
  try {
    for (let turn = 0; turn < turns; turn += 1) {
      measured.one.push(await measure(bed, transport, 1, folder, certificates));
      measured.two.push(await measure(bed, transport, 2, folder, certificates));
    }
  } finally {
    await bed.close();
  }
  const [one, two] = [figuresOf(measured.one), figuresOf(measured.two)];
  console.log(`\n${textTable([[transport, ...heading.slice(1)], row('1 worker', one), row('2 workers', two)])}`);
  console.log(
    `as measured, with load generator and sink on the same processors: x ${(two.perSecond / one.perSecond).toFixed(2)}`,
  );
  console.log(
    `at its cost a transaction, with two processors of its own in place of one: x ${((2 * one.routerUs) / two.routerUs).toFixed(2)}`,
  );
}

async function main(): Promise<void> {
  console.log(
    `${availableParallelism()} processors, ${connections} connections, ${outstanding} MESSAGEs under way, ${turns} turns`,
  );
  const folder = mkdtempSync(join(tmpdir(), 'pif-bench-'));
  try {
    const certificates = join(folder, 'certs');
    execFileSync(join(import.meta.dirname, '../certs/make-dev-certs.sh'), [certificates], { stdio: 'ignore' });
    for (const transport of ['tcp', 'tls'] as const) await compare(transport, folder, certificates);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
