/** SIPp in place of our own load generator, at the same rate over one connection: counts and costs must be alike. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Bed, Measured } from './bed.ts';
import { processorUs } from './programs/processes.ts';
import { addresses, type Program } from './programs/program.ts';
import { spread } from './report/spread.ts';

export interface CrossChecked {
  readonly program: string;
  readonly generator: 'our own' | 'SIPp';
  readonly sent: number;
  readonly answered: number;
  /** Processor time of the program per transaction, microseconds. */
  readonly programUs: number;
}

const rate = 1_000;
const seconds = 2;
const turns = 3;
const sippPort = 7_000;

/** One program by both generators in turn, over TCP; counts are sums, costs medians. */
export async function crossCheck(bed: Bed, program: Program, users: number, folder: string): Promise<CrossChecked[]> {
  mkdirSync(folder, { recursive: true });
  const lanes = `${program.name} cross-check`;
  await bed.connect({ lanes, to: program.at, connections: 1, users });
  const own: Turn[] = [];
  const sipp: Turn[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    own.push(await bed.measure(program, { on: lanes, work: 'message', seconds, rate, lostMs: 2_000 }));
    sipp.push(await bySipp(program, join(folder, `${turn}.csv`), sippPort + turn));
  }
  return [summary(program, 'our own', own), summary(program, 'SIPp', sipp)];
}

type Turn = Pick<Measured, 'sent' | 'answered' | 'programUs'>;

const summary = ({ name }: Program, generator: CrossChecked['generator'], turns: readonly Turn[]): CrossChecked => ({
  program: name,
  generator,
  sent: turns.reduce((sum, { sent }) => sum + sent, 0),
  answered: turns.reduce((sum, { answered }) => sum + answered, 0),
  programUs: spread(turns.map(({ programUs }) => programUs)).median,
});

/** @param port of its own, since a connection's stays taken for a while */
async function bySipp(program: Program, statisticsFile: string, port: number): Promise<Turn> {
  const before = processorUs(program.pids());
  const args = [
    ...['-sf', join(import.meta.dirname, 'load/sipp-message.xml'), '-t', 't1', '-nostdin'],
    ...['-i', addresses.cisco[0], '-p', String(port), '-bind_local'],
    ...['-r', String(rate), '-m', String(rate * seconds), '-timeout', '30s', '-recv_timeout', '2000'],
    ...['-trace_stat', '-stf', statisticsFile],
    `${program.at.address}:${program.at.port}`,
  ];
  // Calls that fail give it an exit code; the counts tell them.
  await promisify(execFile)('sipp', args).catch(() => undefined);
  const statistics = readFileSync(statisticsFile, 'latin1');
  const answered = lastValue(statistics, 'SuccessfulCall(C)');
  const programUs = (processorUs(program.pids()) - before) / answered;
  return { sent: lastValue(statistics, 'TotalCallCreated'), answered, programUs };
}

/** A column of the last line of SIPp's statistics. */
function lastValue(statistics: string, column: string): number {
  const [head = '', ...lines] = statistics.trim().split('\n');
  return Number(lines.at(-1)?.split(';')[head.split(';').indexOf(column)]);
}
