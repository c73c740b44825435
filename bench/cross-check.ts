/** SIPp in place of our own load generator, at the same rate over one connection: counts and costs must be alike. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Bed, Measured } from './bed.ts';
import { processorUs } from './programs/processes.ts';
import { addresses, type Program } from './programs/program.ts';

export interface CrossChecked {
  readonly program: string;
  readonly generator: 'our own' | 'SIPp';
  readonly sent: number;
  readonly answered: number;
  /** Processor time of the program per transaction, microseconds. */
  readonly programUs: number;
}

const rate = 1_000;
const seconds = 4;
const sippPort = 7_000;

/** One program by both generators, over TCP. */
export async function crossCheck(bed: Bed, program: Program, users: number, folder: string): Promise<CrossChecked[]> {
  const lanes = `${program.name} cross-check`;
  await bed.connect({ lanes, to: program.at, connections: 1, users });
  const own = await bed.measure(program, { on: lanes, work: 'message', seconds, rate, lostMs: 2_000 });
  return [ofOurOwn(program, own), await bySipp(program, folder)];
}

const ofOurOwn = ({ name }: Program, { sent, answered, programUs }: Measured): CrossChecked => ({
  program: name,
  generator: 'our own',
  sent,
  answered,
  programUs,
});

async function bySipp(program: Program, folder: string): Promise<CrossChecked> {
  mkdirSync(folder, { recursive: true });
  const before = processorUs(program.pids());
  const args = [
    ...['-sf', join(import.meta.dirname, 'load/sipp-message.xml'), '-t', 't1', '-nostdin'],
    ...['-i', addresses.cisco[0], '-p', String(sippPort), '-bind_local'],
    ...['-r', String(rate), '-m', String(rate * seconds), '-timeout', '30s', '-recv_timeout', '2000'],
    ...['-trace_stat', '-stf', join(folder, 'statistics.csv')],
    `${program.at.address}:${program.at.port}`,
  ];
  // Calls that fail give it an exit code; the counts tell them.
  await promisify(execFile)('sipp', args, { cwd: folder }).catch(() => undefined);
  const statistics = readFileSync(join(folder, 'statistics.csv'), 'latin1');
  const answered = lastValue(statistics, 'SuccessfulCall(C)');
  return {
    program: program.name,
    generator: 'SIPp',
    sent: lastValue(statistics, 'TotalCallCreated'),
    answered,
    programUs: (processorUs(program.pids()) - before) / answered,
  };
}

/** A column of the last line of SIPp's statistics. */
function lastValue(statistics: string, column: string): number {
  const [head = '', ...lines] = statistics.trim().split('\n');
  return Number(lines.at(-1)?.split(';')[head.split(';').indexOf(column)]);
}
