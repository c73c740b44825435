/** All micro-benchmarks; each stands beside the code that it watches. */

import type { Contest } from './contest.ts';
import { contests as decide } from './decide.ts';
import { contests as forward } from './forward.ts';
import { contests as lookUp } from './look-up.ts';
import { contests as machines } from './machines.ts';
import { contests as parse } from './parse.ts';

/** Each is made when it is asked for: one of them fills a table of a million users. */
export const groups: Readonly<Record<string, () => readonly Contest[]>> = { parse, forward, decide, machines, lookUp };
