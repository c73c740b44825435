/** What no test can bring about at will, as it is told: silence of TCP, slowness, addresses of another machine. */
import { expect, test } from 'vitest';
import type { Contact } from '../../../src/doctor/contact.ts';
import { judgeHop } from '../../../src/doctor/next-hop.ts';

const context = (side: 'cisco' | 'microsoft') => ({
  target: { transport: 'tcp', address: '192.0.2.21', port: 5060, tlsName: undefined, tlsProfile: undefined } as const,
  side,
  identity: {
    name: 'router.example.com',
    commonName: undefined,
    address: '192.0.2.10',
    tlsPort: 5061,
    domains: ['example.com'],
  },
  expected: {
    side,
    names: [],
    rules: { wildcards: false, commonName: true },
    domains: ['example.com'],
    profile: '',
    mustBeClient: false,
    refusalOf: () => undefined,
  },
  today: { now: new Date(), warnBeforeMs: 0 },
  good: new Set([200]),
});

const answered = (ms: number): Contact => ({
  kind: 'open',
  secured: undefined,
  answer: { kind: 'answered', status: 200, ms, date: undefined, atMs: 0 },
});

const unconnected = (why: 'closed' | 'silent' | 'unreachable' | 'not-here'): Contact => ({
  kind: 'not-connected',
  why,
  detail: 'as the system says',
});

test('TCP silence is a matter for the network first, and is told apart from a refusal', () => {
  const [finding] = judgeHop(unconnected('silent'), context('microsoft'), undefined);
  expect(finding).toMatchObject({ code: 'connection', severity: 'error' });
  expect(finding?.seen).toBe('it says nothing, not even no (as the system says)');
  expect(finding?.steps[0]).toEqual({
    on: 'network',
    what: 'does 192.0.2.21 run, and may 192.0.2.10 connect to its port 5060?',
  });
});

test('a hop that resets connections as soon as they are open lets only those in whom it knows', () => {
  const [finding] = judgeHop(unconnected('closed'), context('cisco'), undefined);
  expect(finding?.seen).toBe('it closes the connection as soon as it is open (as the system says)');
  expect(finding?.steps[0]).toMatchObject({ on: 'Cisco IM&P', what: expect.stringContaining('Incoming ACL') });
});

test('no route to it, and an address of ours that this machine does not have', () => {
  const [unreachable] = judgeHop(unconnected('unreachable'), context('microsoft'), undefined);
  expect(unreachable?.seen).toMatch(/^there is no way to it/);
  const [elsewhere] = judgeHop(unconnected('not-here'), context('microsoft'), undefined);
  expect(elsewhere?.seen).toMatch(/^192\.0\.2\.10 is not an address of this machine/);
  expect(elsewhere?.steps[0]?.on).toBe('this router');
});

test('an answer that takes more than a second works, but somebody looks up names: IM&P waits for PTR records', () => {
  const [, slow] = judgeHop(answered(2_500), context('cisco'), undefined);
  expect(slow).toMatchObject({ code: 'options', severity: 'warning', seen: 'OPTIONS: 200 in 2500 ms, which is slow' });
  expect(slow?.steps).toEqual([
    { on: 'DNS', what: expect.stringMatching(/^a PTR record of 192\.0\.2\.10 for router\.example\.com: IM&P asks/) },
  ]);
  expect(judgeHop(answered(999), context('cisco'), undefined)[1]?.severity).toBe('ok');
});

const at = (transport: 'tcp' | 'tls' | 'udp', port: number) => {
  const usual = context('microsoft');
  return { ...usual, target: { ...usual.target, transport, port } };
};
const refused: Contact = { kind: 'not-connected', why: 'refused', detail: 'as the system says' };
const unsecured = (why: 'not-tls' | 'silent' | 'closed' | 'failed'): Contact => ({
  kind: 'not-secured',
  why,
  detail: 'x',
});
const unanswered = (answer: Extract<Contact, { kind: 'open' }>['answer']): Contact => ({
  kind: 'open',
  secured: undefined,
  answer,
});

test.each<[Contact, 'tcp' | 'tls' | 'udp', number, string]>([
  [refused, 'tls', 5060, 'port: 5061 on the route, as 5060 is the port of SIP without TLS'],
  [unsecured('not-tls'), 'tls', 5060, 'port: 5061 on the route'],
  [unsecured('silent'), 'tls', 5060, 'port: 5061 on the route'],
  [unsecured('closed'), 'tls', 5060, 'port: 5061 on the route'],
  [unsecured('failed'), 'tls', 5060, 'port: 5061 on the route'],
  [refused, 'tcp', 5061, 'transport: tls on the route, as 5061 is the port of TLS'],
  [unconnected('closed'), 'tcp', 5061, 'transport: tls on the route'],
  [unanswered({ kind: 'closed', detail: 'it closes the connection' }), 'tcp', 5061, 'transport: tls on the route'],
  [unanswered({ kind: 'not-sip', detail: 'x' }), 'tcp', 5061, 'transport: tls on the route'],
  [unanswered({ kind: 'silent', waitedMs: 5 }), 'udp', 5061, 'transport: tls on the route'],
])(
  'the usual port of the other kind is what comes to mind first: %j over %s to %i',
  (contact, transport, port, first) => {
    const steps = judgeHop(contact, at(transport, port), undefined).at(-1)?.steps ?? [];
    expect(steps[0]).toEqual({ on: 'this router', what: expect.stringContaining(first) });
    const usual = judgeHop(contact, at(transport, 5070), undefined).at(-1)?.steps ?? [];
    expect(usual.map(({ what }) => what).join()).not.toMatch(/506[01] is the port of/);
  },
);
