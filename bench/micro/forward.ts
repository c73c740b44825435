/** What one request costs from octets to octets beside npm `sip`, which takes it apart and puts it together again. */
import { createSecretKey, randomBytes } from 'node:crypto';
import { forward } from '../../src/proxy/forward.ts';
import { preprocessRoutes } from '../../src/proxy/route-headers.ts';
import { Signing } from '../../src/proxy/signing.ts';
import { unlimitedAccount } from '../../src/sip/memory-budget.ts';
import type { Flow, Listener } from '../../src/sip/transport/flow.ts';
import { FlowUsers } from '../../src/sip/transport/flow-users.ts';
import { checkRequest } from '../../src/sip-parser/index.ts';
import { npmSip } from '../../test/support/npm-sip.ts';
import { type Contest, ring, timesOf } from './contest.ts';
import { messages } from './messages.ts';
import { readAsProxy } from './parse.ts';

const listener: Listener = {
  transport: 'tcp',
  address: '192.0.2.1',
  port: 5060,
  family: 4,
  sentBy: 'router.example.com:5060',
  sentByHost: 'router.example.com',
  sentByPort: 5060,
  tlsProfile: undefined,
};

const from: Flow = {
  transport: 'tcp',
  isReliable: true,
  localAddress: '192.0.2.1',
  localPort: 5060,
  remoteAddress: '192.0.2.21',
  remotePort: 49_180,
  listener,
  verifiedNames: [],
  state: 'open',
  isEnding: false,
  maxOctets: Number.POSITIVE_INFINITY,
  users: new FlowUsers(),
  account: unlimitedAccount,
  owe: () => undefined,
  send: () => undefined,
};

const sides = { from: 'microsoft', to: 'cisco' } as const;
const signing = new Signing([createSecretKey(randomBytes(32))]);

const isOwn = (host: string): boolean => host === 'router.example.com';
const receipt = { isOwn, isSharedDomain: (host: string) => host === 'example.com', listener };

function forwardOne(octets: Buffer): void {
  const request = readAsProxy(octets);
  const routed = preprocessRoutes(request, receipt);
  if (routed === undefined || checkRequest(request) !== undefined) throw new Error('not as expected');
  Buffer.from(
    forward({ routed, from, egress: listener, branch: 'z9hG4bK.1', maxBreadth: 60, sides, signing }),
    'latin1',
  );
}

function forwardByNpmSip(octets: Buffer): void {
  const message = npmSip.parse(octets.toString('latin1'));
  message.headers.via.unshift({
    version: '2.0',
    protocol: 'TCP',
    host: 'router.example.com',
    port: 5060,
    params: { branch: 'z9hG4bK.1' },
  });
  message.headers['max-forwards'] -= 1;
  Buffer.from(npmSip.stringify(message), 'latin1');
}

export const contests = (): readonly Contest[] => {
  const next = ring(messages(64));
  return [
    {
      watched: { name: '100 requests read, checked and forwarded', run: timesOf(100, () => forwardOne(next())) },
      against: { name: 'npm sip, parse and stringify', run: timesOf(100, () => forwardByNpmSip(next())) },
      most: 1,
    },
  ];
};
