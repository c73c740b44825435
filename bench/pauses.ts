/** `npm run bench:pauses`: how long the router stands still under a steady load, and what garbage a transaction makes. See README.md. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Bed } from './bed.ts';
import type { Transport } from './load/wire.ts';
import type { Work } from './load/work.ts';
import { positive } from './options.ts';
import type { Pauses } from './programs/pauses-probe.ts';
import { startRouter } from './programs/pif-router.ts';
import { circumstances, keep } from './report/results.ts';
import { textTable } from './report/table.ts';
import { atWork, type Workplace } from './workplace.ts';

const usage =
  'usage: npm run bench:pauses -- [--minutes 10] [--rate 5000] [--work message|call|subscribe] [--transport tcp|tls|udp] [--no-results]';

interface Asked {
  readonly minutes: number;
  readonly rate: number;
  readonly work: Work;
  readonly transport: Transport;
}

async function measure({ folder, certificates }: Workplace, { minutes, rate, work, transport }: Asked) {
  const file = join(folder, 'pauses.json');
  const bed = await Bed.open(transport, certificates);
  const users = 100_000;
  const router = await startRouter({
    transport,
    mode: 'advanced',
    users,
    folder: join(folder, 'router'),
    certificates,
    execArgv: ['--import', join(import.meta.dirname, 'programs/pauses-probe.ts')],
    env: { PIF_BENCH_PAUSES: file },
  });
  await bed.connect({ lanes: 'all', to: router.at, connections: 4, users });
  const turn = { on: 'all', work, lostMs: 2_000, rate };
  await bed.measure(router, { ...turn, seconds: 5 });
  process.kill(router.pids()[0]!, 'SIGUSR2');
  const measured = await bed.measure(router, { ...turn, seconds: minutes * 60 });
  await router.stop();
  await bed.close();
  return { measured, pauses: JSON.parse(readFileSync(file, 'utf8')) as Pauses };
}

type Found = Awaited<ReturnType<typeof measure>>;

/** Ascending, in milliseconds. */
const pausesOf = ({ collections }: Pauses): number[] => collections.map(({ ms }) => ms).sort((a, b) => a - b);

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;

function table({ measured, pauses }: Found): string {
  const collections = pausesOf(pauses);
  const line = (what: string, values: readonly number[]): string[] => [what, ...values.map((ms) => ms.toFixed(2))];
  const { latencyMs, sent, answered, programUs, memoryMib } = measured;
  const { loopDelayMs } = pauses;
  const ofCollections = [0.5, 0.99, 0.999, 1].map((share) => quantile(collections, share));
  const times = textTable([
    ['milliseconds', 'p50', 'p99', 'p99.9', 'most'],
    line('pause of a garbage collection', ofCollections),
    line('delay of the event loop', [loopDelayMs.p50, loopDelayMs.p99, loopDelayMs.p999, loopDelayMs.max]),
    line('latency', [latencyMs.p50, latencyMs.p99, latencyMs.p999, latencyMs.max]),
  ]);
  const rest = [
    `${sent} sent, ${sent - answered} without answer`,
    `${collections.length} collections: ${kindsOf(pauses)}`,
    `${(pauses.allocatedBytes / answered).toFixed(0)} octets allocated per transaction`,
    `${programUs.toFixed(1)} us per transaction, ${memoryMib.toFixed(0)} MiB at the end`,
  ];
  return [times, ...rest].join('\n');
}

const kindsOf = ({ collections }: Pauses): string =>
  [...Map.groupBy(collections, ({ kind }) => kind)]
    .map(([kind, all]) => `${all.length} ${kind}, ${(all.reduce((sum, { ms }) => sum + ms, 0) / 1_000).toFixed(2)} s`)
    .join('; ');

async function main(at: Workplace): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      rate: { type: 'string', default: '5000' },
      work: { type: 'string', default: 'message' },
      transport: { type: 'string', default: 'tcp' },
      'no-results': { type: 'boolean', default: false },
    },
  });
  const asked: Asked = {
    minutes: positive('minutes', values.minutes),
    rate: positive('rate', values.rate),
    work: oneOf(['message', 'call', 'subscribe'], values.work),
    transport: oneOf(['tcp', 'tls', 'udp'], values.transport),
  };
  const known = circumstances();
  const found = await measure(at, asked);
  console.log(table(found));
  if (values['no-results']) return;
  const { collections, ...rest } = found.pauses;
  const { refusal: _, ...measured } = found.measured;
  const result = { asked, measured, ...rest, pausesMs: pausesOf({ ...rest, collections }), table: table(found) };
  console.log(`\nkept in ${keep('-pauses', known, result).join(' and ')}`);
}

function oneOf<T extends string>(allowed: readonly T[], value: string): T {
  const found = allowed.find((it) => it === value);
  if (found === undefined) throw new Error(`"${value}" is none of ${allowed.join(', ')}`);
  return found;
}

await atWork(main, usage);
