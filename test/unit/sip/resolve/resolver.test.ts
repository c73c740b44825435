/** Names to addresses (RFC 3263 §4): literals, caching, SRV, failures, and how long anybody waits. */
import { describe, expect, test } from 'vitest';
import { type NaptrRecord, type SrvRecord, systemDns } from '../../../../src/sip/resolve/dns-client.ts';
import { createResolver, type ResolverSettings } from '../../../../src/sip/resolve/resolver.ts';
import { FakeDns } from '../../../support/fake-dns.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

function setUp(changes: Partial<ResolverSettings> = {}) {
  const dns = new FakeDns();
  const clock = new ManualClock();
  dns.hosts.set('fe1.example.com', ['192.0.2.1', '2001:db8::1']);
  return { dns, clock, resolver: createResolver({ dns, clock, random: () => 0, ...changes }) };
}

/** Lets a refresh that runs behind the scenes come to its end. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const fe1 = [
  { address: '192.0.2.1', port: 5060, transport: 'tcp' },
  { address: '2001:db8::1', port: 5060, transport: 'tcp' },
];

describe('IP addresses', () => {
  test.each([
    ['192.0.2.1', 5070, 'tcp', { address: '192.0.2.1', port: 5070 }],
    ['192.0.2.1', 0, 'udp', { address: '192.0.2.1', port: 5060 }],
    ['192.0.2.1', 0, 'tls', { address: '192.0.2.1', port: 5061 }],
    ['2001:db8::1', 5060, 'udp', { address: '2001:db8::1', port: 5060 }],
    ['[2001:db8::1]', 5060, 'udp', { address: '2001:db8::1', port: 5060 }],
  ] as const)('%s port %i %s needs no DNS', (host, port, transport, expected) => {
    const { dns, resolver } = setUp();
    expect(resolver.resolve(host, port, transport)).toEqual([{ ...expected, transport }]);
    expect(dns.asked).toEqual([]);
  });
});

describe('names', () => {
  test('are asked once, and then known at once', async () => {
    const { dns, resolver } = setUp();
    expect(await resolver.resolve('fe1.example.com', 5060, 'tcp')).toEqual(fe1);
    expect(resolver.resolve('fe1.example.com', 5060, 'tcp')).toEqual(fe1);
    expect(dns.asked).toEqual(['fe1.example.com']);
  });

  test('are asked once however many wait', async () => {
    const { dns, resolver } = setUp();
    const waiting = [1, 2, 3].map(() => resolver.resolve('fe1.example.com', 5060, 'tcp'));
    expect(await Promise.all(waiting)).toEqual([fe1, fe1, fe1]);
    expect(dns.asked).toHaveLength(1);
  });

  test('are asked again after refreshMs, while the old answer is given', async () => {
    const { dns, clock, resolver } = setUp();
    await resolver.resolve('fe1.example.com', 5060, 'tcp');
    dns.hosts.set('fe1.example.com', ['192.0.2.9']);
    clock.advance(29_999);
    expect(resolver.resolve('fe1.example.com', 5060, 'tcp')).toEqual(fe1);
    expect(dns.asked).toHaveLength(1);
    clock.advance(1);
    expect(resolver.resolve('fe1.example.com', 5060, 'tcp')).toEqual(fe1);
    await settle();
    expect(resolver.resolve('fe1.example.com', 5060, 'tcp')).toEqual([
      { address: '192.0.2.9', port: 5060, transport: 'tcp' },
    ]);
    expect(dns.asked).toHaveLength(2);
  });

  test('keep their old answer while DNS fails, which is asked every negativeMs, until staleMs is over', async () => {
    const { dns, clock, resolver } = setUp({ staleMs: 60_000 });
    await resolver.resolve('fe1.example.com', 5060, 'tcp');
    dns.failure = new Error('queryA ESERVFAIL fe1.example.com');
    clock.advance(30_000);
    for (let look = 0; look < 5; look += 1) {
      expect(resolver.resolve('fe1.example.com', 5060, 'tcp')).toEqual(fe1);
      await settle();
    }
    expect(dns.asked).toHaveLength(2);
    clock.advance(5_000);
    expect(resolver.resolve('fe1.example.com', 5060, 'tcp')).toEqual(fe1);
    await settle();
    expect(dns.asked).toHaveLength(3);
    clock.advance(55_000);
    expect(await resolver.resolve('fe1.example.com', 5060, 'tcp')).toEqual({
      code: 'unresolved',
      detail: 'queryA ESERVFAIL fe1.example.com',
    });
  });

  test('that do not exist are an error, which is remembered for negativeMs', async () => {
    const { dns, clock, resolver } = setUp();
    const error = { code: 'unresolved', detail: 'queryA ENOTFOUND nowhere.invalid' };
    expect(await resolver.resolve('nowhere.invalid', 5060, 'tcp')).toEqual(error);
    expect(await resolver.resolve('nowhere.invalid', 5060, 'tcp')).toEqual(error);
    expect(dns.asked).toHaveLength(1);
    dns.hosts.set('nowhere.invalid', ['192.0.2.1']);
    clock.advance(5_000);
    expect(await resolver.resolve('nowhere.invalid', 5060, 'tcp')).toEqual([fe1[0]]);
  });

  test('that have no address are an error', async () => {
    const { dns, resolver } = setUp();
    dns.hosts.set('empty.example.com', []);
    expect(await resolver.resolve('empty.example.com', 5060, 'tcp')).toMatchObject({ code: 'unresolved' });
  });

  test('that take too long cost the asker budgetMs and no more; a late answer is kept for the next', async () => {
    const { dns, clock, resolver } = setUp();
    const gate = Promise.withResolvers<void>();
    dns.gate = gate.promise;
    const answer = resolver.resolve('fe1.example.com', 5060, 'tcp');
    clock.advance(2_000);
    expect(await answer).toEqual({ code: 'unresolved', detail: 'no answer from DNS within 2000 ms' });
    // Nobody waits a second time for what is known to be late.
    expect(await resolver.resolve('fe1.example.com', 5060, 'tcp')).toMatchObject({ code: 'unresolved' });
    gate.resolve();
    await settle();
    expect(resolver.resolve('fe1.example.com', 5060, 'tcp')).toEqual(fe1);
    expect(dns.asked).toHaveLength(1);
  });

  test('leave no timer behind', async () => {
    const { clock, resolver } = setUp();
    await resolver.resolve('fe1.example.com', 5060, 'tcp');
    expect(clock.pending).toBe(0);
  });
});

describe('SRV, asked for by port 0 (RFC 3263 §4.2)', () => {
  const record = (name: string, priority: number, port: number): SrvRecord => ({ name, priority, weight: 1, port });

  test.each([
    ['udp', '_sip._udp.example.com'],
    ['tcp', '_sip._tcp.example.com'],
    ['tls', '_sips._tcp.example.com'],
  ] as const)('%s asks for %s', async (transport, name) => {
    const { dns, resolver } = setUp();
    dns.srv.set(name, [record('fe1.example.com', 1, 5099)]);
    expect(await resolver.resolve('example.com', 0, transport)).toEqual(
      fe1.map((address) => ({ ...address, port: 5099, transport })),
    );
  });

  test('servers come in the order of their priority with all their addresses; those without any are left out', async () => {
    const { dns, resolver } = setUp();
    dns.hosts.set('fe2.example.com', ['192.0.2.2']);
    const records = [
      record('fe2.example.com', 2, 5062),
      record('gone.example.com', 1, 1),
      record('fe1.example.com', 1, 5060),
    ];
    dns.srv.set('_sip._tcp.example.com', records);
    const expected = [...fe1, { address: '192.0.2.2', port: 5062, transport: 'tcp' }];
    expect(await resolver.resolve('example.com', 0, 'tcp')).toEqual(expected);
    expect(resolver.resolve('example.com', 0, 'tcp')).toEqual(expected);
  });

  test('equal servers are drawn anew for every asker', async () => {
    const draws = [0, 0, 0.99, 0];
    const { dns, resolver } = setUp({ random: () => draws.shift()! });
    dns.hosts.set('fe2.example.com', ['192.0.2.2']);
    dns.hosts.set('fe1.example.com', ['192.0.2.1']);
    dns.srv.set('_sip._tcp.example.com', [record('fe1.example.com', 1, 5060), record('fe2.example.com', 1, 5060)]);
    const first = (await resolver.resolve('example.com', 0, 'tcp')) as readonly unknown[];
    const second = resolver.resolve('example.com', 0, 'tcp') as readonly unknown[];
    expect(second).toEqual(first.toReversed());
  });

  test('without records the name itself is asked, with the default port', async () => {
    const { resolver } = setUp();
    expect(await resolver.resolve('fe1.example.com', 0, 'tls')).toEqual(
      fe1.map((address) => ({ ...address, port: 5061, transport: 'tls' })),
    );
  });

  test('the root as only server says that there is no such service (RFC 2782)', async () => {
    const { dns, resolver } = setUp();
    dns.srv.set('_sip._tcp.fe1.example.com', [record('', 0, 0)]);
    expect(await resolver.resolve('fe1.example.com', 0, 'tcp')).toEqual({
      code: 'unresolved',
      detail: '_sip._tcp.fe1.example.com says that there is no such service',
    });
  });

  test('a server that fails is not taken for a name without records', async () => {
    const { dns, resolver } = setUp();
    dns.failure = Object.assign(new Error('querySrv ESERVFAIL'), { code: 'ESERVFAIL' });
    expect(await resolver.resolve('fe1.example.com', 0, 'tcp')).toEqual({
      code: 'unresolved',
      detail: 'querySrv ESERVFAIL',
    });
  });

  test('servers without any address are an error', async () => {
    const { dns, resolver } = setUp();
    dns.srv.set('_sip._tcp.example.com', [record('gone.example.com', 1, 5060)]);
    expect(await resolver.resolve('example.com', 0, 'tcp')).toEqual({
      code: 'unresolved',
      detail: 'queryA ENOTFOUND gone.example.com',
    });
  });
});

describe('NAPTR, asked for by transport any (RFC 3263 §4.1)', () => {
  const pointer = (
    service: string,
    order: number,
    preference: number,
    change: Partial<NaptrRecord> = {},
  ): NaptrRecord => ({
    order,
    preference,
    flags: 's',
    service,
    regexp: '',
    replacement: `${service.toLowerCase()}.example.com`,
    ...change,
  });
  const tcpOnly = new Set(['tcp'] as const);

  /** Each service has one server, named like it. */
  const setUpServices = (pointers: readonly NaptrRecord[], changes: Partial<ResolverSettings> = {}) => {
    const world = setUp(changes);
    world.dns.naptr.set('example.com', pointers);
    for (const [i, service] of ['sips+d2t', 'sip+d2t', 'sip+d2u'].entries()) {
      world.dns.srv.set(`${service}.example.com`, [
        { name: `${service}.host`, priority: 1, weight: 1, port: 5070 + i },
      ]);
      world.dns.hosts.set(`${service}.host`, [`192.0.2.${i}`]);
    }
    return world;
  };
  const [tls, tcp, udp] = (['tls', 'tcp', 'udp'] as const).map((transport, i) => ({
    address: `192.0.2.${i}`,
    port: 5070 + i,
    transport,
  }));
  const all = ['SIP+D2U', 'SIP+D2T', 'SIPS+D2T'];

  test.each<[string, readonly NaptrRecord[], readonly unknown[]]>([
    ['the lowest order alone counts', [pointer('SIP+D2U', 90, 1), pointer('SIPS+D2T', 50, 9)], [tls]],
    ['within an order, the preferred first', all.map((it, i) => pointer(it, 50, 9 - i)), [tls, tcp, udp]],
    ['services, flags and hosts are written in any case', [pointer('sip+d2t', 1, 1, { flags: 'S' })], [tcp]],
    [
      'what SIP does not use is passed over',
      [pointer('SIP+D2S', 1, 1), pointer('E2U+sip', 1, 1), pointer('SIP+D2T', 2, 1)],
      [tcp],
    ],
    [
      'so are records that rewrite',
      [pointer('SIP+D2U', 1, 1, { regexp: '!^.*$!x!' }), pointer('SIP+D2T', 2, 1)],
      [tcp],
    ],
    [
      'and those that are no pointer to SRV',
      [pointer('SIP+D2U', 1, 1, { flags: 'u' }), pointer('SIP+D2T', 2, 1)],
      [tcp],
    ],
    [
      'a pointer to nowhere leaves the next',
      [pointer('SIP+D2U', 1, 1, { replacement: 'gone.example.com' }), pointer('SIP+D2T', 1, 2)],
      [tcp],
    ],
  ])('%s', async (_, pointers, expected) => {
    const { resolver } = setUpServices(pointers);
    expect(await resolver.resolve('example.com', 0, 'any')).toEqual(expected);
    expect(resolver.resolve('example.com', 0, 'any')).toEqual(expected);
  });

  test('a transport that no listener speaks is not offered, whatever its order', async () => {
    const { resolver } = setUpServices(
      all.map((it, i) => pointer(it, i, 1)),
      { spoken: () => tcpOnly },
    );
    expect(await resolver.resolve('example.com', 0, 'any')).toEqual([tcp]);
  });

  test('without NAPTR records, the SRV records of each transport are asked for, the most secure first', async () => {
    const { dns, resolver } = setUp();
    const record = { name: 'fe1.example.com', priority: 1, weight: 1, port: 5099 };
    dns.srv.set('_sip._tcp.example.com', [record]);
    dns.srv.set('_sips._tcp.example.com', [{ ...record, priority: 9 }]);
    const found = (await resolver.resolve('example.com', 0, 'any')) as readonly { readonly transport: string }[];
    expect(found.map(({ transport }) => transport)).toEqual(['tls', 'tls', 'tcp', 'tcp']);
    expect(dns.asked).toContain('_sip._udp.example.com');
  });

  test.each([
    [undefined, 'udp', 5060],
    [new Set(['tls', 'tcp'] as const), 'tcp', 5060],
    [new Set(['tls'] as const), 'tls', 5061],
  ])('without SRV records either, the name itself: speaking %o, by %s', async (spoken, transport, port) => {
    const { resolver } = setUp(spoken === undefined ? {} : { spoken: () => spoken });
    expect(await resolver.resolve('fe1.example.com', 0, 'any')).toEqual(
      fe1.map((address) => ({ ...address, transport, port })),
    );
  });

  test('a server that fails is not taken for a name without records', async () => {
    const { dns, resolver } = setUp();
    dns.failure = Object.assign(new Error('queryNaptr ESERVFAIL'), { code: 'ESERVFAIL' });
    expect(await resolver.resolve('example.com', 0, 'any')).toEqual({
      code: 'unresolved',
      detail: 'queryNaptr ESERVFAIL',
    });
  });
});

test("the system's own answer counts names of its hosts file", async () => {
  const { addresses } = await systemDns(1_000).addresses('localhost');
  expect(['127.0.0.1', '::1']).toContain(addresses[0]);
});
