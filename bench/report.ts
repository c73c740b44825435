/** What was measured, as a table for people and as a file to compare with. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import type { Measured } from './bed.ts';
import type { BenchOptions } from './options.ts';
import type { Transport } from './wire.ts';

export interface Row {
  readonly transport: Transport;
  /** `2000/s` or `64 outstanding`. */
  readonly load: string;
  readonly turns: readonly Measured[];
}

interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const median = (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)! };
}

const columns = [
  '',
  'load',
  'us/transaction',
  'min',
  'max',
  'user',
  'per second',
  'p50 ms',
  'p99 ms',
  'lost',
  'RSS MiB',
];

export function table(rows: readonly Row[]): string {
  const lines = [columns, ...rows.map(cells)];
  const widths = columns.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines.map((line) => line.map((cell, column) => cell.padStart(widths[column]!)).join('  ')).join('\n');
}

function cells({ transport, load, turns }: Row): string[] {
  const of = (value: (turn: Measured) => number): Spread => spread(turns.map(value));
  const cost = of(({ microseconds }) => microseconds);
  return [
    transport,
    load,
    cost.median.toFixed(1),
    cost.min.toFixed(1),
    cost.max.toFixed(1),
    of(({ userMicroseconds }) => userMicroseconds).median.toFixed(1),
    of(({ answered, seconds }) => answered / seconds).median.toFixed(0),
    of(({ latencyMs }) => latencyMs.p50).median.toFixed(2),
    of(({ latencyMs }) => latencyMs.p99).median.toFixed(2),
    String(turns.reduce((lost, { sent, answered }) => lost + sent - answered, 0)),
    of(({ maxRssMib }) => maxRssMib).max.toFixed(0),
  ];
}

/** Writes `bench/results/<date>-<commit>.json` and returns its path. */
export function keep(rows: readonly Row[], options: BenchOptions): string {
  const folder = join(import.meta.dirname, 'results');
  const date = new Date().toISOString();
  const commit = git('rev-parse', '--short', 'HEAD');
  const isClean = git('status', '--porcelain', '--untracked-files=no', '--', 'src') === '';
  const machine = { node: process.version, processor: cpus()[0]?.model, cores: cpus().length, kernel: release() };
  const { isKept: _, ...asked } = options;
  const results = rows.map(({ transport, load, turns }) => ({
    transport,
    load,
    microseconds: rounded(spread(turns.map(({ microseconds }) => microseconds))),
    turns: turns.map(({ refusal: _, ...turn }) => roundedDeep(turn)),
  }));
  const file = join(folder, `${date.slice(0, 10)}-${commit}${isClean ? '' : '-changed'}.json`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, `${JSON.stringify({ date, commit, isClean, machine, options: asked, results }, null, 2)}\n`);
  return file;
}

const git = (...args: string[]): string =>
  execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' }).trim();

const rounded = (value: Spread): Spread => roundedDeep(value) as Spread;

const roundedDeep = (value: object): unknown =>
  JSON.parse(JSON.stringify(value), (_, it) => (typeof it === 'number' ? Math.round(it * 100) / 100 : it));
