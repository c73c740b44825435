/** What is wrong between rows that are each sound. */
import { describe, expect, test } from 'vitest';
import { policyProblems } from '../../../src/routing/policy.ts';
import { accessRow, pinRow, policyInput, policyOf, routeRow } from '../../support/routing.ts';

describe('policyProblems', () => {
  test('a sound policy has none', () => {
    expect(policyProblems(policyInput())).toEqual([]);
  });

  test('an access rule that says of the same peer another side points at the second one', () => {
    const access = [accessRow(0, 'cisco', '192.0.2.0/24'), accessRow(1, 'microsoft', '192.0.2.')];
    expect(policyProblems(policyInput({ access }))).toEqual([
      { list: 'access', index: 1, problem: 'repeats access[0], which says cisco instead of microsoft' },
    ]);
  });

  test('an access rule that says the same twice is one too many', () => {
    const access = [accessRow(0, 'cisco', '192.0.2.11'), accessRow(1, 'cisco', '::ffff:192.0.2.11')];
    expect(policyProblems(policyInput({ access }))).toEqual([
      { list: 'access', index: 1, problem: 'repeats access[0], which says the same' },
    ]);
  });

  test('the 101st route of one pattern is one too many (Cisco guide, static routes)', () => {
    const routes = Array.from({ length: 101 }, (_, index) =>
      routeRow(index, 'cisco', 'example.com', `192.0.2.${index + 10}`),
    );
    expect(policyProblems(policyInput({ routes }))).toMatchObject([{ list: 'routes', index: 100 }]);
  });

  test('a route that leads to this node is a loop', () => {
    const routes = [routeRow(0, 'cisco', 'example.com', 'router.example.com')];
    expect(policyProblems(policyInput({ routes }))).toMatchObject([{ list: 'routes', index: 0 }]);
  });

  test('a blocked route leads nowhere, and so to no loop', () => {
    const routes = [routeRow(0, 'cisco', 'example.com', 'router.example.com', { block: true })];
    expect(policyProblems(policyInput({ routes }))).toEqual([]);
  });

  test('a user who is pinned twice points at the second pin', () => {
    const pins = [pinRow(0, 'bob@example.com', 'cisco'), pinRow(1, 'sip:BOB@example.com', 'microsoft')];
    expect(policyProblems(policyInput({ pins }))).toMatchObject([{ list: 'pins', index: 1 }]);
    expect(policyOf({ pins }).pins.get('bob@example.com')?.side).toBe('cisco');
  });
});

describe('our own address', () => {
  const { isOwnAddress } = policyOf({
    ownAddresses: [
      { host: '192.0.2.1', port: 5060 },
      { host: '192.0.2.2', port: 15_060 },
      { host: '2001:db8::1', port: 5060 },
      { host: 'router.example.com', port: 15_060 },
    ],
  });

  test.each([
    ['192.0.2.1', 5060, true],
    ['192.0.2.1', 5061, false],
    ['192.0.2.1', undefined, true],
    ['192.0.2.2', undefined, false],
    ['2001:db8:0::1', 5060, true],
    ['router.example.com', 15_060, true],
    ['router.example.com', undefined, true],
    ['router.example.com', 5060, false],
    ['192.0.2.3', 5060, false],
  ])('%s, port %s: %s (RFC 3261 §19.1.2)', (host, port, isOwn) => {
    expect(isOwnAddress(host, port)).toBe(isOwn);
  });
});
