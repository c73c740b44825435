/** What a node that is being emptied makes of its decisions. */
import { expect, test } from 'vitest';
import { whileDraining } from '../../../src/routing/drain.ts';
import type { Decision, RequestFacts } from '../../../src/routing/types.ts';
import { cisco, decided, factsOf, policyOf } from '../../support/routing.ts';

const whenDrained = (facts: RequestFacts, mode: 'basic' | 'advanced' = 'basic'): Decision => {
  const policy = policyOf({ mode });
  return whileDraining(decided(facts, policy), facts, policy);
};

const refusal = { kind: 'reject', status: 503, retryAfterS: 30, from: 'cisco', because: [{ code: 'draining' }] };

test.each([
  ['a MESSAGE to a user', factsOf(cisco, 'sip:bob@example.com'), 'basic'],
  ['one that the directory would have to be asked for', factsOf(cisco, 'sip:bob@example.com'), 'advanced'],
  ['an OPTIONS to this node', factsOf(cisco, 'sip:router.example.com:5060', { method: 'OPTIONS' }), 'basic'],
] as const)('%s gets 503 with Retry-After', (_, facts, mode) => {
  expect(whenDrained(facts, mode)).toMatchObject(refusal);
});

test('a request within a dialog goes on', () => {
  const facts = factsOf(cisco, 'sip:bob@example.com', { method: 'BYE', hasToTag: true, ownRoute: 'both-sides' });
  expect(whenDrained(facts)).toMatchObject({ kind: 'forward' });
});

test.each([
  ['of a stranger', factsOf('192.0.2.99', 'sip:bob@example.com'), 403],
  ['of a loop', factsOf(cisco, 'sip:bob@example.com', { hasLoopedBranch: true }), 482],
] as const)('the refusal %s stays what it is', (_, facts, status) => {
  expect(whenDrained(facts)).toMatchObject({ kind: 'reject', status });
});
