/** Both programs side by side: the table, the results and the plot of `npm run bench`. */
import type { Measured } from '../bed.ts';
import type { Pace } from '../load/load.ts';
import type { Cell } from '../options.ts';
import { barPanel, type Panel, page } from './plot.ts';
import { type Spread, spread } from './spread.ts';
import { textTable } from './table.ts';

/** One cell, measured in turns of both programs. */
export interface Compared extends Cell {
  readonly router: readonly Measured[];
  readonly kamailio: readonly Measured[];
}

const of = (turns: readonly Measured[], value: (turn: Measured) => number): Spread => spread(turns.map(value));

/** Of the turns one by one: what disturbs a turn disturbs both. */
const ratioOf = ({ router, kamailio }: Compared): Spread =>
  spread(router.map((turn, index) => turn.programUs / kamailio[index]!.programUs));

const paceName = (pace: Pace): string => ('rate' in pace ? `${pace.rate}/s` : `${pace.outstanding} under way`);

const lost = (turns: readonly Measured[]): number =>
  turns.reduce((total, { sent, answered }) => total + sent - answered, 0);

const heading = [
  'work',
  'pace',
  'program',
  'us/transaction',
  'spread',
  'ratio',
  'spread',
  'per second',
  'p50 ms',
  'p99',
  'p99.9',
  'MiB',
  'lost',
  'load us',
  'sink us',
];

export function compareTable(cells: readonly Compared[], names: readonly [string, string]): string {
  return textTable([heading, ...cells.flatMap((cell) => linesOf(cell, names))]);
}

function linesOf(cell: Compared, [router, kamailio]: readonly [string, string]): string[][] {
  const { transport, mode, connections, work, pace } = cell;
  const ratio = ratioOf(cell);
  const first = `${transport} ${work} ${mode} ${connections}`;
  return [
    [
      first,
      paceName(pace),
      router,
      ...costOf(cell.router),
      ratio.median.toFixed(2),
      range(ratio, 2),
      ...restOf(cell.router),
    ],
    ['', '', kamailio, ...costOf(cell.kamailio), '', '', ...restOf(cell.kamailio)],
  ];
}

const range = ({ min, max }: Spread, digits: number): string => `${min.toFixed(digits)}-${max.toFixed(digits)}`;

function costOf(turns: readonly Measured[]): string[] {
  const cost = of(turns, ({ programUs }) => programUs);
  return [cost.median.toFixed(1), range(cost, 1)];
}

function restOf(turns: readonly Measured[]): string[] {
  const median = (value: (turn: Measured) => number, digits: number): string => of(turns, value).median.toFixed(digits);
  return [
    median(({ answered, seconds }) => answered / seconds, 0),
    median(({ latencyMs }) => latencyMs.p50, 2),
    median(({ latencyMs }) => latencyMs.p99, 2),
    median(({ latencyMs }) => latencyMs.p999, 2),
    median(({ memoryMib }) => memoryMib, 0),
    String(lost(turns)),
    median(({ loadUs }) => loadUs, 1),
    median(({ sinkUs }) => sinkUs, 1),
  ];
}

/** The results for the file: medians first, then every turn. */
export const compareResults = (cells: readonly Compared[]): object[] =>
  cells.map((cell) => {
    const { router, kamailio, ...what } = cell;
    return { ...what, ratio: ratioOf(cell), router: summary(router), kamailio: summary(kamailio) };
  });

const summary = (turns: readonly Measured[]): object => ({
  processorUs: of(turns, ({ programUs }) => programUs),
  perSecond: of(turns, ({ answered, seconds }) => answered / seconds),
  p999Ms: of(turns, ({ latencyMs }) => latencyMs.p999),
  lost: lost(turns),
  turns: turns.map(({ refusal: _, ...turn }) => turn),
});

interface Target {
  readonly what: string;
  readonly limit: number;
  readonly found: number;
}

const ratioLimits = { udp: 0.9, tcp: 0.25, tls: 0.25 } as const;
const latencyLimitMs = 15;

/** What the router is meant to reach, with one worker: of its fullest mode, MESSAGE and calls. */
function targetsOf(cell: Compared): Target[] {
  const { transport, work, mode, connections, pace } = cell;
  if (work === 'subscribe') return [];
  const name = `${transport} ${work} ${mode} ${connections}, ${paceName(pace)}`;
  const limit = 'rate' in pace ? 1 : ratioLimits[transport];
  const all = [{ what: `${name}: not answered`, limit: 0, found: lost(cell.router) }];
  if (!('rate' in pace) || pace.rate === 2_000)
    all.unshift({ what: `${name}: ratio`, limit, found: ratioOf(cell).median });
  else {
    const found = of(cell.router, ({ latencyMs }) => latencyMs.p999).median;
    all.unshift({ what: `${name}: p99.9 ms`, limit: latencyLimitMs, found });
  }
  return all;
}

export function targetsTable(cells: readonly Compared[]): string {
  const lines = cells.flatMap(targetsOf).map(({ what, limit, found }) => {
    const isReached = found <= limit;
    const by = limit === 0 ? String(found) : `${((found / limit - 1) * 100).toFixed(0)} %`;
    return [what, String(limit), found.toFixed(limit === 0 ? 0 : 2), isReached ? 'reached' : `missed by ${by}`];
  });
  return textTable([['target', 'at most', 'found', ''], ...lines]);
}

/** A panel for each figure, a pair of bars for each cell. */
export function comparePlot(cells: readonly Compared[], names: readonly [string, string], title: string): string {
  const closed = cells.filter(({ pace }) => 'outstanding' in pace);
  const atRates = cells.filter(({ pace }) => 'rate' in pace);
  const panel = (heading: string, some: readonly Compared[], value: (turn: Measured) => number): Panel =>
    barPanel({
      heading,
      names,
      groups: some.map((cell) => ({
        label: labelOf(cell),
        bars: [of(cell.router, value), of(cell.kamailio, value)],
      })),
    });
  const panels = [
    panel('Processor time per transaction, 64 under way: microseconds', closed, ({ programUs }) => programUs),
    panel('Throughput, 64 under way: transactions a second', closed, ({ answered, seconds }) => answered / seconds),
  ];
  if (atRates.length > 0) {
    panels.push(
      panel('Processor time per transaction at fixed rates: microseconds', atRates, ({ programUs }) => programUs),
      panel('Latency p99.9 at fixed rates: milliseconds', atRates, ({ latencyMs }) => latencyMs.p999),
    );
  }
  return page(title, panels);
}

const labelOf = ({ transport, work, mode, connections, pace }: Cell): string =>
  `${transport.toUpperCase()} ${work}, ${'rate' in pace ? `${pace.rate}/s` : `${mode}, ${connections}`}`;
