/** Access rules that can never speak. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Transport } from '../../../src/net/ports.ts';
import { compileAccess } from '../../../src/routing/access/acl.ts';
import { overshadowed } from '../../../src/routing/access/reach.ts';
import type { AccessRuleInput } from '../../../src/routing/policy-input.ts';
import { accessRow, sourceOf } from '../../support/routing.ts';

const transports = new Set<Transport>(['tcp', 'tls']);
const indexesOf = (rules: readonly AccessRuleInput[]) => overshadowed(rules, transports).map(({ index }) => index);

test('a rule for all is one when both families are covered', () => {
  const halves = ['0.0.0.0/0', '::/1', '8000::/1'].map((from, at) => accessRow(at + 1, 'cisco', from));
  expect(indexesOf([accessRow(0, 'cisco', 'all'), ...halves])).toEqual([0]);
  expect(indexesOf([accessRow(0, 'cisco', 'all'), ...halves.slice(0, 2)])).toEqual([]);
});

test('a rule for any transport is one when each transport that is heard has its own', () => {
  const any = accessRow(0, 'cisco', '10.0.0.0/8');
  const tcp = accessRow(1, 'cisco', '10.0.0.0/8', { transport: 'tcp' });
  const tls = accessRow(2, 'cisco', '10.0.0.0/8', { transport: 'tls' });
  expect(indexesOf([any, tcp, tls])).toEqual([0]);
  expect(indexesOf([any, tcp])).toEqual([]);
});

test('a rule that asks for a name leaves the others what comes without it', () => {
  const name = { tlsName: { kind: 'name', name: 'fe1.example.com' } } as const;
  expect(indexesOf([accessRow(0, 'cisco', '10.0.0.0/8'), accessRow(1, 'cisco', '10.0.0.0/8', name)])).toEqual([]);
});

/** Sixteen addresses: every source there is can be asked about. */
const network = fc.tuple(fc.constantFrom(28, 29, 30, 31, 32), fc.nat(15)).map(([prefix, last]) => {
  const size = 2 ** (32 - prefix);
  return `10.0.0.${last - (last % size)}/${prefix}`;
});

test('they are those that speak for no source at all', () => {
  const wish = fc.record({ network, transport: fc.constantFrom<Transport | undefined>('tcp', 'tls', undefined) });
  const place = ({ network: from, transport }: { network: string; transport: Transport | undefined }) =>
    `${from} ${transport}`;
  fc.assert(
    fc.property(fc.uniqueArray(wish, { selector: place, maxLength: 25 }), (wishes) => {
      const rules = wishes.map(({ network: from, transport }, at) => accessRow(at, 'cisco', from, { transport }));
      const access = compileAccess(rules);
      const speaking = [...transports].flatMap((transport) =>
        Array.from({ length: 16 }, (_, last) => {
          const source = { ...sourceOf(`10.0.0.${last}`), transport };
          return access.rulesFor(source)?.first.input.index;
        }),
      );
      expect(indexesOf(rules)).toEqual(rules.map(({ index }) => index).filter((index) => !speaking.includes(index)));
    }),
  );
});

test('ten thousand rules are looked through in a moment, not each beside each', () => {
  const rules = Array.from({ length: 10_000 }, (_, at) => accessRow(at, 'cisco', `10.${at >> 8}.${at & 255}.0/24`));
  expect(indexesOf(rules)).toEqual([]);
});
