/** `explain` tells what `decide` does, check by check. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { explain } from '../../../src/routing/explain.ts';
import type { Decision, OwnRoute } from '../../../src/routing/types.ts';
import { answers, cisco, decided, factsOf, microsoft, pinRow, policyOf, routeOf } from '../../support/routing.ts';

const bob = 'sip:bob@example.com';

const verdicts = (...parameters: Parameters<typeof explain>): string[] =>
  explain(...parameters).checks.map(({ check, verdict }) => `${check}: ${verdict}`);

/** One that waits for the directory is what it becomes by each answer. */
const told = (decision: Decision): object =>
  decision.kind === 'ask-directory'
    ? { ...decision, goOn: Object.values(answers).map((answer) => decision.goOn(answer)) }
    : decision;

describe('explain', () => {
  test('a request that is forwarded in basic mode passes every check and is decided by the route table', () => {
    expect(explain(factsOf(cisco, bob), policyOf()).checks).toEqual([
      { check: 'access', verdict: 'passed', detail: 'access[0] 192.0.2.11 is cisco' },
      { check: 'signatures', verdict: 'passed', detail: 'nothing claims to be of this node' },
      { check: 'loop', verdict: 'passed', detail: 'not seen before, not sent to cisco, no marker' },
      { check: 'recipient', verdict: 'passed', detail: 'the Request-URI says who is meant, in one way' },
      { check: 'route to follow', verdict: 'passed', detail: 'no Route left, no dialog' },
      { check: 'own address', verdict: 'passed', detail: 'sip:bob@example.com is not this node' },
      { check: 'domain', verdict: 'passed', detail: 'example.com is a shared domain' },
      { check: 'pin', verdict: 'passed', detail: 'bob@example.com is not pinned' },
      { check: 'mode', verdict: 'passed', detail: 'basic: the other side, microsoft' },
      { check: 'route table', verdict: 'decided', detail: 'example.com: routes[0]' },
    ]);
  });

  test('after a refusal nothing more is reached', () => {
    expect(verdicts(factsOf(microsoft, bob, { isMarkedByCisco: true }), policyOf())).toEqual([
      'access: passed',
      'signatures: passed',
      'loop: decided',
      'recipient: not-reached',
      'route to follow: not-reached',
      'own address: not-reached',
      'domain: not-reached',
      'pin: not-reached',
      'mode: not-reached',
      'route table: not-reached',
    ]);
  });

  test('a denied source reaches no check but the first', () => {
    const { checks } = explain(factsOf('192.0.2.99', bob), policyOf());
    expect(checks[0]).toEqual({
      check: 'access',
      verdict: 'decided',
      detail:
        'no access rule matches 192.0.2.99 over tcp (no verified name); the nearest, access[0] 192.0.2.11, asks for an address in 192.0.2.11',
    });
    expect(new Set(checks.slice(1).map(({ verdict }) => verdict))).toEqual(new Set(['not-reached']));
  });

  test('a pin decides the side, and the route table the hops', () => {
    const policy = policyOf({ mode: 'advanced', pins: [pinRow(0, bob, 'microsoft')] });
    const { checks } = explain(factsOf(cisco, bob), policy);
    expect(checks.slice(7)).toEqual([
      { check: 'pin', verdict: 'decided', detail: 'pins[0] puts bob@example.com on microsoft' },
      { check: 'mode', verdict: 'not-reached', detail: '' },
      { check: 'route table', verdict: 'decided', detail: 'example.com: routes[0]' },
    ]);
  });

  test('without an answer the directory is still to be asked', () => {
    const { checks, decision } = explain(factsOf(cisco, bob), policyOf({ mode: 'advanced' }));
    expect(decision.kind).toBe('ask-directory');
    expect(checks[8]).toEqual({
      check: 'mode',
      verdict: 'decided',
      detail: 'the directory must say where bob@example.com is at home',
    });
  });

  test('explains, whatever the request, the decision that decide makes', () => {
    const request = fc.record({
      from: fc.constantFrom(cisco, microsoft, '192.0.2.99'),
      to: fc.constantFrom(bob, 'sip:example.com', 'sip:bob@example.net', 'sip:192.0.2.1', 'sip:eve@192.0.2.11:5080'),
      hasToTag: fc.boolean(),
      ownRoute: fc.constantFrom(
        'none',
        'unsigned',
        'forged',
        'both-sides',
        'cisco',
        'microsoft',
      ) as fc.Arbitrary<OwnRoute>,
      forgery: fc.constantFrom(undefined, 'via' as const, 'record-route' as const),
      nextRoute: fc.constantFrom(undefined, routeOf('sip:192.0.2.21'), routeOf('sip:192.0.2.99')),
      hasLoopedBranch: fc.boolean(),
      isMarkedByCisco: fc.boolean(),
      sentBeforeTo: fc.constantFrom(undefined, 'cisco' as const, 'microsoft' as const),
      method: fc.constantFrom('MESSAGE', 'OPTIONS', 'BYE'),
      mode: fc.constantFrom('basic' as const, 'advanced' as const),
      answer: fc.constantFrom(undefined, ...Object.values(answers)),
    });
    fc.assert(
      fc.property(request, ({ from, to, mode, answer, ...more }) => {
        const facts = factsOf(from, to, more);
        const policy = policyOf({ mode });
        const { decision, checks } = explain(facts, policy, answer);
        expect(told(decision)).toEqual(told(decided(facts, policy, answer)));
        expect(checks).toHaveLength(10);
        expect(checks.filter(({ verdict }) => verdict === 'decided').length).toBeGreaterThan(0);
      }),
    );
  });
});
