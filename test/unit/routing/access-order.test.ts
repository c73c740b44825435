/** Which of several access rules speaks: by address, name, transport, and by what they ask of the request. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Transport } from '../../../src/net/ports.ts';
import { compileAccess } from '../../../src/routing/access/acl.ts';
import { type NamePattern, parseName } from '../../../src/routing/access/pattern.ts';
import { ruleLabel } from '../../../src/routing/access/rule.ts';
import type { AccessRuleInput } from '../../../src/routing/policy-input.ts';
import type { RequestSource, Side } from '../../../src/routing/types.ts';
import { accessRow, sourceOf } from '../../support/routing.ts';

interface Wish {
  readonly from?: string;
  readonly name?: string;
  readonly over?: Transport;
  readonly domains?: readonly string[];
  readonly methods?: readonly string[];
  readonly deny?: true;
}

const named = (text: string): NamePattern => {
  const { value } = parseName(text);
  if (value === undefined) throw new Error(text);
  return value;
};

const rowOf = ({ from = 'all', name, over, domains, methods, deny }: Wish, index: number): AccessRuleInput =>
  accessRow(index, deny ? undefined : 'microsoft', from, {
    tlsName: name === undefined ? undefined : named(name),
    transport: over,
    fromDomains: domains?.map(named),
    methods,
  });

const message = { method: 'MESSAGE', fromDomain: 'example.com' };
const fe1 = { ...sourceOf('192.0.2.21', ['fe1.eu.example.com']), transport: 'tls' } as const;

/** The sentence of the rule that speaks, or `nobody`. */
const verdict = (wishes: readonly Wish[], source: RequestSource = fe1, asked = message): string => {
  const judged = compileAccess(wishes.map(rowOf)).rulesFor(source)?.judge(asked);
  if (judged === undefined) return 'nobody';
  return 'allowed' in judged ? judged.allowed.detail : `${judged.code}: ${judged.detail}`;
};

describe('the order of specificity: each row speaks before all that follow', () => {
  const order: readonly Wish[] = [
    { name: 'fe1.eu.example.com', from: '192.0.2.21', over: 'tls', domains: ['example.com'], methods: ['MESSAGE'] },
    { name: 'fe1.eu.example.com', from: '192.0.2.21', over: 'tls', domains: ['example.com'] },
    { name: 'fe1.eu.example.com', from: '192.0.2.21', over: 'tls', methods: ['MESSAGE'] },
    { name: 'fe1.eu.example.com', from: '192.0.2.21', over: 'tls' },
    { name: 'fe1.eu.example.com', from: '192.0.2.21' },
    { name: 'fe1.eu.example.com', from: '192.0.2.0/24', over: 'tls' },
    { name: 'fe1.eu.example.com', from: '192.0.2.0/24' },
    { name: 'fe1.eu.example.com' },
    { name: '.eu.example.com', from: '192.0.2.21' },
    { name: '.eu.example.com' },
    { name: '.example.com', from: '192.0.2.21' },
    { name: '.example.com', over: 'tls' },
    { name: '.example.com' },
    { from: '192.0.2.21', over: 'tls', domains: ['example.com'], methods: ['MESSAGE'] },
    { from: '192.0.2.21', over: 'tls' },
    { from: '192.0.2.21', domains: ['example.com'] },
    { from: '192.0.2.21', methods: ['MESSAGE'] },
    { from: '192.0.2.21' },
    { from: '192.0.2.0/24', over: 'tls' },
    { from: '192.0.2.0/24' },
    { from: '0.0.0.0/0' },
    { from: 'all', over: 'tls' },
    { from: 'all' },
  ];

  test.each(order.map((wish, at) => ({ wish, rest: order.slice(at), before: JSON.stringify(wish) })))(
    '$before',
    ({ rest }) => {
      const first = /^access\[0\] /;
      expect(verdict(rest)).toMatch(first);
      // The place in the list does not count.
      expect(verdict(rest.toReversed())).toMatch(new RegExp(`^access\\[${rest.length - 1}\\] `));
    },
  );

  test('of equal rules the first in the list speaks', () => {
    expect(verdict([{ from: '192.0.2.21' }, { from: '192.0.2.21/32', deny: true }])).toMatch(/^access\[0\].*microsoft/);
  });
});

describe('a rule that denies is one like any other', () => {
  test('it shuts a part of what a wider one lets in', () => {
    const rules: Wish[] = [{ from: '192.0.2.0/24' }, { from: '192.0.2.21', deny: true }];
    expect(verdict(rules, sourceOf('192.0.2.21'))).toBe('access-denied: access[1] 192.0.2.21 is denied');
    expect(verdict(rules, sourceOf('192.0.2.22'))).toBe('access[0] 192.0.2.0/24 is microsoft');
  });

  test('a proved name is more specific than an address that is denied', () => {
    expect(verdict([{ from: '192.0.2.21', deny: true }, { name: '.example.com' }])).toBe(
      'access[1] .example.com is microsoft',
    );
  });

  test('with methods it denies these, and the rule beside it lets in the rest', () => {
    const rules: Wish[] = [{ from: '192.0.2.21' }, { from: '192.0.2.21', methods: ['SERVICE'], deny: true }];
    expect(verdict(rules)).toBe('access[0] 192.0.2.21 is microsoft');
    expect(verdict(rules, fe1, { ...message, method: 'SERVICE' })).toBe(
      'access-denied: access[1] 192.0.2.21 is denied',
    );
  });
});

describe('a rule that asks for an address and a name wants both', () => {
  const rule: Wish[] = [{ from: '192.0.2.0/24', name: 'fe1.example.com' }];

  test.each([
    ['both', '192.0.2.21', ['fe1.example.com'], 'access[0] fe1.example.com at 192.0.2.0/24 is microsoft'],
    ['the address only', '192.0.2.21', [], 'nobody'],
    ['the address and another name', '192.0.2.21', ['fe2.example.com'], 'nobody'],
    ['the name only', '198.51.100.1', ['fe1.example.com'], 'nobody'],
  ])('%s', (_what, address, names, expected) => {
    expect(verdict(rule, { ...sourceOf(address, names), transport: 'tls' })).toBe(expected);
  });
});

describe('what a peer may say', () => {
  const pool: Wish = { from: '192.0.2.21', domains: ['example.com', '.example.net'], methods: ['INVITE', 'MESSAGE'] };

  test.each([
    ['MESSAGE', 'example.com', undefined],
    ['MESSAGE', 'a.example.net', undefined],
    ['MESSAGE', 'example.net', 'from-domain-denied'],
    ['MESSAGE', 'sub.example.com', 'from-domain-denied'],
    ['MESSAGE', undefined, 'from-domain-denied'],
    ['SERVICE', 'example.com', 'method-denied'],
    ['ACK', 'example.com', undefined],
    ['CANCEL', 'example.com', undefined],
  ])('%s from %s: %s', (method, fromDomain, code) => {
    const judged = compileAccess([rowOf(pool, 0)])
      .rulesFor(fe1)
      ?.judge({ method, fromDomain });
    expect(judged && ('code' in judged ? judged.code : undefined)).toBe(code);
  });

  test('ACK and CANCEL go with INVITE only', () => {
    const asked = { ...message, method: 'CANCEL' };
    expect(verdict([{ from: '192.0.2.21', methods: ['MESSAGE'] }], fe1, asked)).toBe(
      'method-denied: access[0] 192.0.2.21 may send MESSAGE, not CANCEL',
    );
  });

  test('a wider rule is not asked when the most specific one refuses', () => {
    expect(verdict([pool, { from: 'all' }], fe1, { ...message, fromDomain: 'example.org' })).toBe(
      'from-domain-denied: access[0] 192.0.2.21 may speak for example.com, .example.net, not for example.org',
    );
  });

  test('the address of a server is a domain too, in any spelling', () => {
    const rule: Wish = { from: '192.0.2.21', domains: ['example.com'] };
    const input = { ...rowOf(rule, 0), fromDomains: [{ kind: 'name', name: '2001:db8:0::1' }] as const };
    const judged = compileAccess([input]).rulesFor(fe1)?.judge({ method: 'OPTIONS', fromDomain: '2001:DB8::1' });
    expect(judged).toHaveProperty('allowed');
  });
});

test('a rule is told by place and name', () => {
  expect(ruleLabel({ index: 3, name: 'pool' })).toBe('access[3] "pool"');
  const rules = [
    accessRow(0, 'cisco', '192.0.2.0/24', { name: 'imp', transport: 'tls', tlsName: named('.example.com') }),
  ];
  expect(compileAccess(rules).rulesFor(fe1)?.first.allows?.allowed).toEqual({
    code: 'access-allowed',
    detail: 'access[0] "imp" .example.com at 192.0.2.0/24 over tls is cisco',
  });
});

describe('which peers could be let in, before they have proved anything', () => {
  const rules: Wish[] = [
    { from: '192.0.2.0/24', over: 'tcp' },
    { from: '198.51.100.0/24', name: 'fe1.example.com' },
    { from: '192.0.2.99', deny: true },
    { from: '192.0.2.66', name: 'evil.example.com', deny: true },
  ];
  const access = compileAccess(rules.map(rowOf));

  test.each([
    ['192.0.2.21', 'tcp', 'admitted'],
    ['192.0.2.21', 'udp', 'stranger'],
    ['192.0.2.21', 'tls', 'stranger'],
    ['192.0.2.99', 'tcp', 'stranger'],
    ['198.51.100.1', 'tcp', 'stranger'],
    ['198.51.100.1', 'tls', 'unproved'],
    ['203.0.113.1', 'tls', 'stranger'],
    ['192.0.2.66', 'tls', 'stranger'],
    ['2001:db8::1', 'tls', 'stranger'],
  ] as const)('%s over %s: %s', (address, transport, expected) => {
    expect(access.prospectOf(address, transport)).toBe(expected);
  });

  test('a name without an address could come from anywhere, over TLS', () => {
    const anywhere = compileAccess([rowOf({ name: '.example.com' }, 0)]);
    expect(anywhere.prospectOf('2001:db8::1', 'tls')).toBe('unproved');
    expect(anywhere.prospectOf('2001:db8::1', 'tcp')).toBe('stranger');
  });
});

/** All rules looked at one by one, as one would by hand. */
const byHand = (
  rules: readonly AccessRuleInput[],
  source: RequestSource,
  asked: typeof message,
): number | undefined => {
  const bits = (address: string) =>
    address
      .split('.')
      .map((octet) => Number(octet).toString(2).padStart(8, '0'))
      .join('');
  const ranks = rules.flatMap((rule) => {
    const { from, tlsName, transport } = rule;
    const length = from.kind === 'network' ? from.network.prefix : -1;
    const network = from.kind === 'network' ? Number(from.network.address.value).toString(2).padStart(32, '0') : '';
    if (length > 0 && !bits(source.remoteAddress).startsWith(network.slice(0, length))) return [];
    if (transport !== undefined && transport !== source.transport) return [];
    const nameRank = rankOfName(tlsName, source.verifiedNames);
    if (nameRank === undefined) return [];
    const conditions = (rule.fromDomains ? 2 : 0) + (rule.methods ? 1 : 0);
    return [{ rule, place: [nameRank, length, transport === undefined ? 0 : 1], conditions }];
  });
  const compare = (a: readonly number[], b: readonly number[]): number =>
    a.map((value, at) => b[at]! - value).find((difference) => difference !== 0) ?? 0;
  const [best] = ranks.toSorted((a, b) => compare(a.place, b.place));
  const speaking = ranks
    .filter(({ place }) => compare(place, best!.place) === 0)
    .toSorted((a, b) => b.conditions - a.conditions || a.rule.index - b.rule.index)
    .find(
      ({ rule }) =>
        rule.methods?.includes(asked.method) !== false &&
        rule.fromDomains?.some((domain) => domain.kind === 'name' && domain.name === asked.fromDomain) !== false,
    );
  return speaking?.rule.side === undefined ? undefined : speaking.rule.index;
};

const rankOfName = (pattern: NamePattern | undefined, names: readonly string[]): number | undefined => {
  if (pattern === undefined) return 0;
  if (pattern.kind === 'name') return names.includes(pattern.name) ? 1_000 : undefined;
  return names.some((name) => name.endsWith(`.${pattern.domain}`)) ? pattern.domain.length : undefined;
};

describe('the tables say what a search through all rules says', () => {
  const address = fc
    .tuple(fc.constantFrom(10, 192), fc.constantFrom(0, 1), fc.constantFrom(0, 128), fc.nat(3))
    .map((octets) => octets.join('.'));
  const network = fc.tuple(address, fc.constantFrom(0, 8, 9, 16, 17, 30, 31, 32)).map(([text, prefix]) => {
    const value = text.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
    const masked = prefix === 0 ? 0 : (value & (0xffffffff << (32 - prefix))) >>> 0;
    return `${[24, 16, 8, 0].map((shift) => (masked >>> shift) & 255).join('.')}/${prefix}`;
  });
  const host = fc.constantFrom('a.x.test', 'b.x.test', 'a.y.x.test', 'b.y.x.test');
  const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
  const wish = fc.record({
    from: fc.oneof(network, fc.constant('all')),
    name: maybe(fc.oneof(host, fc.constantFrom('.x.test', '.y.x.test', '.test'))),
    over: maybe(fc.constantFrom<Transport>('udp', 'tcp', 'tls')),
    domains: maybe(fc.constantFrom(['example.com'], ['example.net'])),
    methods: maybe(fc.constantFrom(['MESSAGE'], ['SERVICE'])),
    deny: maybe(fc.constant(true as const)),
  });
  const source = fc
    .record({
      address,
      names: fc.uniqueArray(host, { maxLength: 2 }),
      plain: fc.constantFrom<Transport>('udp', 'tcp', 'tls'),
    })
    .map(({ address: remoteAddress, names, plain }): RequestSource => {
      return { ...sourceOf(remoteAddress, names), transport: names.length > 0 ? 'tls' : plain };
    });
  const asked = fc.record({
    method: fc.constantFrom('MESSAGE', 'SERVICE'),
    fromDomain: fc.constantFrom('example.com', 'example.net'),
  });

  /** Two exact names of one certificate are equally specific: only the place in the list tells the rules apart. */
  test('for random rules, sources and requests', () => {
    fc.assert(
      fc.property(fc.array(wish, { maxLength: 30 }), source, asked, (wishes, from, request) => {
        const rules = distinctPlaces(wishes.map((each) => withoutUndefined(each))).map(rowOf);
        const judged = compileAccess(rules).rulesFor(from)?.judge(request);
        const spoke =
          judged !== undefined && 'allowed' in judged ? judged.allowed.detail.match(/\[(\d+)\]/)?.[1] : undefined;
        expect(spoke === undefined ? undefined : Number(spoke)).toBe(byHand(rules, from, request));
      }),
      { numRuns: 2_000 },
    );
  });
});

const withoutUndefined = (wish: Readonly<Record<string, unknown>>): Wish =>
  Object.fromEntries(Object.entries(wish).filter(([, value]) => value !== undefined));

/** Names are left out of a place: rules of two names of one certificate would be asked as if they were one. */
const distinctPlaces = (wishes: readonly Wish[]): readonly Wish[] => {
  const names = new Map<string, string>();
  return wishes.filter(({ from, name = '', over }) => {
    const isPartial = name.startsWith('.');
    const place = `${from} ${over} ${name === '' ? 'none' : isPartial ? `partial ${name.length}` : 'exact'}`;
    const known = names.get(place) ?? name;
    names.set(place, known);
    return known === name;
  });
};

describe('sides', () => {
  test.each<[string, Side | undefined]>([
    ['192.0.2.21', 'microsoft'],
    ['192.0.2.99', undefined],
  ])('%s is %s', (address, side) => {
    const access = compileAccess([rowOf({ from: '192.0.2.0/24' }, 0), rowOf({ from: '192.0.2.99', deny: true }, 1)]);
    expect(access.sideOf(sourceOf(address))).toBe(side);
  });
});
