/** Other settings in place of those in force, over real sockets: what goes on, what begins anew, and what leaves when. */
import { createServer } from 'node:net';
import { afterAll, afterEach, expect, test } from 'vitest';
import type { ListenSetting, TlsProfile } from '../../../../src/sip/transport/settings.ts';
import type { ReconfigurableTransports } from '../../../../src/sip/transport/transport-layer.ts';
import { respond } from '../../../../src/sip-parser/index.ts';
import { createAuthority, type TestCertificate } from '../../../support/certificates.ts';
import {
  closeTransports,
  doorFor,
  flowTo,
  openTransports,
  RecordingUser,
  settingsFor,
  type TransportWishes,
} from '../../../support/open-transports.ts';
import { newBranch, requestText } from '../../../support/raw-message.ts';
import { openEnd } from '../../../support/raw-sip.ts';
import { closePeers, listenAsPeer } from '../../../support/stream-peer.ts';
import { until } from '../../../support/until.ts';

const authority = createAuthority();
const router = authority.issue({ commonName: 'router.example.com', alternativeNames: ['DNS:router.example.com'] });
const renewed = authority.issue({ commonName: 'router.example.com', alternativeNames: ['DNS:router.example.com'] });

afterAll(() => authority.remove());
afterEach(async () => {
  await closeTransports();
  closePeers();
});

const change = async (layer: ReconfigurableTransports, wishes: TransportWishes): Promise<void> =>
  (await layer.reconfigure(settingsFor(wishes), doorFor(wishes))).commit();

const profileOf = (own: TestCertificate): TlsProfile => ({
  name: 'default',
  certificate: own.certificate,
  key: own.key,
  ca: authority.certificate,
  clientCertificate: 'none',
  minVersion: 'TLSv1.2',
});

/** 64*T1. */
const transactionMs = 32_000;

test('settings that say the same change nothing: listeners and connections are the ones they were', async () => {
  const wishes: TransportWishes = {
    listen: [{ transport: 'udp' }, { transport: 'tcp' }, { transport: 'tls', tlsProfile: 'default' }],
    tls: [profileOf(router)],
  };
  const { layer } = await openTransports(wishes);
  const server = await listenAsPeer();
  const flow = flowTo(layer, { transport: 'tcp', port: server.port });
  const before = [...layer.listeners];
  await change(layer, wishes);
  for (const [i, listener] of layer.listeners.entries()) expect(listener).toBe(before[i]);
  expect(flowTo(layer, { transport: 'tcp', port: server.port })).toBe(flow);
});

test('a connection of a listener with other words takes no new requests, and closes when it has been quiet for 64*T1', async () => {
  const { layer, clock } = await openTransports({ listen: [{ transport: 'tcp' }], nodeName: 'old.example.com' });
  const server = await listenAsPeer();
  const flow = flowTo(layer, { transport: 'tcp', port: server.port });
  await until(() => flow.state === 'open');
  const user = new RecordingUser();
  flow.users.add(user);

  await change(layer, { listen: [{ transport: 'tcp' }], nodeName: 'new.example.com' });
  const next = flowTo(layer, { transport: 'tcp', port: server.port });
  expect(next).not.toBe(flow);
  expect(next.listener.sentByHost).toBe('new.example.com');
  clock.advance(2 * transactionMs);
  expect(flow.state, 'somebody waits for an answer on it').toBe('open');
  flow.users.delete(user);
  clock.advance(2 * transactionMs);
  expect(flow.state).toBe('closed');
});

test('a renewed certificate makes another listener of the same port', async () => {
  const listen = [{ transport: 'tls', tlsProfile: 'default' }] as const;
  const { layer, listener } = await openTransports({ listen, tls: [profileOf(router)] });
  await change(layer, { listen, tls: [profileOf(renewed)] });
  expect(layer.listeners[0]).not.toBe(listener);
  expect(layer.listeners[0]).toEqual(listener);
});

test('a connection by which an answer is owed outlives the certificate that it was made with, until it has been quiet', async () => {
  const listen = [{ transport: 'tls', tlsProfile: 'default' }] as const;
  const { layer, handler, clock, listener } = await openTransports({ listen, tls: [profileOf(router)] });
  const peer = await openEnd({
    transport: 'tls',
    address: '127.0.0.1',
    to: { address: '127.0.0.1', port: listener.port },
    credentials: {
      cert: Buffer.from(router.certificate),
      key: Buffer.from(router.key),
      ca: Buffer.from(authority.certificate),
    },
  });
  peer.send(message(peer.via));
  const { message: request, flow } = await until(() => handler.requests[0]);
  await change(layer, { listen, tls: [profileOf(renewed)] });
  clock.advance(10 * transactionMs);
  expect(flow.state).toBe('open');
  layer.sendResponse(respond(request, 200, 'OK', 'tag'), request, flow);
  await peer.take(200);
  clock.advance(2 * transactionMs);
  expect(flow.state).toBe('closed');
  expect(handler.undelivered).toEqual([]);
  await peer.close();
});

test('a UDP port that has other words is still waited for by who waited before', async () => {
  const listen: TransportWishes['listen'] = [{ transport: 'udp' }];
  const { layer, clock, listener } = await openTransports({ listen, nodeName: 'old.example.com' });
  const flow = flowTo(layer, { transport: 'udp', port: 5060 });
  const user = new RecordingUser();
  flow.users.add(user);
  await change(layer, { listen, nodeName: 'new.example.com' });
  expect(layer.listeners[0]!.port).toBe(listener.port);
  await change(layer, { listen: [{ transport: 'tcp' }] });
  clock.advance(2 * transactionMs);
  expect(flow.state).toBe('open');
  flow.users.delete(user);
  clock.advance(2 * transactionMs);
  expect(flow.state).toBe('closed');
});

test('what cannot be opened changes nothing, and nothing stays open', async () => {
  const { layer, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
  const taken = createServer();
  const port = await new Promise<number>((resolve) =>
    taken.listen(0, '127.0.0.1', () => resolve((taken.address() as { port: number }).port)),
  );
  const free = await freePort();
  const wishes: TransportWishes = {
    listen: [
      { transport: 'tcp', port: free },
      { transport: 'tcp', port },
    ],
  };
  await expect(layer.reconfigure(settingsFor(wishes), doorFor(wishes))).rejects.toMatchObject({
    code: 'address-in-use',
  });
  await new Promise((resolve) => taken.close(resolve));
  expect(layer.listeners).toEqual([listener]);
  // Free again, or this would fail.
  await change(layer, wishes);
  expect(layer.listeners.map((open) => open.port)).toEqual([free, port]);
});

const freePort = async (): Promise<number> => {
  const server = createServer();
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
  );
  await new Promise((resolve) => server.close(resolve));
  return port;
};

test('an abandoned change has closed what was opened for it', async () => {
  const { layer, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
  const wishes: TransportWishes = { listen: [{ transport: 'tcp', port: await freePort() }] };
  (await layer.reconfigure(settingsFor(wishes), doorFor(wishes))).abandon();
  expect(layer.listeners).toEqual([listener]);
  await change(layer, wishes);
  expect(layer.listeners.map(({ port }) => port)).toEqual(wishes.listen?.map(({ port }) => port));
});

const message = (via: string): string =>
  requestText({ method: 'MESSAGE', uri: 'sip:bob@example.com', via: [`${via};branch=${newBranch()}`] });

test('a UDP port that is gone is heard for another 64*T1, and longer while somebody waits on it', async () => {
  const kept: Partial<ListenSetting> & { transport: 'udp' } = { transport: 'udp', port: 0 };
  const { layer, handler, clock, listener } = await openTransports({ listen: [kept] });
  const peer = await openEnd({
    transport: 'udp',
    address: '127.0.0.1',
    to: { address: '127.0.0.1', port: listener.port },
  });
  peer.send(message(peer.via));
  const first = await until(() => handler.requests[0]);
  const user = new RecordingUser();
  first.flow.users.add(user);

  await change(layer, { listen: [{ transport: 'tcp' }] });
  clock.advance(2 * transactionMs);
  peer.send(message(peer.via));
  const second = await until(() => handler.requests[1]);
  first.flow.users.delete(user);
  clock.advance(2 * transactionMs);
  expect(first.flow.state, 'two answers are owed').toBe('open');
  for (const { message: request, flow } of [first, second]) {
    layer.sendResponse(respond(request, 200, 'OK', 'tag'), request, flow);
    await peer.take(200);
  }
  clock.advance(1_000);
  expect(first.flow.state).toBe('closed');
  await peer.close();
});

test('a UDP port that is gone and owes nothing closes after 64*T1 of the settings in force, be T1 short or long', async () => {
  for (const ms of [6_400, 128_000]) {
    const { layer, clock } = await openTransports({ listen: [{ transport: 'udp' }] });
    const flow = flowTo(layer, { transport: 'udp', port: 5060 });
    await change(layer, { listen: [{ transport: 'tcp' }], transactionMs: ms });
    clock.advance(ms - 1);
    expect(flow.state).toBe('open');
    clock.advance(1);
    expect(flow.state).toBe('closed');
  }
});

test('a UDP port that comes back before it has left stays open', async () => {
  const port = await freePort();
  const { layer, clock } = await openTransports({ listen: [{ transport: 'udp', port }] });
  const flow = flowTo(layer, { transport: 'udp', port: 5060 });
  await change(layer, { listen: [{ transport: 'tcp' }] });
  clock.advance(transactionMs / 2);
  await change(layer, { listen: [{ transport: 'udp', port }] });
  clock.advance(2 * transactionMs);
  expect(flow.state).toBe('open');
});

test('one port may change between TCP and TLS', async () => {
  const port = await freePort();
  const { layer } = await openTransports({ listen: [{ transport: 'tcp', port }] });
  await change(layer, { listen: [{ transport: 'tls', port, tlsProfile: 'default' }], tls: [profileOf(router)] });
  expect(layer.listeners).toMatchObject([{ transport: 'tls', port, tlsProfile: 'default' }]);
  const credentials = {
    cert: Buffer.from(router.certificate),
    key: Buffer.from(router.key),
    ca: Buffer.from(authority.certificate),
  };
  const peer = await openEnd({
    transport: 'tls',
    address: '127.0.0.1',
    to: { address: '127.0.0.1', port },
    credentials,
  });
  peer.send('\r\n\r\n');
  await until(() => peer.keepAlives === 1);
  await peer.close();
});

test('limits and timeouts hold for connections that are open already', async () => {
  const { layer, handler, listener, clock } = await openTransports({ listen: [{ transport: 'tcp' }] });
  handler.answer = (request, flow) => layer.sendResponse(respond(request, 200, 'OK', 'x'), request, flow);
  const peer = await openEnd({
    transport: 'tcp',
    address: '127.0.0.1',
    to: { address: '127.0.0.1', port: listener.port },
  });
  peer.send(message(peer.via));
  const { flow } = await until(() => handler.requests[0]);
  await change(layer, { listen: [{ transport: 'tcp' }], limits: { headerBytes: 200 }, timeouts: { idleMs: 5_000 } });
  peer.send(message(peer.via).replace('Max-Forwards', `X: ${'x'.repeat(300)}\r\nMax-Forwards`));
  await until(() => handler.discardCodes.includes('header-too-large'));
  expect(flow.state).toBe('closed');
  const quiet = await openEnd({
    transport: 'tcp',
    address: '127.0.0.1',
    to: { address: '127.0.0.1', port: listener.port },
  });
  quiet.send('\r\n\r\n');
  await until(() => quiet.keepAlives === 1);
  clock.advance(10_000);
  expect(handler.discardCodes).toContain('idle');
  await peer.close();
  await quiet.close();
});
