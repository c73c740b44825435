/** The watch over the hops: probes, what traffic tells, names that come and go, what the operator says, and reloads. */
import { describe, expect, test } from 'vitest';
import { Rank } from '../../../src/health/hop-health.ts';
import type { AttemptNews } from '../../../src/health/hop-knowledge.ts';
import { type HopEvent, HopMonitor } from '../../../src/health/hop-monitor.ts';
import type { HealthSettings } from '../../../src/health/settings.ts';
import type { KnownHop } from '../../../src/routing/routes/route-table.ts';
import type { NextHop } from '../../../src/routing/types.ts';
import type { Target } from '../../../src/sip/transport/flow.ts';
import type { TransportError } from '../../../src/sip/transport/transport-error.ts';
import { parseMessage, type SipResponse } from '../../../src/sip-parser/index.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const settings: HealthSettings = {
  rules: { downAfter: 2, upAfter: 2, slowReturnMs: 10_000, retryAfterCapMs: 60_000, flapMemoryMs: 600_000 },
  probe: { isEnabled: true, everyMs: 10_000, timeoutMs: 2_000, good: new Set([200, 404]) },
};
const unprobed: HealthSettings = { ...settings, probe: { ...settings.probe, isEnabled: false } };

const hop = (id: string): NextHop => ({
  id,
  transport: 'tcp',
  host: `${id}.example.com`,
  port: 5060,
  tlsName: undefined,
  tlsProfile: undefined,
});

const known = (...ids: readonly string[]): KnownHop[] => ids.map((id) => ({ side: 'microsoft', hop: hop(id) }));

const target = (address: string): Target => ({
  transport: 'tcp',
  address,
  port: 5060,
  tlsName: undefined,
  tlsProfile: undefined,
});

const response = (status: number, header = ''): SipResponse =>
  parseMessage(`SIP/2.0 ${status} Test\r\nCSeq: 1 OPTIONS\r\n${header}Content-Length: 0\r\n\r\n`) as SipResponse;

const refused: TransportError = { code: 'connect-refused', detail: 'connect ECONNREFUSED 192.0.2.1:5060' };
const noName: TransportError = { code: 'unresolved', detail: 'queryA ESERVFAIL a.example.com' };

interface Probe {
  readonly address: string;
  readonly tell: (news: AttemptNews) => void;
  isAbandoned: boolean;
}

function setUp(hops = known('a'), health = settings) {
  const clock = new ManualClock(1_000_000);
  const addresses = new Map<string, readonly string[] | TransportError>();
  const probes: Probe[] = [];
  const events: HopEvent[] = [];
  const renewed: string[] = [];
  const monitor = new HopMonitor(health, {
    clock,
    random: () => 0.5,
    resolve: ({ id }) => {
      const found = addresses.get(id) ?? [id];
      return 'code' in found ? Promise.resolve(found) : found.map(target);
    },
    sendProbe: ({ address }, tell) => {
      const probe: Probe = { address, tell, isAbandoned: false };
      probes.push(probe);
      return () => {
        probe.isAbandoned = true;
      };
    },
    renewConnection: ({ address }) => renewed.push(address),
    onHopEvent: (event) => events.push(event),
  });
  monitor.watch(hops, health);
  const rank = (address = 'a', callId = 'some call') => monitor.rankOf(hop('a'), target(address), callId);
  const stateOf = (index = 0) => monitor.view()[0]!.targets[index];
  return { clock, addresses, probes, events, renewed, monitor, rank, stateOf };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('probes', () => {
  test('the first comes within a second, the next a probe.every after the answer', () => {
    const { clock, probes } = setUp();
    clock.advance(499);
    expect(probes).toHaveLength(0);
    clock.advance(1);
    expect(probes).toHaveLength(1);
    probes[0]!.tell(response(200));
    clock.advance(9_999);
    expect(probes).toHaveLength(1);
    clock.advance(1);
    expect(probes).toHaveLength(2);
  });

  test('each resolved address is probed', () => {
    const { clock, monitor, probes, addresses } = setUp([]);
    addresses.set('a', ['192.0.2.1', '192.0.2.2']);
    monitor.watch(known('a', 'b'), settings);
    clock.advance(1_000);
    expect(probes.map(({ address }) => address)).toEqual(['192.0.2.1', '192.0.2.2', 'b']);
  });

  test('an address that two hops share is probed once', () => {
    const { clock, monitor, probes, addresses } = setUp([]);
    addresses.set('b', ['a']);
    monitor.watch(known('a', 'b'), settings);
    clock.advance(1_000);
    expect(probes).toHaveLength(1);
  });

  test.each<[string, AttemptNews, Rank, string]>([
    ['a good status', response(404), Rank.live, 'OPTIONS: 404'],
    ['another status', response(403), Rank.suspect, 'OPTIONS: 403'],
    ['a 503', response(503), Rank.suspect, 'OPTIONS: 503'],
    ['a refused connection', refused, Rank.down, 'connect-refused: connect ECONNREFUSED 192.0.2.1:5060'],
    ['a failed handshake', { code: 'tls-failed', detail: 'TLS' }, Rank.down, 'tls-failed: TLS'],
    ['a connection that breaks', { code: 'closed', detail: 'reset' }, Rank.suspect, 'closed: reset'],
    ['no listener to send from: no fault of the hop', { code: 'no-listener', detail: '' }, Rank.live, 'not asked yet'],
  ])('%s', (_, news, expected, reason) => {
    const { clock, probes, rank, stateOf } = setUp();
    clock.advance(1_000);
    probes[0]!.tell(news);
    expect(rank()).toBe(expected);
    expect(stateOf()).toMatchObject({ reason });
  });

  test('no answer within probe.timeout is a bad one, and the next probe of a suspect comes soon', () => {
    const { clock, probes, rank, renewed } = setUp();
    clock.advance(500 + 1_999);
    expect(rank()).toBe(Rank.live);
    clock.advance(1);
    expect(rank()).toBe(Rank.suspect);
    expect(probes[0]!.isAbandoned).toBe(true);
    clock.advance(1_000);
    expect(probes).toHaveLength(2);
    expect(renewed).toEqual([]);
    clock.advance(2_000);
    expect(rank()).toBe(Rank.down);
  });

  test('when silence brought a target down, what follows goes by a new connection', () => {
    const { clock, renewed } = setUp();
    clock.advance(10_000);
    expect(renewed).toEqual(['a']);
  });

  test('an answer that comes too late does not count', () => {
    const { clock, probes, rank } = setUp();
    clock.advance(2_500);
    probes[0]!.tell(response(200));
    expect(rank()).toBe(Rank.suspect);
  });

  test('an answer to a probe of an earlier configuration does not count', () => {
    const { clock, monitor, probes, stateOf } = setUp();
    clock.advance(600);
    monitor.watch(known('a'), { ...settings, probe: { ...settings.probe, good: new Set([404]) } });
    expect(probes[0]!.isAbandoned).toBe(true);
    probes[0]!.tell(response(200));
    expect(stateOf()).toMatchObject({ reason: 'not asked yet' });
    clock.advance(600);
    probes[1]!.tell(response(200));
    expect(stateOf()).toMatchObject({ state: 'suspect', reason: 'OPTIONS: 200' });
  });

  test('end with the monitor', () => {
    const { clock, monitor, probes } = setUp();
    monitor.stop();
    clock.advance(60_000);
    expect(probes).toHaveLength(0);
    expect(clock.pending).toBe(0);
  });
});

describe('traffic', () => {
  test('all is well until something is wrong, and again when it is right', () => {
    const { clock, monitor, probes } = setUp();
    expect(monitor.isAllWell).toBe(true);
    monitor.onAttempt(target('a'), 'silent');
    expect(monitor.isAllWell).toBe(false);
    clock.advance(50);
    probes[0]!.tell(response(200));
    expect(monitor.isAllWell).toBe(true);
  });

  test('a suspicion is looked into at once', () => {
    const { clock, monitor, probes, rank } = setUp();
    clock.advance(1_000);
    probes[0]!.tell(response(200));
    monitor.onAttempt(target('a'), { code: 'closed', detail: 'reset' });
    expect(rank()).toBe(Rank.suspect);
    clock.advance(1);
    expect(probes).toHaveLength(2);
  });

  test('a refused request is enough; answered ones bring the target back', () => {
    const { monitor, rank, stateOf } = setUp();
    monitor.onAttempt(target('a'), refused);
    expect(rank()).toBe(Rank.down);
    monitor.onAttempt(target('a'), response(486));
    monitor.onAttempt(target('a'), response(200));
    expect(stateOf()).toMatchObject({ state: 'up', share: 0 });
  });

  test('a 503 with Retry-After puts it behind the others for so long, capped', () => {
    const { clock, monitor, rank, stateOf, events } = setUp(known('a'), unprobed);
    monitor.onAttempt(target('a'), response(503, 'Retry-After: 3600 (later);duration=9\r\n'));
    clock.advance(50);
    monitor.onAttempt(target('a'), response(200));
    expect(rank()).toBe(Rank.waiting);
    expect(stateOf()).toMatchObject({ state: 'up', waitsMs: 59_950 });
    expect(events).toContainEqual({ event: 'hop-waits', target: 'tcp:a:5060', hops: ['a'], forMs: 60_000 });
    clock.advance(59_950);
    expect(rank()).toBe(Rank.live);
  });

  test.each(['Retry-After: soon\r\n', 'Retry-After:\r\n', ''])('%j asks for no pause', (header) => {
    const { monitor, stateOf } = setUp();
    monitor.onAttempt(target('a'), response(503, header));
    expect(stateOf()).toMatchObject({ state: 'suspect', waitsMs: 0 });
  });

  test('to a target that nobody watches says nothing', () => {
    const { monitor } = setUp();
    monitor.onAttempt(target('192.0.2.99'), refused);
    expect(monitor.isAllWell).toBe(true);
    expect(monitor.rankOf(hop('a'), target('192.0.2.99'), 'x')).toBe(Rank.live);
  });

  test('a target that returns gains Call-IDs as its share grows, and loses none', () => {
    const { clock, monitor, rank } = setUp(known('a'), unprobed);
    monitor.onAttempt(target('a'), refused);
    for (let i = 0; i < 2; i++) monitor.onAttempt(target('a'), response(200));
    const calls = Array.from({ length: 1_000 }, (_, i) => `${i}-${i * 7919}@example.com`);
    const live = () => calls.filter((callId) => rank('a', callId) === Rank.live);
    expect(live()).toEqual([]);
    clock.advance(2_500);
    const quarter = live();
    expect(quarter.length / calls.length).toBeCloseTo(0.25, 1);
    clock.advance(2_500);
    const half = live();
    expect(half.length / calls.length).toBeCloseTo(0.5, 1);
    expect(quarter.filter((callId) => !half.includes(callId))).toEqual([]);
    clock.advance(5_000);
    expect(live()).toHaveLength(calls.length);
  });

  test('without probes, rest ends being down and being suspect', () => {
    const { clock, monitor, rank, stateOf, probes } = setUp(known('a', 'b'), unprobed);
    monitor.onAttempt(target('a'), refused);
    monitor.onAttempt(target('b'), 'silent');
    expect(stateOf()).toMatchObject({ state: 'down', nextCheckInMs: 10_000 });
    clock.advance(10_000);
    expect([rank('a'), rank('b')]).toEqual([Rank.returning, Rank.live]);
    clock.advance(10_000);
    expect(monitor.isAllWell).toBe(true);
    expect(probes).toEqual([]);
  });
});

describe('names', () => {
  test('a hop whose name has no address is down, says why, and is resolved again as soon as DNS answers', async () => {
    const { clock, monitor, addresses, events } = setUp([]);
    addresses.set('a', noName);
    monitor.watch(known('a'), settings);
    await settle();
    expect(monitor.view()[0]).toMatchObject({ state: 'down', unresolved: noName.detail, targets: [] });
    expect(monitor.isUnresolved(hop('a'))).toBe(true);
    expect(monitor.isAllWell).toBe(false);
    addresses.set('a', ['192.0.2.1']);
    clock.advance(1_000);
    expect(monitor.view()[0]).toMatchObject({ state: 'up', unresolved: undefined });
    expect(monitor.isAllWell).toBe(true);
    expect(events.map(({ event }) => event)).toEqual(['hop-unresolved', 'hop-resolved']);
  });

  test('a failure that a request meets counts too', () => {
    const { monitor } = setUp();
    monitor.onUnresolved(hop('a'), noName);
    monitor.onUnresolved(hop('somebody else'), noName);
    expect(monitor.view()).toMatchObject([{ id: 'a', unresolved: noName.detail }]);
  });

  test('an address that DNS no longer gives is watched no longer; a new one is', () => {
    const { clock, addresses, monitor, probes } = setUp();
    clock.advance(600);
    monitor.onAttempt(target('a'), refused);
    addresses.set('a', ['192.0.2.9']);
    clock.advance(2_000);
    expect(monitor.view()[0]!.targets.map(({ address }) => address)).toEqual(['tcp:192.0.2.9:5060']);
    expect(monitor.isAllWell).toBe(true);
    expect(probes.map(({ address, isAbandoned }) => [address, isAbandoned])).toEqual([
      ['a', true],
      ['192.0.2.9', false],
    ]);
  });
});

describe('what the operator says', () => {
  test.each([
    ['drained', Rank.drained],
    ['disabled', Rank.disabled],
    ['in-service', Rank.live],
  ] as const)('%s is kept apart from what is observed', (state, expected) => {
    const { monitor, rank, events } = setUp();
    monitor.setAdminState('a', state, 'maintenance');
    expect(rank()).toBe(expected);
    expect(monitor.view()[0]).toMatchObject({ state: 'up', admin: { state } });
    expect(events).toEqual([{ event: 'hop-admin', hop: 'a', to: state, reason: 'maintenance' }]);
  });

  test('it holds until the operator says otherwise, over a reload too', () => {
    const { monitor, rank } = setUp();
    monitor.setAdminState('a', 'drained', 'maintenance');
    monitor.watch(known('a'), settings);
    expect(rank()).toBe(Rank.drained);
    monitor.setAdminState('a', 'in-service', 'maintenance is over');
    expect(rank()).toBe(Rank.live);
    expect(monitor.isAllWell).toBe(true);
  });
});

describe('a reload', () => {
  test('keeps what was observed of hops that stay, forgets those that go', () => {
    const { monitor, rank } = setUp(known('a', 'b'));
    monitor.onAttempt(target('a'), refused);
    monitor.onAttempt(target('b'), refused);
    monitor.watch(known('a', 'c'), settings);
    expect(rank('a')).toBe(Rank.down);
    expect(monitor.view().map(({ id, state }) => [id, state])).toEqual([
      ['a', 'down'],
      ['c', 'up'],
    ]);
    monitor.watch(known('c'), settings);
    expect(monitor.isAllWell).toBe(true);
  });
});

test('every change of state is told once, with its reason', () => {
  const { monitor, events } = setUp();
  monitor.onAttempt(target('a'), 'silent');
  monitor.onAttempt(target('a'), 'silent');
  monitor.onAttempt(target('a'), 'silent');
  expect(events).toEqual([
    expect.objectContaining({ event: 'target-health', target: 'tcp:a:5060', hops: ['a'], from: 'up', to: 'suspect' }),
    expect.objectContaining({ from: 'suspect', to: 'down', reason: 'a request got no answer' }),
  ]);
});
