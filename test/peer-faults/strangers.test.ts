/** Strangers who connect and wait, at the running program: peers come in as ever, and nobody is looked up in DNS. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import { credentials } from '../support/development-certificates.ts';
import { newBranch, newTag, requestText } from '../support/raw-message.ts';
import { openEnd, type RawEnd, type Transport } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { portOf, twoSides } from '../support/two-sides.ts';
import { soon } from '../support/until.ts';

const sides = twoSides(90);
const count = 2_000;

/** Answers nothing, and keeps what it is asked. */
const dns = createSocket('udp4');
const asked: string[] = [];

let router: RouterProcess;
const sockets: Socket[] = [];
const ends: RawEnd[] = [];

beforeAll(async () => {
  dns.on('message', (query) => asked.push(query.toString('latin1')));
  dns.bind(0, sides.microsoft2);
  await once(dns, 'listening');
  const folder = inject('certificates');
  router = await RouterProcess.start({
    routes: JSON.stringify({
      node: { name: 'router.example.com' },
      domains: ['example.com'],
      listen: (['udp', 'tcp', 'tls'] as const).map((transport) => {
        return { transport, address: sides.router, port: portOf(transport) };
      }),
      tls: {
        default: { certificate: `${folder}/router.crt`, key: `${folder}/router.key`, ca: `${folder}/ca.crt` },
      },
      access: [
        { side: 'cisco', from: sides.cisco, transport: 'tcp' },
        { name: 'node', side: 'cisco', from: 'Allow from imp1.example.com' },
        { side: 'microsoft', from: 'fe1.example.com' },
      ],
      routes: [
        { to: 'cisco', pattern: 'example.com', 'next-hop': 'nowhere.example.com' },
        { to: 'microsoft', pattern: 'example.com', 'next-hop': sides.microsoft },
      ],
      dns: { servers: [`${sides.microsoft2}:${dns.address().port}`], timeout: '100ms' },
      health: { probe: { enabled: false } },
    }),
  });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(ends.splice(0).map((end) => end.close()));
});
afterAll(async () => {
  expect(await router?.stop()).toBe(0);
  dns.close();
});

/** Connects from the stranger's address, and says nothing. */
const idle = (transport: Transport): Promise<Socket> =>
  new Promise((resolve) => {
    const socket = connect({ host: sides.router, port: portOf(transport), localAddress: sides.stranger });
    sockets.push(socket);
    socket.resume();
    socket.once('connect', () => resolve(socket));
    // Some are reset before they have been told that they are connected.
    socket.once('error', () => resolve(socket.destroy()));
  });

async function crowd(transport: Transport): Promise<void> {
  while (sockets.length < count) await Promise.all(Array.from({ length: 100 }, () => idle(transport)));
}

const openOnes = (): number => sockets.filter(({ destroyed }) => !destroyed).length;

/** A peer connects and has an OPTIONS to the router answered. */
async function served(transport: 'tcp' | 'tls', address: string): Promise<void> {
  const end = await openEnd({
    transport,
    address,
    to: { address: sides.router, port: portOf(transport) },
    credentials: credentials(inject('certificates'), 'imp1'),
  });
  ends.push(end);
  const via = [`${end.via};branch=${newBranch()}`];
  end.send(requestText({ method: 'OPTIONS', uri: 'sip:router.example.com', via, callId: newTag() }));
  await end.take(200);
}

const codesOf = (code: string) => router.logLines.filter(({ what }) => what === code);

test(`${count} connections of one stranger over TCP are all closed at once, and a peer is served`, async () => {
  await crowd('tcp');
  await soon(() => openOnes() === 0);
  await served('tcp', sides.cisco);
  // The log tells some of them, and counts the rest.
  expect(codesOf('stranger').length).toBeLessThan(100);
});

test(`${count} connections of one stranger who could prove a name over TLS take a small share, and peers by name are served`, async () => {
  await crowd('tls');
  await soon(() => openOnes() <= 500);
  await served('tls', '127.0.90.77');
  expect(await soon(() => codesOf('stranger-limit')[0])).toMatchObject({
    from: expect.stringContaining(sides.stranger),
  });
  // No time is given to those who prove nothing.
  await soon(() => openOnes() === 0, 20_000);
  await served('tls', '127.0.90.77');
});

test('how often the rest was turned away is told once in a while', async () => {
  const summary = await soon(
    () => router.logLines.find(({ event, what }) => event === 'repeated' && what === 'stranger'),
    20_000,
  );
  expect(summary).toMatchObject({ forMs: 10_000, times: expect.any(Number) });
});

test('no name and no address of a peer is ever looked up in DNS, only next hops are', async () => {
  await served('tls', '127.0.90.78');
  await served('tcp', sides.cisco);
  const stranger = await openEnd({
    transport: 'udp',
    address: sides.stranger,
    to: { address: sides.router, port: portOf('udp') },
  });
  ends.push(stranger);
  const via = [`${stranger.via};branch=${newBranch()}`];
  stranger.send(requestText({ method: 'MESSAGE', uri: 'sip:bob@example.com', via, callId: newTag() }));
  await stranger.take(403);
  await soon(() => asked.length > 0);
  expect(asked.filter((query) => !query.includes('nowhere'))).toEqual([]);
});
