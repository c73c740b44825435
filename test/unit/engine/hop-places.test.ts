/** Which next hops stand at an address: by what DNS has said within the hour, and by what has been proved there. */
import { expect, test } from 'vitest';
import { HopPlaces } from '../../../src/engine/hop-places.ts';
import type { Transport } from '../../../src/net/ports.ts';
import type { HopTransport, NextHop } from '../../../src/routing/types.ts';
import type { Target } from '../../../src/sip/transport/flow.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const hopOf = (host: string, transport: HopTransport = 'tcp'): NextHop => ({
  id: `cisco ${host}`,
  transport,
  host,
  port: 5060,
  tlsName: undefined,
  tlsProfile: undefined,
});

const targetAt = (address: string, transport: Transport = 'tcp', tlsName?: string): Target => ({
  transport,
  address,
  port: 5060,
  tlsName,
  tlsProfile: undefined,
});

const hour = 3_600_000;

test('what a name has stood for is known for an hour after it was seen last', () => {
  const clock = new ManualClock();
  const places = new HopPlaces(clock);
  const idsAt = (address: string) => places.hopsAt(address).map(({ hopId }) => hopId);
  places.learn(hopOf('imp1.example.com'), [targetAt('192.0.2.5'), targetAt('2001:db8::5')]);
  expect(idsAt('192.0.2.5')).toEqual(['cisco imp1.example.com']);
  expect(idsAt('2001:DB8:0::5')).toEqual(['cisco imp1.example.com']);
  expect(idsAt('::ffff:192.0.2.5')).toEqual(['cisco imp1.example.com']);
  expect(idsAt('192.0.2.6')).toEqual([]);
  clock.advance(hour / 2);
  places.learn(hopOf('imp1.example.com'), [targetAt('192.0.2.6')]);
  clock.advance(hour / 2);
  expect([idsAt('192.0.2.5'), idsAt('192.0.2.6')]).toEqual([['cisco imp1.example.com'], ['cisco imp1.example.com']]);
  clock.advance(1);
  expect([idsAt('192.0.2.5'), idsAt('192.0.2.6')]).toEqual([[], ['cisco imp1.example.com']]);
});

test('a hop that is an address itself stands nowhere else', () => {
  const places = new HopPlaces(new ManualClock());
  places.learn(hopOf('192.0.2.5'), [targetAt('192.0.2.5')]);
  expect(places.hopsAt('192.0.2.5')).toEqual([]);
});

test.each([
  ['imp1.example.com', true],
  ['*.example.com', true],
  ['imp2.example.com', false],
  ['*.com', false],
])('with a proof of %s the name of the hop is proved there: %s', (name, isProved) => {
  const clock = new ManualClock();
  const places = new HopPlaces(clock);
  places.learn(hopOf('imp1.example.com', 'tls'), [targetAt('192.0.2.5', 'tls', 'imp1.example.com')]);
  const hasProved = () => places.hopsAt('192.0.2.5').map(({ hasProvedName }) => hasProvedName);
  expect(hasProved()).toEqual([false]);
  places.prove({ address: '192.0.2.9', names: ['imp1.example.com'] });
  expect(hasProved()).toEqual([false]);
  places.prove({ address: '192.0.2.5', names: ['other.example.net', name] });
  expect(hasProved()).toEqual([isProved]);
  clock.advance(hour + 1);
  places.learn(hopOf('imp1.example.com', 'tls'), [targetAt('192.0.2.5', 'tls', 'imp1.example.com')]);
  expect(hasProved()).toEqual([false]);
});

test('a proof is news once a minute', () => {
  const clock = new ManualClock();
  const places = new HopPlaces(clock);
  const proof = { address: '192.0.2.5', names: ['imp1.example.com'] };
  expect([places.prove(proof), places.prove(proof)]).toEqual([true, false]);
  clock.advance(60_000);
  expect(places.prove(proof)).toBe(true);
});
