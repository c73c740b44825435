/** Static routes: longest match, less specific ones behind, priorities and weights. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RouteInput } from '../../../src/routing/policy-input.ts';
import { orderHops } from '../../../src/routing/routes/hop-order.ts';
import { compileRoutes } from '../../../src/routing/routes/route-table.ts';
import { routeRow } from '../../support/routing.ts';

const bobsKey = 'bob@eu.example.com';

/** Hosts of the plan for bob@eu.example.com, or what became of it. */
const hopsFor = (rows: readonly RouteInput[], host = 'eu.example.com', spread = 0): string => {
  const match = compileRoutes(rows).match('microsoft', host, bobsKey, { spread });
  if (match === undefined) return 'nothing';
  return match.kind === 'plan' ? match.plan.hops.map((hop) => hop.host).join(' ') : match.kind;
};

type More = Parameters<typeof routeRow>[4];
const row = (pattern: string, nextHop: string, more?: More): RouteInput =>
  routeRow(0, 'microsoft', pattern, nextHop, more);
const userRow = (pattern: string, nextHop: string, more?: More): RouteInput =>
  row(pattern, nextHop, { type: 'user', ...more });

/** From the most to the least specific for bob@eu.example.com; each row's hop is called by its rank. */
const ranked = [
  (more?: More) => userRow('bob', 'h0', more),
  (more?: More) => userRow('bo.', 'h1', more),
  (more?: More) => userRow('b*', 'h2', more),
  (more?: More) => row('eu.example.com', 'h3', more),
  (more?: More) => row('e*.example.com', 'h4', more),
  (more?: More) => row('*.example.com', 'h5', more),
  (more?: More) => row('.com.example.*', 'h6', more),
  (more?: More) => row('*.com', 'h7', more),
  (more?: More) => row('*', 'h8', more),
];

describe('the longest pattern comes first, less specific ones follow', () => {
  test('all nine kinds of pattern in their order', () => {
    expect(hopsFor(ranked.map((make) => make()).reverse())).toBe('h0 h1 h2 h3 h4 h5 h6 h7 h8');
  });

  test('whatever rows there are and wherever they stand in the list, hops come by specificity', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(ranked.map((_, rank) => rank)), (ranks) => {
        const expected = [...ranks].sort((a, b) => a - b).map((rank) => `h${rank}`);
        expect(hopsFor(ranks.flatMap((rank) => ranked[rank]?.() ?? []))).toBe(expected.join(' ') || 'nothing');
      }),
    );
  });

  test('a pattern that does not allow less specific ones is the last', () => {
    fc.assert(
      fc.property(fc.nat(ranked.length - 1), (last) => {
        const rows = ranked.map((make, rank) => make({ allowLessSpecific: rank !== last }));
        expect(hopsFor(rows).split(' ')).toHaveLength(last + 1);
      }),
    );
  });

  test('one row of a pattern that does not allow it is enough', () => {
    const rows = [
      row('eu.example.com', 'h1'),
      row('eu.example.com', 'h2', { priority: 2, allowLessSpecific: false }),
      row('*.example.com', 'h3'),
    ];
    expect(hopsFor(rows)).toBe('h1 h2');
  });

  test('a hop that stands in both patterns is tried once', () => {
    expect(hopsFor([row('eu.example.com', 'h1'), row('*.example.com', 'h1'), row('*.example.com', 'h2')])).toBe(
      'h1 h2',
    );
  });

  test('a hop that is spoken to with another TLS profile or name is another hop', () => {
    const tls = { transport: 'tls', port: 5061 } as const;
    const table = compileRoutes([
      row('*.example.com', 'h1', { ...tls, tlsProfile: 'default' }),
      row('eu.example.com', 'h1', { ...tls, tlsProfile: 'lync' }),
      row('eu.example.com', 'h1', { ...tls, tlsProfile: 'lync', tlsName: 'h2', otherTlsNames: ['h3'] }),
    ]);
    const match = table.match('microsoft', 'eu.example.com', undefined, { spread: 0 });
    const ids = match?.kind === 'plan' ? match.plan.hops.map(({ id }) => id) : [];
    expect(ids.toSorted()).toEqual([
      'microsoft h1:5061/tls',
      'microsoft h1:5061/tls (h2, h3, tls lync)',
      'microsoft h1:5061/tls (tls lync)',
    ]);
  });

  test("Cisco's reversed form and the plain one are one pattern", () => {
    const rows = [
      row('.com.example.eu', 'h1', { priority: 2 }),
      row('eu.example.com', 'h2', { priority: 1, allowLessSpecific: false }),
    ];
    expect(hopsFor(rows)).toBe('h2 h1');
  });

  test('only rows that lead to the side in question count', () => {
    expect(hopsFor([routeRow(0, 'cisco', 'eu.example.com', 'h1')])).toBe('nothing');
  });
});

describe('out of service and blocked', () => {
  test('a row out of service is skipped', () => {
    expect(hopsFor([row('eu.example.com', 'h1', { inService: false }), row('eu.example.com', 'h2')])).toBe('h2');
  });

  test('a pattern all out of service gives way to a less specific one', () => {
    expect(hopsFor([row('eu.example.com', 'h1', { inService: false }), row('*.example.com', 'h2')])).toBe('h2');
  });

  test('a pattern all out of service that allows no less specific one is out of service', () => {
    const down = row('eu.example.com', 'h1', { inService: false, allowLessSpecific: false });
    expect(hopsFor([down, row('*.example.com', 'h2')])).toBe('out-of-service');
  });

  test('a blocked row refuses, also beside rows that are not blocked', () => {
    expect(hopsFor([row('eu.example.com', 'h1'), row('eu.example.com', 'h2', { block: true })])).toBe('blocked');
  });

  test('a blocked row that is out of service blocks nothing', () => {
    const rows = [row('eu.example.com', 'h1'), row('eu.example.com', 'h2', { block: true, inService: false })];
    expect(hopsFor(rows)).toBe('h1');
  });

  test('a blocked user is refused where their domain is not', () => {
    expect(hopsFor([userRow('bob', 'h1', { block: true }), row('eu.example.com', 'h2')])).toBe('blocked');
  });

  test('a blocked less specific pattern ends the line, and what is behind it is not reached', () => {
    const rows = [row('eu.example.com', 'h1'), row('*.example.com', 'h2', { block: true }), row('*.com', 'h3')];
    expect(hopsFor(rows)).toBe('h1');
  });

  test('a blocked pattern behind one that is out of service refuses', () => {
    const rows = [row('eu.example.com', 'h1', { inService: false }), row('*.example.com', 'h2', { block: true })];
    expect(hopsFor(rows)).toBe('blocked');
  });

  test('more than 100 rows of one pattern are not used', () => {
    const rows = Array.from({ length: 105 }, (_, index) => row('eu.example.com', `h${index}`, { priority: index + 1 }));
    expect(hopsFor(rows).split(' ')).toHaveLength(100);
  });
});

describe('reasons', () => {
  test('name the patterns as written, and their rows', () => {
    const rows = [
      routeRow(0, 'microsoft', '*.example.com', 'h1'),
      routeRow(1, 'microsoft', '.com.example.eu', 'h2'),
      routeRow(2, 'microsoft', '.com.example.eu', 'h3'),
    ];
    expect(compileRoutes(rows).match('microsoft', 'eu.example.com', undefined, { spread: 0 })?.because).toEqual([
      { code: 'route-matched', detail: '.com.example.eu: routes[1], routes[2]' },
      { code: 'route-less-specific', detail: 'then *.example.com: routes[0]' },
    ]);
  });
});

describe('hop names', () => {
  test.each([
    [{}, 'microsoft 192.0.2.21:5060/tcp'],
    [{ transport: 'tls', port: 5061, tlsName: 'fe1.example.com' }, 'microsoft 192.0.2.21:5061/tls (fe1.example.com)'],
    [{ transport: 'tls', port: 5061, tlsName: '192.0.2.21' }, 'microsoft 192.0.2.21:5061/tls'],
    [{ nextHop: '2001:db8::21' }, 'microsoft [2001:db8::21]:5060/tcp'],
    [{ nextHop: 'pool.example.com', port: 0 }, 'microsoft pool.example.com:0/tcp'],
  ] as const)('%j is called %s', (more, id) => {
    const { knownHops } = compileRoutes([row('example.com', '192.0.2.21', more)]);
    expect(knownHops.map(({ hop }) => hop.id)).toEqual([id]);
  });
});

describe('weights (RFC 2782)', () => {
  /** The share of even spreads that put a hop at a place. */
  const shareOf = (weights: readonly number[], hop: number, place: number): number => {
    const level = weights.map((weight, index) => ({
      weight,
      hop: {
        id: `${index}`,
        transport: 'tcp',
        host: `h${index}`,
        port: 0,
        tlsName: undefined,
        tlsProfile: undefined,
      } as const,
    }));
    const tries = 5_000;
    let hits = 0;
    for (let index = 0; index < tries; index += 1) {
      if (orderHops([level], (index + 0.5) / tries)[place]?.id === `${hop}`) hits += 1;
    }
    return hits / tries;
  };

  test('20 to 10 is two to one', () => {
    expect(shareOf([20, 10], 0, 0)).toBeCloseTo(2 / 3, 3);
  });

  test('the first place goes by weight, for any weights', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 6 }), (weights) => {
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (const [hop, weight] of weights.entries()) {
          expect(shareOf(weights, hop, 0)).toBeCloseTo(weight / total, 2);
        }
      }),
      { numRuns: 20 },
    );
  });

  test('the second place goes by weight among the rest: its choice does not hang on the first', () => {
    const [a, b, c] = [50, 30, 20];
    const share = (b / 100) * (a / (a + c)) + (c / 100) * (a / (a + b));
    expect(shareOf([a, b, c], 0, 1)).toBeCloseTo(share, 2);
  });

  test('every order has all hops once, levels one after the other, and the same spread gives the same order', () => {
    const levels = fc.array(fc.array(fc.integer({ min: 1, max: 65_535 }), { minLength: 1, maxLength: 5 }), {
      maxLength: 4,
    });
    const spread = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(levels, spread, (weights, point) => {
        const rows = weights.flatMap((level, priority) =>
          level.map((weight, index) =>
            row('eu.example.com', `${priority}-${index}`, { priority: priority + 1, weight }),
          ),
        );
        const order = hopsFor(rows, 'eu.example.com', point);
        expect(hopsFor(rows, 'eu.example.com', point)).toBe(order);
        const hosts = order === 'nothing' ? [] : order.split(' ');
        expect([...hosts].sort()).toEqual(rows.map(({ nextHop }) => nextHop).sort());
        const priorities = hosts.map((host) => Number(host.split('-')[0]));
        expect(priorities).toEqual([...priorities].sort((a, b) => a - b));
      }),
    );
  });
});
