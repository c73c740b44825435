/** Hops that are named: DNS says transport, servers and weights, and each address that it gives is tried and watched on its own. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from 'vitest';
import { credentials } from '../support/development-certificates.ts';
import { DnsRelay, DnsServer } from '../support/dns-server.ts';
import { MessageLoad } from '../support/message-load.ts';
import { responseText } from '../support/raw-message.ts';
import { openEnd, type RawEnd, type Transport } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { portOf, routesYaml, twoSides } from '../support/two-sides.ts';
import { until } from '../support/until.ts';

const sides = twoSides(44);
const records = [
  'naptr-record=pool.example.com,10,10,s,SIP+D2T,,_sip._tcp.pool.example.com',
  'srv-host=_sip._tcp.pool.example.com,fe1.example.com,5060,1,10',
  'srv-host=_sip._tcp.pool.example.com,fe2.example.com,5060,1,30',
  'srv-host=_sips._tcp.secure.example.com,fe1.example.com,5061,1,1',
  `host-record=fe1.example.com,${sides.microsoft}`,
  `host-record=fe2.example.com,${sides.microsoft2}`,
];

let dns: DnsServer;
let relay: DnsRelay;
let router: RouterProcess;
let client: RawEnd;
const servers: RawEnd[] = [];

/** Probes have time: a machine that is busy is no hop that is down. */
const startRouter = async (dnsTimes = 'timeout: 1s, budget: 5s'): Promise<void> => {
  router = await RouterProcess.start({
    routes: routesYaml(sides, {
      certificates: inject('certificates'),
      domains: ['example.com', 'example.net'],
      failoverAfter: '10s',
      health: '{ probe: { every: 2s, timeout: 2s, up-after: 1 }, slow-return: 0s }',
      dns: `{ servers: ["${relay.server}"], refresh: 1s, negative: 100ms, ${dnsTimes} }`,
      routes: [
        '{ to: microsoft, pattern: example.com, next-hop: pool.example.com, transport: any }',
        '{ to: microsoft, pattern: example.net, next-hop: secure.example.com, transport: any, tls-name: fe1.example.com }',
      ],
    }),
  });
  client = await openEnd({ transport: 'tcp', address: sides.cisco, to: { address: sides.router, port: 5060 } });
};

beforeAll(async () => {
  dns = await DnsServer.start('127.0.44.53', 5353, records);
});
afterAll(() => dns?.close());

beforeEach(async () => {
  relay = await DnsRelay.start('127.0.44.53', dns);
});
afterEach(async () => {
  await Promise.all([client?.close(), ...servers.splice(0).map((server) => server.close())]);
  await router?.stop();
  await relay?.close();
});

async function startServer(address: string, transport: Transport = 'tcp') {
  const of = { transport, address, port: portOf(transport) };
  const server = await openEnd({ ...of, credentials: credentials(inject('certificates'), 'fe1') });
  servers.push(server);
  const counts: Record<string, number> = {};
  server.respond((request) => {
    const { method } = request;
    if (method === undefined) return undefined;
    counts[method] = (counts[method] ?? 0) + 1;
    return responseText(request, 200);
  });
  const close = (): Promise<void> => {
    servers.splice(servers.indexOf(server), 1);
    return server.close();
  };
  return { close, count: () => counts.MESSAGE ?? 0, isProbed: () => (counts.OPTIONS ?? 0) > 0 };
}

/** Both listen before the router asks for them, and it has met both. */
async function startBoth() {
  const both = await Promise.all([startServer(sides.microsoft), startServer(sides.microsoft2)]);
  await startRouter();
  await until(() => both.every(({ isProbed }) => isProbed()));
  return both;
}

const sendAll = async (load: MessageLoad, count: number): Promise<void> => {
  const wanted = load.answered + count;
  for (let i = 0; i < count; i++) load.send();
  await until(() => load.answered >= wanted);
};

/** What the router has told of it so far: `down`, `up`. */
const statesOf = (address: string): unknown[] =>
  router.logLines
    .filter(({ event, target }) => event === 'target-health' && target === `tcp:${address}:5060`)
    .map(({ to }) => to);

/** The name that a DNS message asks about begins so (RFC 1035 §4.1). */
const asksFor = (message: Buffer, label: string): boolean =>
  message.toString('latin1', 12, 13 + label.length) === String.fromCharCode(label.length) + label;

test('two servers of one name share by weight; one that goes loses nothing, and comes back', async () => {
  const [first, second] = await startBoth();
  const load = new MessageLoad(client, 'sip:bob@example.com');
  await sendAll(load, 400);
  expect(first.count()).toBeGreaterThan(40);
  expect(first.count()).toBeLessThan(160);
  expect(first.count() + second.count()).toBe(400);

  await second.close();
  await sendAll(load, 200);
  expect(first.count() + second.count()).toBe(600);
  await until(() => statesOf(sides.microsoft2).at(-1) === 'down');

  const back = await startServer(sides.microsoft2);
  await until(() => statesOf(sides.microsoft2).at(-1) === 'up');
  await sendAll(load, 200);
  expect(back.count()).toBeGreaterThan(50);
  expect((await load.stop()).answers).toEqual({ 200: 800 });
});

test('DNS does not answer for one server of a name: what is known of its address and of its health stays', async () => {
  const [first, second] = await startBoth();
  const load = new MessageLoad(client, 'sip:bob@example.com');
  await second.close();
  await sendAll(load, 100);
  await until(() => statesOf(sides.microsoft2).at(-1) === 'down');

  /** Two questions, asked twice each; the fifth is of the next look. */
  let kept = 0;
  relay.spoil = (answer) => {
    if (!asksFor(answer, 'fe2')) return answer;
    kept += 1;
    return undefined;
  };
  await until(() => kept > 4);
  const back = await startServer(sides.microsoft2);
  await until(() => statesOf(sides.microsoft2).at(-1) === 'up');
  await sendAll(load, 200);
  expect(back.count()).toBeGreaterThan(50);
  expect(first.count() + back.count()).toBe(300);
  expect(statesOf(sides.microsoft2).slice(-2)).toEqual(['down', 'up']);
});

test('a server found by SRV over TLS must show the name that was configured, whatever DNS calls it', async () => {
  const secure = await startServer(sides.microsoft, 'tls');
  await startRouter();
  const load = new MessageLoad(client, 'sip:bob@example.net');
  await sendAll(load, 10);
  expect(secure.count()).toBe(10);
  expect((await load.stop()).answers).toEqual({ 200: 10 });
});

test('DNS falls silent: what is known is used, and no message waits for it', async () => {
  await startBoth();
  const load = new MessageLoad(client, 'sip:bob@example.com');
  await sendAll(load, 10);
  relay.spoil = () => undefined;
  const { asked } = relay;
  await until(() => relay.asked > asked + 3);
  // One that waited would wait for the whole budget, and be refused then.
  await sendAll(load, 50);
  const { answers, ms } = await load.stop();
  expect(answers).toEqual({ 200: 60 });
  expect(ms.at(-1)).toBeLessThan(450);
});

test('DNS is silent from the start: 503 within the budget, and all is well as soon as it answers', async () => {
  relay.spoil = () => undefined;
  await Promise.all([startServer(sides.microsoft), startServer(sides.microsoft2)]);
  await startRouter('timeout: 100ms, budget: 500ms');
  const load = new MessageLoad(client, 'sip:bob@example.com');
  await sendAll(load, 1);
  await until(() => router.logLines.some(({ event }) => event === 'hop-unresolved'));
  relay.spoil = (answer) => answer;
  await until(() => router.logLines.some(({ event, hop }) => event === 'hop-resolved' && String(hop).includes('pool')));
  await sendAll(load, 20);
  expect((await load.stop()).answers).toEqual({ 200: 20, 503: 1 });
});
