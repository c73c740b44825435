/** What `npm run bench -- ...` may be told, and which measurements follow from it. */
import { parseArgs } from 'node:util';
import type { Pace } from './load/load.ts';
import type { Transport } from './load/wire.ts';
import type { Work } from './load/work.ts';

export interface BenchOptions {
  readonly transports: readonly Transport[];
  readonly works: readonly Work[];
  readonly modes: readonly ('basic' | 'advanced')[];
  /** Connections (UDP: sockets) of the asking side. */
  readonly connections: readonly number[];
  /** Each turn measures both programs once; medians and spreads are over turns. */
  readonly turns: number;
  /** Length of one measurement. */
  readonly seconds: number;
  /** Known users. */
  readonly users: number;
  /** Kamailio writes records and remembers which side a request came from, as the router always does. */
  readonly records: boolean;
  /** SIPp in place of our own load generator, to compare. */
  readonly crossCheck: boolean;
  /** Whether results and plot are written. */
  readonly isKept: boolean;
}

export const usage = `usage: npm run bench -- [--quick] [--only WORD,WORD...] [--turns 5] [--seconds 2] [--users 100000] [--records] [--no-results]
WORD: udp tcp tls, message call subscribe, basic advanced, 1 4 (connections); of each kind that is not named, all are measured`;

export const known = {
  transports: ['udp', 'tcp', 'tls'],
  works: ['message', 'call', 'subscribe'],
  modes: ['basic', 'advanced'],
  connections: ['1', '4'],
} as const;

export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      turns: { type: 'string', default: '5' },
      seconds: { type: 'string' },
      users: { type: 'string', default: '100000' },
      records: { type: 'boolean', default: false },
      'no-results': { type: 'boolean', default: false },
    },
  });
  const { quick } = values;
  const words = values.only.split(',').filter(Boolean);
  const offered = quick ? ({ ...known, modes: ['advanced'], connections: ['4'] } as const) : known;
  checkWords(words, Object.values(offered).flat(), quick);
  return {
    transports: chosen(offered.transports, words),
    works: chosen(offered.works, words),
    modes: chosen<BenchOptions['modes'][number]>(offered.modes, words),
    connections: chosen<string>(offered.connections, words).map(Number),
    turns: positive('turns', values.turns),
    seconds: positive('seconds', values.seconds ?? (quick ? '0.8' : '2')),
    users: positive('users', values.users),
    records: values.records,
    crossCheck: words.length === 0,
    isKept: !values['no-results'],
  };
}

function checkWords(words: readonly string[], offered: readonly string[], quick: boolean): void {
  const all: readonly string[] = Object.values(known).flat();
  for (const word of words) {
    if (offered.includes(word)) continue;
    const why = quick && all.includes(word) ? 'left out by --quick, which measures' : 'none of';
    throw new Error(`--only: "${word}" is ${why} ${offered.join(', ')}`);
  }
}

/** Those that are named; when none of its kind is, all. */
function chosen<T extends string>(kind: readonly T[], words: readonly string[]): readonly T[] {
  const named = kind.filter((it) => words.includes(it));
  return named.length > 0 ? named : kind;
}

export function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} must be a number above 0, not "${text}"`);
  return value;
}

export function oneOf<T extends string>(allowed: readonly T[], value: string): T {
  const found = allowed.find((it) => it === value);
  if (found === undefined) throw new Error(`"${value}" is none of ${allowed.join(', ')}`);
  return found;
}

/** One line of the results. */
export interface Cell {
  readonly transport: Transport;
  readonly mode: 'basic' | 'advanced';
  readonly connections: number;
  readonly work: Work;
  readonly pace: Pace;
}

const closedLoop: Pace = { outstanding: 64 };
/** The rate where every message costs a wake-up, and the moderate one at which latency is told. */
const lowRate: Pace = { rate: 2_000 };
const moderateRate: Pace = { rate: 8_000 };

/** Rates where they say something: with the most connections, in the fuller mode; a call is five messages. */
function pacesOf(options: BenchOptions, { mode, connections, work }: Omit<Cell, 'pace'>): readonly Pace[] {
  const isFullest = mode === options.modes.at(-1) && connections === options.connections.at(-1);
  if (!isFullest || work === 'subscribe') return [closedLoop];
  return work === 'message' ? [closedLoop, lowRate, moderateRate] : [closedLoop, lowRate];
}

/** All of one transport and mode, in the order in which they are measured. */
export function cellsOf(options: BenchOptions, transport: Transport, mode: 'basic' | 'advanced'): Cell[] {
  return options.connections.flatMap((connections) =>
    options.works.flatMap((work) => {
      const cell = { transport, mode, connections, work };
      return pacesOf(options, cell).map((pace) => ({ ...cell, pace }));
    }),
  );
}
