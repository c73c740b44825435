/** All micro-benchmarks; each stands beside the code that it watches. */
import { contests as lookUp } from '../../src/directory/look-up.bench.ts';
import { contests as forward } from '../../src/proxy/forward.bench.ts';
import { contests as decide } from '../../src/routing/decide.bench.ts';
import { contests as machines } from '../../src/sip/transaction/machines.bench.ts';
import { contests as parse } from '../../src/sip-parser/parse.bench.ts';
import type { Contest } from './contest.ts';

/** Each is made when it is asked for: one of them fills a table of a million users. */
export const groups: Readonly<Record<string, () => readonly Contest[]>> = { parse, forward, decide, machines, lookUp };
