/** What a worker knows of the hops: the picture that another thread sends, and what it tells that thread in turn. */
import { expect, test } from 'vitest';
import { Rank, unknownHealth } from '../../../src/health/hop-health.ts';
import { HopMirror, type HopReport } from '../../../src/health/hop-mirror.ts';
import { type HopPicture, targetKey } from '../../../src/health/hop-monitor.ts';
import type { NextHop } from '../../../src/routing/types.ts';
import type { Target } from '../../../src/sip/transport/flow.ts';
import { parseMessage, type SipResponse } from '../../../src/sip-parser/index.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const place = { transport: 'tcp', port: 5060, tlsName: undefined, tlsProfile: undefined } as const;
const hop: NextHop = { ...place, id: 'a', host: '192.0.2.1' };
const target: Target = { ...place, address: '192.0.2.1' };
const rules = { downAfter: 2, upAfter: 2, slowReturnMs: 0, retryAfterCapMs: 60_000, flapMemoryMs: 600_000 };
const well: HopPicture = { unwell: new Map(), admin: new Map(), unresolved: new Set(), rules };
const down: HopPicture = { ...well, unwell: new Map([[targetKey(target), { ...unknownHealth(0), state: 'down' }]]) };

const response = (status: number): SipResponse =>
  parseMessage(`SIP/2.0 ${status} Test\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n`) as SipResponse;

function setUp() {
  const reports: HopReport[] = [];
  const mirror = new HopMirror({
    clock: new ManualClock(),
    resolve: () => [target],
    report: (report) => reports.push(report),
  });
  return { mirror, reports };
}

test('before it is told anything, and when all is well, every target keeps its place', () => {
  const { mirror } = setUp();
  expect([mirror.isAllWell, mirror.rankOf(hop, target, 'x')]).toEqual([true, Rank.live]);
  mirror.show(well);
  expect([mirror.isAllWell, mirror.rankOf(hop, target, 'x')]).toEqual([true, Rank.live]);
});

test('what another thread has found down, drained, disabled or without address is so here', () => {
  const { mirror } = setUp();
  mirror.show(down);
  expect([mirror.isAllWell, mirror.rankOf(hop, target, 'x')]).toEqual([false, Rank.down]);
  mirror.show({ ...well, admin: new Map([['a', 'drained']]) });
  expect(mirror.rankOf(hop, target, 'x')).toBe(Rank.drained);
  mirror.show({ ...well, admin: new Map([['a', 'disabled']]) });
  expect(mirror.rankOf(hop, target, 'x')).toBe(Rank.disabled);
  mirror.show({ ...well, unresolved: new Set(['a']) });
  expect([mirror.isUnresolved(hop), mirror.isAllWell]).toEqual([true, false]);
});

test('bad signs are always reported, good ones only of a target that is not up', () => {
  const { mirror, reports } = setUp();
  mirror.show(well);
  mirror.onAttempt(target, response(200));
  expect(reports).toEqual([]);
  mirror.onAttempt(target, 'silent');
  mirror.onAttempt(target, response(503));
  expect(reports.map((report) => report.kind === 'sign' && report.sign.kind)).toEqual(['bad', 'bad']);
  mirror.show(down);
  mirror.onAttempt({ ...target, address: '192.0.2.2' }, response(200));
  mirror.onAttempt(target, response(200));
  expect(reports.at(-1)).toMatchObject({ kind: 'sign', key: targetKey(target), sign: { kind: 'good' } });
  expect(reports).toHaveLength(3);
});
