/** `npm run bench -- profile`: which rooms and functions the router's time goes to, and what a transaction costs. See README.md. */
import { parseArgs } from 'node:util';
import type { Pace } from './load/load.ts';
import type { Transport } from './load/wire.ts';
import type { Work } from './load/work.ts';
import { known, oneOf, positive } from './options.ts';
import type { Profiled } from './programs/profile-probe.ts';
import { callsTable, type Folded, fold, roomsTable } from './report/profile.ts';
import { circumstances, keep } from './report/results.ts';
import { warmUpsOf } from './turns.ts';
import { type Watched, watch } from './watch.ts';
import { atWork, type Workplace } from './workplace.ts';

const usage = `usage: npm run bench -- profile [--transport tcp|tls|udp] [--work message|call|subscribe] [--outstanding 64 | --rate 2000]
  [--connections 4] [--seconds 10] [--least 1] [--no-results]
--least: functions with less than so many percent, with all that they call, are left out`;

interface Asked {
  readonly transport: Transport;
  readonly work: Work;
  readonly pace: Pace;
  readonly connections: number;
  readonly seconds: number;
  readonly leastPercent: number;
}

const measure = (at: Workplace, { transport, work, pace, connections, seconds }: Asked): Promise<Watched<Profiled>> =>
  watch(at, {
    probe: 'profile-probe.ts',
    transport,
    work,
    connections,
    before: [...warmUpsOf(pace), { ...pace, seconds }],
    watched: { ...pace, seconds },
    // Code that was compiled before the profiler began tells the functions that were inlined in it, too.
    execArgv: ['--detailed-line-info'],
  });

function foldWatched({ unwatched, measured, found }: Watched<Profiled>, leastPercent: number): Folded {
  const { profile, thread } = found;
  // Sampling adds to each sample alike, and wakes a thread that sleeps: that is no time of the event loop.
  const ranUs = thread.ranUs * Math.min(1, unwatched.threadUs / measured.threadUs);
  const source = new URL('../src/', import.meta.url).href;
  return fold({ profile, thread: { ...thread, ranUs }, source }, leastPercent / 100);
}

/** Per transaction. */
interface Costs {
  /** Microseconds of all threads of the router, and of the one that routes. */
  readonly usualUs: number;
  readonly usualThreadUs: number;
  /** The same while it was profiled. */
  readonly profiledUs: number;
  readonly profiledThreadUs: number;
  readonly allocatedBytes: number;
}

const costsOf = ({ unwatched, measured, found }: Watched<Profiled>): Costs => ({
  usualUs: unwatched.programUs,
  usualThreadUs: unwatched.threadUs,
  profiledUs: measured.programUs,
  profiledThreadUs: measured.threadUs,
  allocatedBytes: found.allocatedBytes / measured.answered,
});

function told({ samples, rooms, calls }: Folded, costs: Costs): string {
  const us = (all: number, thread: number): string =>
    `${all.toFixed(1)} us per transaction, of which the thread that routes takes ${thread.toFixed(1)}`;
  return `${roomsTable(rooms)}

${callsTable(calls)}

${samples} samples of the thread that routes
not profiled: ${us(costs.usualUs, costs.usualThreadUs)}
profiled: ${us(costs.profiledUs, costs.profiledThreadUs)}
${costs.allocatedBytes.toFixed(0)} octets allocated per transaction`;
}

function readAsked() {
  const { values } = parseArgs({
    options: {
      transport: { type: 'string', default: 'tcp' },
      work: { type: 'string', default: 'message' },
      outstanding: { type: 'string' },
      rate: { type: 'string' },
      connections: { type: 'string', default: '4' },
      seconds: { type: 'string', default: '10' },
      least: { type: 'string', default: '1' },
      'no-results': { type: 'boolean', default: false },
    },
  });
  const asked: Asked = {
    transport: oneOf(known.transports, values.transport),
    work: oneOf(known.works, values.work),
    pace: paceOf(values),
    connections: positive('connections', values.connections),
    seconds: positive('seconds', values.seconds),
    leastPercent: positive('least', values.least),
  };
  return { asked, isKept: !values['no-results'] };
}

function paceOf({ outstanding, rate }: { readonly outstanding?: string; readonly rate?: string }): Pace {
  if (rate === undefined) return { outstanding: positive('outstanding', outstanding ?? '64') };
  if (outstanding !== undefined) throw new Error('--outstanding and --rate exclude each other');
  return { rate: positive('rate', rate) };
}

async function main(at: Workplace): Promise<void> {
  const { asked, isKept } = readAsked();
  const begun = circumstances();
  const watched = await measure(at, asked);
  const folded = foldWatched(watched, asked.leastPercent);
  const costs = costsOf(watched);
  console.log(told(folded, costs));
  if (!isKept) return;
  const { refusal: _, ...measured } = watched.measured;
  const rate = 'rate' in asked.pace ? `-${asked.pace.rate}` : '';
  const name = `-profile-${asked.transport}-${asked.work}${rate}`;
  console.log(`\nkept in ${keep(name, begun, { asked, measured, ...costs, ...folded }).join(' and ')}`);
}

await atWork(main, usage);
