/** The order in which the hops of one pattern are tried: serial by priority, weighted inside a priority (RFC 2782, RFC 3263 §4.3). */
import type { NextHop } from '../types.ts';

interface WeightedHop {
  readonly hop: NextHop;
  /** 1 or more. */
  readonly weight: number;
}

/** Hops of equal priority; never empty. */
export type PriorityLevel = readonly WeightedHop[];

interface Pick {
  readonly index: number;
  /** What is left of the spread: again even over [0, 1), and independent of the pick. */
  readonly spread: number;
}

const pickByWeight = (hops: PriorityLevel, spread: number): Pick => {
  let point = spread * hops.reduce((sum, { weight }) => sum + weight, 0);
  let index = 0;
  for (const { weight } of hops) {
    if (point < weight || index === hops.length - 1) return { index, spread: Math.min(point / weight, 1 - 2 ** -53) };
    point -= weight;
    index += 1;
  }
  return { index: 0, spread };
};

/**
 * All hops, best first. The first of a level is chosen by weight, the next of the rest by weight, and so on.
 * @param spread in [0, 1); the same spread gives the same order, and even spreads give fair shares
 */
export const orderHops = (levels: readonly PriorityLevel[], spread: number): NextHop[] => {
  const ordered: NextHop[] = [];
  let left = spread;
  for (const level of levels) {
    const waiting = [...level];
    while (waiting.length > 1) {
      const pick = pickByWeight(waiting, left);
      left = pick.spread;
      ordered.push(...waiting.splice(pick.index, 1).map(({ hop }) => hop));
    }
    ordered.push(...waiting.map(({ hop }) => hop));
  }
  return ordered;
};
