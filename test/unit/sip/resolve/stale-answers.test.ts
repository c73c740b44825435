/** What is known of a name of many servers while DNS answers some questions and not others. */
import { expect, test } from 'vitest';
import type { SrvRecord } from '../../../../src/sip/resolve/dns-client.ts';
import { createResolver } from '../../../../src/sip/resolve/resolver.ts';
import { FakeDns } from '../../../support/fake-dns.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

const service = '_sip._tcp.example.com';
const server = (name: string): SrvRecord => ({ name, priority: 1, weight: 1, port: 5060 });

/** Two servers with an address each. */
const setUpTwo = () => {
  const dns = new FakeDns();
  const clock = new ManualClock();
  const times = { refreshMs: 30_000, negativeMs: 5_000, staleMs: 60_000 };
  const resolver = createResolver({ dns, clock, random: () => 0, ...times });
  dns.srv.set(service, [server('fe1.example.com'), server('fe2.example.com')]);
  dns.hosts.set('fe1.example.com', ['192.0.2.1']);
  dns.hosts.set('fe2.example.com', ['192.0.2.2']);
  const known = async (transport: 'tcp' | 'any' = 'tcp') => {
    const found = await resolver.resolve('example.com', 0, transport);
    await new Promise((resolve) => setImmediate(resolve));
    return 'code' in found ? found.detail : found.map(({ address }) => address).sort();
  };
  /** What is known after a look that comes so much later. */
  const later = async (ms: number, transport: 'tcp' | 'any' = 'tcp') => {
    clock.advance(ms);
    await known(transport);
    return known(transport);
  };
  return { dns, known, later };
};

test('the last answer stands in, and the question is soon asked again', async () => {
  const { dns, known, later } = setUpTwo();
  expect(await known()).toEqual(['192.0.2.1', '192.0.2.2']);
  dns.silent.add('fe2.example.com');
  dns.hosts.set('fe1.example.com', ['192.0.2.11']);
  expect(await later(30_000)).toEqual(['192.0.2.11', '192.0.2.2']);
  dns.silent.clear();
  dns.hosts.set('fe2.example.com', ['192.0.2.22']);
  expect(await later(4_999)).toEqual(['192.0.2.11', '192.0.2.2']);
  expect(await later(1)).toEqual(['192.0.2.11', '192.0.2.22']);
});

test('no longer than an old answer is of use', async () => {
  const { dns, known, later } = setUpTwo();
  await known();
  dns.silent.add('fe2.example.com');
  expect(await later(60_000)).toEqual(['192.0.2.1', '192.0.2.2']);
  expect(await later(29_999)).toEqual(['192.0.2.1', '192.0.2.2']);
  expect(await later(1)).toEqual(['192.0.2.1']);
});

test('one that DNS says is gone is gone, and stays so', async () => {
  const { dns, known, later } = setUpTwo();
  await known();
  dns.hosts.delete('fe2.example.com');
  expect(await later(30_000)).toEqual(['192.0.2.1']);
  dns.silent.add('fe2.example.com');
  expect(await later(30_000)).toEqual(['192.0.2.1']);
});

test('one that was never answered for is soon asked for again', async () => {
  const { dns, known, later } = setUpTwo();
  dns.silent.add('fe2.example.com');
  expect(await known()).toEqual(['192.0.2.1']);
  dns.silent.clear();
  expect(await later(5_000)).toEqual(['192.0.2.1', '192.0.2.2']);
});

test('so do the records of one transport of several', async () => {
  const { dns, known, later } = setUpTwo();
  dns.srv.set(service, [server('fe1.example.com')]);
  dns.srv.set('_sips._tcp.example.com', [server('fe2.example.com')]);
  expect(await known('any')).toEqual(['192.0.2.1', '192.0.2.2']);
  dns.silent.add('_sips._tcp.example.com');
  expect(await later(30_000, 'any')).toEqual(['192.0.2.1', '192.0.2.2']);
});

test('half the addresses of a host push out no whole', async () => {
  const { dns, known, later } = setUpTwo();
  dns.hosts.set('fe2.example.com', ['192.0.2.2', '2001:db8::2']);
  await known();
  dns.halved.add('fe2.example.com');
  dns.hosts.set('fe2.example.com', ['2001:db8::2']);
  expect(await later(30_000)).toEqual(['192.0.2.1', '192.0.2.2', '2001:db8::2']);
});

test('half are better than none', async () => {
  const { dns, known } = setUpTwo();
  dns.halved.add('fe2.example.com');
  expect(await known()).toEqual(['192.0.2.1', '192.0.2.2']);
});
