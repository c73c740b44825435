/** How the router's cost grows with one thing: the tables, and a plot each. */
import type { Measured } from '../bed.ts';
import { linePanel, page } from './plot.ts';
import { type Spread, spread } from './spread.ts';
import { textTable } from './table.ts';

interface GrownPoint {
  readonly size: number;
  readonly turns: readonly Measured[];
  /** Memory of the router before traffic, or while the transactions in progress wait. */
  readonly restingBytes: number;
}

export interface Grown {
  readonly name: string;
  readonly what: string;
  /** One of what memory is told for; undefined where it says nothing. */
  readonly memoryOf: string | undefined;
  /** By rising size. */
  readonly points: readonly GrownPoint[];
}

const cost = (turns: readonly Measured[]): Spread => spread(turns.map(({ programUs }) => programUs));

/** To the least size, turn by turn. */
const ratio = ({ turns }: GrownPoint, { turns: least }: GrownPoint): Spread =>
  spread(turns.map(({ programUs }, turn) => programUs / least[turn]!.programUs));

export function growthTable(grown: readonly Grown[]): string {
  const lines = grown.flatMap(({ what, points }) =>
    points.map((point) => {
      const us = cost(point.turns);
      const toLeast = ratio(point, points[0]!);
      return [
        what,
        String(point.size),
        us.median.toFixed(1),
        `${us.min.toFixed(1)}-${us.max.toFixed(1)}`,
        toLeast.median.toFixed(2),
        `${toLeast.min.toFixed(2)}-${toLeast.max.toFixed(2)}`,
        spread(point.turns.map(({ answered, seconds }) => answered / seconds)).median.toFixed(0),
      ];
    }),
  );
  return textTable([
    ['what grows', 'to', 'us/transaction', 'spread', 'to the least', 'spread', 'per second'],
    ...lines,
  ]);
}

/** Least squares: how much memory grows by one more. */
function slope(points: readonly GrownPoint[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [size, bytes] = [mean(points.map((it) => it.size)), mean(points.map((it) => it.restingBytes))];
  const shared = points.map((it) => (it.size - size) * (it.restingBytes - bytes));
  const squares = points.map((it) => (it.size - size) ** 2);
  return mean(shared) / mean(squares);
}

export const memoryTable = (grown: readonly Grown[]): string =>
  textTable([
    ['resident memory of one more', 'octets', 'at the least and most, MiB'],
    ...grown
      .filter(({ memoryOf, points }) => memoryOf !== undefined && points.length > 1)
      .map(({ memoryOf, points }) => {
        const mib = ({ restingBytes }: GrownPoint): string => (restingBytes / 2 ** 20).toFixed(0);
        return [memoryOf!, slope(points).toFixed(0), `${mib(points[0]!)} ${mib(points.at(-1)!)}`];
      }),
  ]);

export const growthPlot = (grown: readonly Grown[], title: string): string =>
  page(
    title,
    grown.map(({ what, points }) =>
      linePanel({
        heading: 'Processor time per transaction: microseconds',
        xName: what,
        names: [what],
        series: [points.map(({ size, turns }) => ({ x: size, y: cost(turns) }))],
      }),
    ),
  );
