/** The decision and the access list: many rows cost what few do. */

import { compileAccess } from '../../src/routing/access/acl.ts';
import {
  accessRow,
  cisco,
  decided,
  factsOf,
  microsoft,
  policyOf,
  routeRow,
  sourceOf,
} from '../../test/support/routing.ts';
import { type Contest, ring, timesOf } from './contest.ts';

const few = 10;
const many = 10_000;
const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);

/** Ten rows from everywhere in the list, the last of them with a wildcard, however long it is. */
const spread = (count: number): number => Math.floor((count - 1) / (few - 1));

/** Every tenth of the routes is a pattern with a wildcard. */
const pattern = (i: number): string => (i % 10 === 9 ? `*.d${i}.example.net` : `d${i}.example.net`);

function deciding(count: number): () => void {
  const policy = policyOf({ routes: numbers(count).map((i) => routeRow(i, 'microsoft', pattern(i), microsoft)) });
  const host = (i: number): string => pattern(i).replace('*', 'a');
  const nextFacts = ring(numbers(few).map((i) => factsOf(cisco, `sip:bob@${host(i * spread(count))}`)));
  return () => {
    if (decided(nextFacts(), policy).kind !== 'forward') throw new Error('not as expected');
  };
}

const address = (i: number): string => `10.${i >> 8}.${i & 255}.1`;

/** Each source is judged once, as a new connection is. */
function admitting(count: number): () => void {
  const rows = numbers(count).map((i) => accessRow(i, 'cisco', `${address(i).slice(0, -1)}0/24`));
  const access = compileAccess(rows);
  const nextAddress = ring(numbers(few).map((i) => address(i * spread(count))));
  return () => {
    if (access.sideOf(sourceOf(nextAddress())) !== 'cisco') throw new Error('not as expected');
  };
}

export const contests = (): readonly Contest[] => [
  {
    watched: { name: `100 decisions with ${many} routes`, run: timesOf(100, deciding(many)) },
    against: { name: `with ${few}`, run: timesOf(100, deciding(few)) },
    most: 5,
  },
  {
    watched: { name: `100 new sources judged with ${many} access rules`, run: timesOf(100, admitting(many)) },
    against: { name: `with ${few}`, run: timesOf(100, admitting(few)) },
    most: 5,
  },
];
