/** Who may come in, over real sockets: strangers are not heard, have a small share and little time, and push out nobody. */
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { Door } from '../../../../src/sip/transport/door.ts';
import type { Listener } from '../../../../src/sip/transport/flow.ts';
import { ownerOf } from '../../../../src/sip/transport/owner.ts';
import type { TlsProfile } from '../../../../src/sip/transport/settings.ts';
import { createAuthority, type TestCertificate } from '../../../support/certificates.ts';
import {
  closeTransports,
  doorFor,
  openTransports,
  settingsFor,
  type TransportWishes,
} from '../../../support/open-transports.ts';
import { newBranch, requestText } from '../../../support/raw-message.ts';
import { openEnd } from '../../../support/raw-sip.ts';
import { closePeers, connectPeer, keepPeer, type StreamPeer } from '../../../support/stream-peer.ts';
import { until } from '../../../support/until.ts';

const authority = createAuthority();
const router = authority.issue({ commonName: 'router.example.com', alternativeNames: ['DNS:router.example.com'] });
const pool = authority.issue({ commonName: 'pool.example.com', alternativeNames: ['DNS:pool.example.com'] });
const other = authority.issue({ commonName: 'other.example.com', alternativeNames: ['DNS:other.example.com'] });

afterAll(() => authority.remove());
afterEach(async () => {
  await closeTransports();
  closePeers();
});

const profile: TlsProfile = {
  name: 'default',
  certificate: router.certificate,
  key: router.key,
  ca: authority.certificate,
  clientCertificate: 'optional',
  minVersion: 'TLSv1.2',
};

const tcp: TransportWishes = { listen: [{ transport: 'tcp' }] };
const tls: TransportWishes = { listen: [{ transport: 'tls', tlsProfile: 'default' }], tls: [profile] };

const nobody: Partial<Door> = { prospectOf: () => 'stranger', admits: () => false };

/** Only who proves to be the pool is let in. */
const poolOnly: Partial<Door> = {
  prospectOf: () => 'unproved',
  admits: ({ verifiedNames }) => verifiedNames.includes('pool.example.com'),
};

const securePeer = ({ address, port }: Listener, own: TestCertificate): StreamPeer =>
  keepPeer(
    connectTls({
      host: address,
      port,
      ca: authority.certificate,
      servername: 'router.example.com',
      cert: own.certificate,
      key: own.key,
    }),
  );

const message = (branch = newBranch()): string =>
  requestText({ method: 'MESSAGE', uri: 'sip:bob@example.com', via: [`SIP/2.0/TCP 127.0.0.1;branch=${branch}`] });

const areOpen = (peers: readonly StreamPeer[]): number => peers.filter(({ isClosed }) => !isClosed).length;

describe('an address that could never be let in', () => {
  test('is closed over TCP before it is heard', async () => {
    const { handler, listener } = await openTransports({ ...tcp, door: nobody });
    const peer = connectPeer(listener);
    peer.send(message());
    await until(() => peer.isClosed);
    expect(handler.discarded).toMatchObject([{ what: 'stranger', flow: { remoteAddress: '127.0.0.1' } }]);
    expect(handler.requests).toEqual([]);
  });

  test('is closed over TLS before the handshake: not an octet is sent to it', async () => {
    const { handler, listener } = await openTransports({ ...tls, door: nobody });
    // A ClientHello can begin like this; what matters is what comes back.
    const peer = connectPeer(listener);
    peer.send('\x16\x03\x01\x00\x05hello');
    await until(() => peer.isClosed);
    expect(peer.text).toBe('');
    expect(handler.discardCodes).toEqual(['stranger']);
  });

  test('has its keep-alive over UDP unanswered, and its requests handed up, for who routes decides what it hears', async () => {
    const door: Partial<Door> = {
      prospectOf: (address) => (address === '127.0.0.1' ? 'admitted' : 'stranger'),
      admits: ({ remoteAddress }) => remoteAddress === '127.0.0.1',
    };
    const { handler, listener } = await openTransports({ listen: [{ transport: 'udp' }], door });
    const known = await openEnd({ transport: 'udp', address: '127.0.0.1', to: listener });
    const stranger = await openEnd({ transport: 'udp', address: '127.0.0.9', to: listener });
    for (const end of [stranger, known]) for (const text of ['\r\n\r\n', message(), message()]) end.send(text);
    await until(() => handler.requests.length === 4);
    await until(() => known.inbox.length === 1);
    expect(stranger.inbox).toEqual([]);
    const flowsOf = (address: string) =>
      new Set(handler.requests.filter(({ flow }) => flow.remoteAddress === address).map(({ flow }) => flow)).size;
    // The peer's flow is remembered; a stranger's is not, for strangers have no end.
    expect([flowsOf('127.0.0.1'), flowsOf('127.0.0.9')]).toEqual([1, 2]);
    await Promise.all([known.close(), stranger.close()]);
  });
});

describe('one address', () => {
  test('has no more than its share of connections, and others are served as ever', async () => {
    const { handler, listener } = await openTransports({ ...tcp, limits: { connectionsPerAddress: 3 } });
    const greedy = Array.from({ length: 5 }, () => connectPeer(listener, '127.0.0.9'));
    await until(() => areOpen(greedy) === 3);
    expect(handler.discardCodes).toEqual(['address-limit', 'address-limit']);
    connectPeer(listener).send(message());
    await until(() => handler.requests.length === 1);
  });

  test('gets a place again when one of its connections has ended', async () => {
    const { handler, listener } = await openTransports({ ...tcp, limits: { connectionsPerAddress: 1 } });
    const first = connectPeer(listener);
    // No answer is owed to it, which would keep the connection.
    first.send(message().replaceAll('MESSAGE', 'BENOTIFY'));
    await until(() => handler.requests.length === 1);
    first.socket.destroy();
    await until(() => handler.requests[0]!.flow.state === 'closed');
    const second = connectPeer(listener);
    second.send(message());
    await until(() => handler.requests.length === 2);
  });

  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::6', '2001:db8:1:2'],
    ['2001:db8::6', '2001:db8:0:0'],
    ['2001:db8:1::6', '2001:db8:1:0'],
    ['::1', '0:0:0:0'],
    ['1:2:3:4:5::', '1:2:3:4'],
    ['1::4:5:6:7:8', '1:0:0:4'],
  ])('%s is counted as %s (RFC 4291 §2.5.1: the rest is one host)', (address, owner) => {
    expect(ownerOf(address)).toBe(owner);
  });
});

describe('a peer that has yet to prove its name', () => {
  test('is let in when it proves one that is let in, and its place among strangers is free again', async () => {
    const { handler, listener, clock } = await openTransports({
      ...tls,
      door: poolOnly,
      limits: { connectionsOfStrangers: 1 },
    });
    for (let count = 1; count <= 3; count += 1) {
      securePeer(listener, pool).send(message());
      await until(() => handler.requests.length === count);
    }
    clock.advance(60_000);
    expect(handler.requests.map(({ flow }) => flow.state)).toEqual(['open', 'open', 'open']);
    expect(handler.discarded).toEqual([]);
  });

  test('is closed when its time is over, handshake or not', async () => {
    const { handler, listener, clock } = await openTransports({ ...tls, door: poolOnly });
    const silent = connectPeer(listener);
    const named = securePeer(listener, other);
    named.send(message());
    await until(() => handler.requests.length === 1);
    clock.advance(4_999);
    expect(handler.discarded).toEqual([]);
    clock.advance(1);
    await until(() => silent.isClosed && named.isClosed);
    expect(handler.discardCodes.filter((code) => code === 'stranger-time')).toHaveLength(2);
  });

  test('is closed behind the handshake, unheard, where strangers hear nothing', async () => {
    const { handler, listener } = await openTransports({ ...tls, door: { ...poolOnly, answersStrangers: false } });
    const peer = securePeer(listener, other);
    peer.send(message());
    await until(() => peer.isClosed);
    expect(handler.requests).toEqual([]);
    expect(handler.discarded).toMatchObject([
      { what: 'stranger', detail: 'no access rule lets in 127.0.0.1, which has proved other.example.com' },
    ]);
  });

  test('pays for its own address: when all places are taken, who has most of them loses the oldest', async () => {
    const { handler, listener } = await openTransports({
      ...tls,
      door: poolOnly,
      limits: { connectionsOfStrangers: 4 },
    });
    const crowd: StreamPeer[] = [];
    const rare = connectPeer(listener, '127.0.0.8');
    await until(() => rare.socket.readyState === 'open');
    for (let index = 0; index < 20; index += 1) {
      crowd.push(connectPeer(listener, '127.0.0.9'));
      await until(() => crowd.at(-1)!.socket.readyState === 'open');
    }
    await until(() => areOpen(crowd) === 3);
    expect(crowd.slice(-3).every(({ isClosed }) => !isClosed)).toBe(true);
    expect(rare.isClosed).toBe(false);
    securePeer(listener, pool).send(message());
    await until(() => handler.requests.length === 1);
    expect(rare.isClosed).toBe(false);
  });
});

test('strangers take no place of those who are let in', async () => {
  const door: Partial<Door> = {
    prospectOf: (address) => (address === '127.0.0.1' ? 'admitted' : 'unproved'),
    admits: ({ remoteAddress }) => remoteAddress === '127.0.0.1',
  };
  const { handler, listener } = await openTransports({ ...tls, door, limits: { connections: 1 } });
  const strangers = Array.from({ length: 10 }, () => connectPeer(listener, '127.0.0.9'));
  await until(() => strangers.every(({ socket }) => socket.readyState === 'open'));
  securePeer(listener, other).send(message());
  await until(() => handler.requests.length === 1);
  expect(areOpen(strangers)).toBe(10);
});

describe('what cannot be framed', () => {
  const lost =
    'MESSAGE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1;branch=z9hG4bKx\r\nContent-Length: x\r\n\r\n';

  test.each<[string, TestCertificate]>([
    ['a peer', pool],
    ['a stranger', other],
  ])('is for who routes to answer, once, when %s has sent it', async (_title, own) => {
    const { handler, listener } = await openTransports({ ...tls, door: { ...poolOnly, answersStrangers: true } });
    const peer = securePeer(listener, own);
    peer.send(lost);
    await until(() => peer.hasEnded);
    expect(peer.text.match(/SIP\/2\.0 \d{3}/g)).toEqual(['SIP/2.0 400']);
    expect(handler.lost).toHaveLength(1);
  });

  test('who was let in once, and is a stranger since a reload, hears nothing where strangers hear nothing', async () => {
    const wishes = { ...tls, door: poolOnly };
    const { layer, handler, listener } = await openTransports(wishes);
    const peer = securePeer(listener, pool);
    peer.send(message());
    await until(() => handler.requests.length === 1);
    const without = doorFor({ door: { ...poolOnly, admits: () => false, answersStrangers: false } });
    (await layer.reconfigure(settingsFor(wishes), without)).commit();
    peer.send(lost);
    await until(() => peer.isClosed);
    expect(peer.text).toBe('');
  });
});

test('a reload that lets a peer in no more closes its connections when a stranger has to go', async () => {
  const wishes = { ...tcp, door: {} };
  const { layer, handler, listener, clock } = await openTransports(wishes);
  const peer = connectPeer(listener);
  peer.send(message());
  await until(() => handler.requests.length === 1);
  (await layer.reconfigure(settingsFor(wishes), doorFor({ door: nobody }))).commit();
  peer.send(message());
  await until(() => handler.requests.length === 2);
  clock.advance(5_000);
  await until(() => peer.isClosed);
  expect(handler.discardCodes).toEqual(['stranger-time']);
});
