/** `npm run bench -- pauses`: how long the router stands still under a steady load, and what garbage a transaction makes. See README.md. */
import { parseArgs } from 'node:util';
import type { Transport } from './load/wire.ts';
import type { Work } from './load/work.ts';
import { known, oneOf, positive } from './options.ts';
import type { Pauses } from './programs/pauses-probe.ts';
import { circumstances, keep } from './report/results.ts';
import { textTable } from './report/table.ts';
import { type Watched, watch } from './watch.ts';
import { atWork, type Workplace } from './workplace.ts';

const usage =
  'usage: npm run bench -- pauses [--minutes 10] [--rate 5000] [--work message|call|subscribe] [--transport tcp|tls|udp] [--no-results]';

interface Asked {
  readonly minutes: number;
  readonly rate: number;
  readonly work: Work;
  readonly transport: Transport;
}

const measure = (at: Workplace, { minutes, rate, work, transport }: Asked): Promise<Watched<Pauses>> =>
  watch(at, {
    probe: 'pauses-probe.ts',
    transport,
    work,
    connections: 4,
    before: [{ rate, seconds: 5 }],
    watched: { rate, seconds: minutes * 60 },
  });

/** Ascending, in milliseconds. */
const pausesOf = ({ collections }: Pauses): number[] => collections.map(({ ms }) => ms).sort((a, b) => a - b);

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;

function table({ measured, found: pauses }: Watched<Pauses>): string {
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
    work: oneOf(known.works, values.work),
    transport: oneOf(known.transports, values.transport),
  };
  const begun = circumstances();
  const watched = await measure(at, asked);
  console.log(table(watched));
  if (values['no-results']) return;
  const { collections: _, ...rest } = watched.found;
  const { refusal: __, ...measured } = watched.measured;
  const result = { asked, measured, ...rest, pausesMs: pausesOf(watched.found), table: table(watched) };
  console.log(`\nkept in ${keep('-pauses', begun, result).join(' and ')}`);
}

await atWork(main, usage);
