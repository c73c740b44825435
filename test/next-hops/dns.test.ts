/** Names of next hops against a real DNS server: all kinds of records, and answers that are late, wrong or do not come. */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Clock, createTimerWheel, type TimerWheel } from '../../src/clock.ts';
import { serverDns } from '../../src/sip/resolve/dns-client.ts';
import { createResolver, type Resolver, type ResolverSettings } from '../../src/sip/resolve/resolver.ts';
import { DnsRelay, DnsServer } from '../support/dns-server.ts';
import { pause } from '../support/router-process.ts';

const loopback = '127.0.51.53';

const manyServers = Array.from({ length: 120 }, (_, i) => [
  `srv-host=_sip._tcp.many.example.com,s${i}.example.com,5060,${i},1`,
  `host-record=s${i}.example.com,192.0.2.${i + 1}`,
]).flat();

const records = [
  'naptr-record=pool.example.com,50,50,s,SIPS+D2T,,_sips._tcp.pool.example.com',
  'naptr-record=pool.example.com,90,50,s,SIP+D2T,,_sip._tcp.pool.example.com',
  'srv-host=_sips._tcp.pool.example.com,fe1.example.com,5061,10,60',
  'srv-host=_sips._tcp.pool.example.com,fe2.example.com,5062,10,40',
  'srv-host=_sips._tcp.pool.example.com,fe3.example.com,5063,20,1',
  'srv-host=_sip._tcp.pool.example.com,fe1.example.com,5060,1,1',
  'host-record=fe1.example.com,192.0.2.21,2001:db8::21',
  'host-record=fe2.example.com,192.0.2.22',
  'host-record=fe3.example.com,192.0.2.23',
  ...manyServers,
];

let upstream: DnsServer;
let relay: DnsRelay;
let clock: TimerWheel;
beforeAll(async () => {
  upstream = await DnsServer.start(loopback, 5353, records);
});
afterAll(() => upstream?.close());
beforeEach(async () => {
  relay = await DnsRelay.start(loopback, upstream);
  clock = createTimerWheel();
});
afterEach(async () => {
  clock.close();
  await relay.close();
});

const negativeMs = 50;

const resolverBy = (server: string, change: Partial<ResolverSettings> = {}): Resolver => {
  const dns = serverDns([server], 2_000);
  return createResolver({ dns, clock, random: () => 0, budgetMs: 8_000, negativeMs, ...change });
};

const fe1 = [
  { address: '192.0.2.21', port: 5060, transport: 'tcp' },
  { address: '2001:db8::21', port: 5060, transport: 'tcp' },
];

describe('a server that answers', () => {
  test('NAPTR leads to SRV, by priority and weight, and SRV to all addresses', async () => {
    const found = await resolverBy(upstream.server).resolve('pool.example.com', 0, 'any');
    const equals = [
      { address: '192.0.2.21', port: 5061, transport: 'tls' },
      { address: '2001:db8::21', port: 5061, transport: 'tls' },
      { address: '192.0.2.22', port: 5062, transport: 'tls' },
    ];
    expect(found).toHaveLength(4);
    expect(found).toEqual(expect.arrayContaining(equals));
    expect((found as readonly unknown[])[3]).toEqual({ address: '192.0.2.23', port: 5063, transport: 'tls' });
  });

  test('weights give each server of a priority its share of first places', async () => {
    const resolver = resolverBy(upstream.server, { random: Math.random });
    await resolver.resolve('pool.example.com', 0, 'tls');
    const firsts: Record<string, number> = {};
    for (let i = 0; i < 5_000; i++) {
      const [first] = resolver.resolve('pool.example.com', 0, 'tls') as readonly { readonly address: string }[];
      firsts[first!.address] = (firsts[first!.address] ?? 0) + 1 / 5_000;
    }
    expect(Object.keys(firsts).sort()).toEqual(['192.0.2.21', '192.0.2.22']);
    expect(firsts['192.0.2.21']).toBeCloseTo(0.6, 1);
  });

  test('an answer too large for UDP is asked for again over TCP', async () => {
    const found = await resolverBy(upstream.server).resolve('many.example.com', 0, 'tcp');
    expect(found).toHaveLength(120);
  });

  test('a name that is not there is told, and asked for again after the negative life', async () => {
    let nowMs = 1_000;
    const standing: Clock = { now: () => nowMs, after: clock.after.bind(clock) };
    const resolver = resolverBy(relay.server, { clock: standing });
    expect(await resolver.resolve('gone.example.com', 5060, 'tcp')).toMatchObject({
      code: 'unresolved',
      detail: expect.stringContaining('ENOTFOUND'),
    });
    const { asked } = relay;
    nowMs += negativeMs - 1;
    await resolver.resolve('gone.example.com', 5060, 'tcp');
    expect(relay.asked).toBe(asked);
    nowMs += 1;
    await resolver.resolve('gone.example.com', 5060, 'tcp');
    expect(relay.asked).toBeGreaterThan(asked);
  });

  test('a changed record is seen after the refresh: nothing on the way keeps the old one', async () => {
    const other = await DnsServer.start(loopback, 5354, ['host-record=moves.example.com,192.0.2.1']);
    const resolver = resolverBy(other.server, { refreshMs: 10 });
    expect(await resolver.resolve('moves.example.com', 5060, 'tcp')).toMatchObject([{ address: '192.0.2.1' }]);
    await other.restart(['host-record=moves.example.com,192.0.2.2']);
    await expect
      .poll(() => resolver.resolve('moves.example.com', 5060, 'tcp'), { timeout: 20_000 })
      .toMatchObject([{ address: '192.0.2.2' }]);
    await other.close();
  });
});

describe('a server that does not answer as it should', () => {
  const late = async (answer: Buffer): Promise<Buffer> => {
    await pause(80);
    return answer;
  };
  const garbage = (answer: Buffer): Buffer => Buffer.concat([answer.subarray(0, 2), randomBytes(40)]);
  const cutOff = (answer: Buffer): Buffer => answer.subarray(0, 20);
  const withRcode = (rcode: number) => (answer: Buffer) => {
    answer[3] = (answer[3]! & 0xf0) | rcode;
    answer.fill(0, 6, 8);
    return answer;
  };
  const truncated = (answer: Buffer): Buffer => {
    answer[2] = answer[2]! | 0x02;
    return answer;
  };

  test('late, but within its time: the answer is used', async () => {
    relay.spoil = late;
    expect(await resolverBy(relay.server).resolve('fe1.example.com', 5060, 'tcp')).toEqual(fe1);
  });

  test.each([
    ['never', () => undefined],
    ['with garbage', garbage],
    ['with half a message', cutOff],
    ['with SERVFAIL', withRcode(2)],
    ['with REFUSED', withRcode(5)],
    ['with what is truncated, and refuses TCP', truncated],
  ])('%s: the name is unresolved within the budget, and known as soon as it answers', async (_, spoil) => {
    relay.spoil = spoil;
    const resolver = resolverBy(relay.server, { dns: serverDns([relay.server], 150), budgetMs: 1_000 });
    const start = performance.now();
    expect(await resolver.resolve('fe1.example.com', 5060, 'tcp')).toMatchObject({ code: 'unresolved' });
    expect(performance.now() - start).toBeLessThan(1_500);
    relay.spoil = (answer) => answer;
    await expect.poll(() => resolver.resolve('fe1.example.com', 5060, 'tcp'), { timeout: 20_000 }).toEqual(fe1);
  });

  test.each([
    ['never', () => undefined],
    ['with NXDOMAIN', withRcode(3)],
    ['with SERVFAIL', withRcode(2)],
    ['with garbage', garbage],
  ])('%s, when it did before: the old answer is used, and nobody waits', async (_, spoil) => {
    const resolver = resolverBy(relay.server, { refreshMs: 10, staleMs: 60_000 });
    await resolver.resolve('fe1.example.com', 5060, 'tcp');
    relay.spoil = spoil;
    const { asked } = relay;
    await pause(20);
    for (let i = 0; i < 10; i++) {
      expect(resolver.resolve('fe1.example.com', 5060, 'tcp')).toEqual(fe1);
      await pause(60);
    }
    expect(relay.asked).toBeGreaterThan(asked);
  });

  test('a stale answer has its end', async () => {
    const resolver = resolverBy(relay.server, { refreshMs: 10, staleMs: 300 });
    await resolver.resolve('fe1.example.com', 5060, 'tcp');
    relay.spoil = withRcode(2);
    await expect
      .poll(() => resolver.resolve('fe1.example.com', 5060, 'tcp'), { timeout: 20_000 })
      .toMatchObject({ code: 'unresolved' });
  });

  test('one of many requests waits no longer than the budget, and those after it do not wait', async () => {
    relay.spoil = () => undefined;
    const resolver = resolverBy(relay.server, { dns: serverDns([relay.server], 2_000), budgetMs: 200 });
    await resolver.resolve('fe1.example.com', 5060, 'tcp');
    const start = performance.now();
    for (let i = 0; i < 100; i++) {
      expect(await resolver.resolve('fe1.example.com', 5060, 'tcp')).toMatchObject({ code: 'unresolved' });
    }
    expect(performance.now() - start).toBeLessThan(200);
  });
});
