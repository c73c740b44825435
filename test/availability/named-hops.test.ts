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

const startRouter = (): Promise<RouterProcess> =>
  RouterProcess.start({
    routes: routesYaml(sides, {
      certificates: inject('certificates'),
      domains: ['example.com', 'example.net'],
      health: '{ probe: { every: 500ms, timeout: 500ms }, slow-return: 0s }',
      dns: `{ servers: ["${relay.server}"], timeout: 100ms, budget: 500ms, refresh: 1s, negative: 100ms }`,
      routes: [
        '{ to: microsoft, pattern: example.com, next-hop: pool.example.com, transport: any }',
        '{ to: microsoft, pattern: example.net, next-hop: secure.example.com, transport: any, tls-name: fe1.example.com }',
      ],
    }),
  });

beforeAll(async () => {
  dns = await DnsServer.start('127.0.44.53', 5353, records);
});
afterAll(() => dns?.close());

beforeEach(async () => {
  relay = await DnsRelay.start('127.0.44.53', dns);
  router = await startRouter();
  client = await openEnd({ transport: 'tcp', address: sides.cisco, to: { address: sides.router, port: 5060 } });
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
  let messages = 0;
  server.respond((request) => {
    if (request.method === 'MESSAGE') messages += 1;
    return request.method === undefined ? undefined : responseText(request, 200);
  });
  return { server, count: () => messages };
}

const sendAll = async (load: MessageLoad, count: number): Promise<void> => {
  const wanted = load.answered + count;
  for (let i = 0; i < count; i++) load.send();
  await until(() => load.answered >= wanted);
};

test('two servers of one name share by weight; one that goes loses nothing, and comes back', async () => {
  const [first, second] = await Promise.all([startServer(sides.microsoft), startServer(sides.microsoft2)]);
  const load = new MessageLoad(client, 'sip:bob@example.com');
  await sendAll(load, 400);
  expect(first.count()).toBeGreaterThan(40);
  expect(first.count()).toBeLessThan(160);
  expect(first.count() + second.count()).toBe(400);

  await second.server.close();
  servers.splice(servers.indexOf(second.server), 1);
  await sendAll(load, 200);
  expect(first.count() + second.count()).toBe(600);

  const back = await startServer(sides.microsoft2);
  const isUp = () =>
    router.logLines.some(({ event, from, to }) => event === 'target-health' && from === 'down' && to === 'up');
  await until(isUp);
  await sendAll(load, 200);
  expect(back.count()).toBeGreaterThan(50);
  expect((await load.stop()).answers).toEqual({ 200: 800 });
});

test('a server found by SRV over TLS must show the name that was configured, whatever DNS calls it', async () => {
  const secure = await startServer(sides.microsoft, 'tls');
  const load = new MessageLoad(client, 'sip:bob@example.net');
  await sendAll(load, 10);
  expect(secure.count()).toBe(10);
  expect((await load.stop()).answers).toEqual({ 200: 10 });
});

test('DNS falls silent: what is known is used, and no message waits for it', async () => {
  await Promise.all([startServer(sides.microsoft), startServer(sides.microsoft2)]);
  const load = new MessageLoad(client, 'sip:bob@example.com');
  await sendAll(load, 10);
  relay.spoil = () => undefined;
  const { asked } = relay;
  await until(() => relay.asked > asked + 3);
  await sendAll(load, 50);
  const { answers, ms } = await load.stop();
  expect(answers).toEqual({ 200: 60 });
  expect(ms.at(-1)).toBeLessThan(450);
});

test('DNS is silent from the start: 503 within the budget, and all is well as soon as it answers', async () => {
  await router.stop();
  relay.spoil = () => undefined;
  router = await startRouter();
  client = await openEnd({ transport: 'tcp', address: sides.cisco, to: { address: sides.router, port: 5060 } });
  await Promise.all([startServer(sides.microsoft), startServer(sides.microsoft2)]);
  const load = new MessageLoad(client, 'sip:bob@example.com');
  await sendAll(load, 1);
  await until(() => router.logLines.some(({ event }) => event === 'hop-unresolved'));
  relay.spoil = (answer) => answer;
  await until(() => router.logLines.some(({ event, hop }) => event === 'hop-resolved' && String(hop).includes('pool')));
  await sendAll(load, 20);
  expect((await load.stop()).answers).toEqual({ 200: 20, 503: 1 });
});
