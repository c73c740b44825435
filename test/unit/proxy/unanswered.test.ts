/** A request that nobody answers waits for its connection as long as `timers.connect` says, and no longer, over real sockets. */
import { afterAll, afterEach, expect, test } from 'vitest';
import { newKey } from '../../../src/config/signing-keys.ts';
import { Rank } from '../../../src/health/hop-health.ts';
import { viaMarks } from '../../../src/proxy/loop.ts';
import type { Ending, ProxyParts, ProxySettings } from '../../../src/proxy/proxy-parts.ts';
import { preprocessRoutes } from '../../../src/proxy/route-headers.ts';
import { Signing } from '../../../src/proxy/signing.ts';
import { type Unanswered, UnansweredRequest } from '../../../src/proxy/unanswered.ts';
import type { NextHop } from '../../../src/routing/types.ts';
import { parseMessage } from '../../../src/sip-parser/index.ts';
import { createAuthority } from '../../support/certificates.ts';
import { closeTransports, flowTo, openTransports } from '../../support/open-transports.ts';
import { requestText } from '../../support/raw-message.ts';
import { closePeers, listenAsPeer } from '../../support/stream-peer.ts';
import { until } from '../../support/until.ts';

const authority = createAuthority();
const router = authority.issue({ commonName: 'router.example.com', alternativeNames: ['DNS:router.example.com'] });
afterAll(() => authority.remove());
afterEach(async () => {
  await closeTransports();
  closePeers();
});

const connectMs = 45_000;

test('a hop that lets us wait longer than ten seconds is left when timers.connect has passed, and the next one gets the ACK', async () => {
  const [silent, well] = [await listenAsPeer(), await listenAsPeer()];
  const { layer, clock } = await openTransports({
    listen: [{ transport: 'tcp' }, { transport: 'tls', tlsProfile: 'default' }],
    tls: [
      {
        name: 'default',
        certificate: router.certificate,
        key: router.key,
        ca: authority.certificate,
        clientCertificate: 'none',
        minVersion: 'TLSv1.2',
      },
    ],
    timeouts: { connectMs },
  });
  const hop = (transport: 'tcp' | 'tls', port: number): NextHop => ({
    id: transport,
    transport,
    host: '127.0.0.1',
    port,
    tlsName: undefined,
    tlsProfile: transport === 'tls' ? 'default' : undefined,
  });
  // It takes the connection, and never a handshake.
  const hops = [hop('tls', silent.port), hop('tcp', well.port)] as const;
  const request = parseMessage(
    requestText({ method: 'ACK', uri: 'sip:bob@example.com', via: ['SIP/2.0/TCP 192.0.2.11'] }),
  );
  if (request?.kind !== 'request') throw new Error('no request');
  const from = flowTo(layer, { transport: 'tcp', port: well.port });
  await until(() => from.state === 'open');
  const signing = new Signing([newKey()]);
  const routed = preprocessRoutes(request, { isOwn: () => false, isSharedDomain: () => true, listener: from.listener });
  const endings: Ending[] = [];
  const parts = {
    clock,
    resolve: ({ transport, port, tlsProfile }: NextHop) =>
      transport === 'any' ? [] : [{ transport, address: '127.0.0.1', port, tlsName: undefined, tlsProfile }],
    hopKnowledge: {
      isAllWell: true,
      rankOf: () => Rank.live,
      isUnresolved: () => false,
      onAttempt: () => undefined,
      onUnresolved: () => undefined,
    },
    transport: layer,
  } satisfies Partial<ProxyParts> as unknown as ProxyParts;
  const settings = {
    connectMs,
    maxBreadth: 60,
    signing,
    udpRequestBytes: 1300,
  } satisfies Partial<ProxySettings> as ProxySettings;
  const unanswered = {
    routed: routed!,
    marks: viaMarks(request, signing),
    decision: { kind: 'forward', plan: { to: 'microsoft', hops }, from: 'cisco', because: [] },
    asker: from,
    mayWait: () => true,
    ended: (ending) => void endings.push(ending),
  } satisfies Unanswered;
  new UnansweredRequest(unanswered, parts, settings).begin();
  clock.advance(connectMs - 1);
  expect(endings).toEqual([]);
  clock.advance(connectMs);
  const ending = await until(() => endings[0]);
  expect(ending.attempts.map(({ hop: { id }, outcome }) => `${id} ${outcome}`)).toEqual([
    'tls connect-timeout',
    'tcp sent',
  ]);
});
