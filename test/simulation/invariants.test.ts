/** Invariants for which no fault can be planted in what the router sends: each fails where it should. */
import { expect, test } from 'vitest';
import type { SimulatedDirectory } from './directory.ts';
import { type Ended, invariants } from './invariants.ts';
import { Observed } from './observed.ts';
import { planted } from './planted.ts';
import type { Scene } from './scene.ts';

const ended = (changed: Partial<Ended> = {}): Ended => ({
  scene: { hops: [], askers: [], faults: [], network: { loss: 0 } } as unknown as Scene,
  observed: new Observed(),
  directory: {} as SimulatedDirectory,
  bugs: [],
  held: { transactions: 0, octets: 0, connections: 0 },
  timers: { before: 3, after: 3 },
  ...changed,
});

const astray = (): Observed => {
  const observed = new Observed();
  const bye = {
    id: 'a BYE',
    method: 'BYE',
    user: 'ann',
    side: 'cisco',
    asker: 'a',
    transport: 'tcp',
    body: '',
  } as const;
  const asked = observed.add({ ...bye, atMs: 0, dialogWith: 'hop-1' });
  asked.deliveries.push({ hop: 'hop-2', side: 'microsoft', transport: 'tcp', branch: 'b', atMs: 1, isWhole: true });
  return observed;
};

const failing: Readonly<Record<string, readonly Partial<Ended>[]>> = {
  'a dialog stays where it began': [{ observed: astray() }],
  'the router finds no bug in itself': [{ bugs: ['a message was not handled'] }],
  'nothing outlives its time': [
    { held: { transactions: 1, octets: 0, connections: 0 } },
    { held: { transactions: 0, octets: 1, connections: 0 } },
    { held: { transactions: 0, octets: 0, connections: 1 } },
    { timers: { before: 3, after: 4 } },
  ],
};

test.each(Object.entries(failing))('%s: can fail', (name, cases) => {
  expect(invariants[name]?.(ended())).toEqual([]);
  for (const changed of cases) expect(invariants[name]?.(ended(changed))).toHaveLength(1);
});

test('each invariant has a fault that it finds', () =>
  expect([...Object.keys(failing), ...Object.values(planted).map(({ violates }) => violates)].toSorted()).toEqual(
    Object.keys(invariants).toSorted(),
  ));
