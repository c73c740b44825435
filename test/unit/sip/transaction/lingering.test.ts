/** What is left of answered transactions, row by row. */
import { afterAll, expect, test } from 'vitest';
import { Lingering } from '../../../../src/sip/transaction/lingering.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { closeTransports, flowTo, openTransports } from '../../../support/open-transports.ts';

const { layer } = await openTransports({ listen: [{ transport: 'udp', address: '127.0.150.1' }] });
const flow = flowTo(layer, { transport: 'udp', address: '127.0.150.2', port: 5060 });
const otherFlow = flowTo(layer, { transport: 'udp', address: '127.0.150.3', port: 5060 });
afterAll(closeTransports);

const keyOf = (number: number): string => `z9hG4bK${number} INVITE client.example.com:5060`;

test('each is found until its own time has passed, however many there are meanwhile', () => {
  const clock = new ManualClock();
  const left = new Lingering<number>(clock);
  for (let number = 0; number < 5_000; number += 1) {
    const by = number % 2 === 0 ? flow : otherFlow;
    left.add(keyOf(number), 1_000, { flow: by, user: number, text: `answer ${number}` }, by.account);
    clock.advance(1);
    expect(left.find(keyOf(number - 1_000))).toBeUndefined();
    const oldest = Math.max(0, number - 998);
    expect(left.find(keyOf(oldest))).toEqual({
      flow: oldest % 2 === 0 ? flow : otherFlow,
      user: oldest,
      text: `answer ${oldest}`,
    });
    expect(left.size).toBe(Math.min(number + 1, 999));
  }
  clock.advance(1_000);
  expect(left.size).toBe(0);
  expect(clock.pending).toBe(0);
});

test('texts of any octets and any length come back as they were', () => {
  const clock = new ManualClock();
  const left = new Lingering<undefined>(clock);
  const octets = String.fromCharCode(...Array.from({ length: 256 }, (_, octet) => octet));
  const lengths = [0, 1, 2 ** 20 - 5, 2 ** 20 - 4, 2 ** 20 - 3, 3 * 2 ** 20, 65_536, 700_000, 700_000, 0];
  const texts = lengths.map((length, index) => `${index}${octets}`.repeat(length / 257 + 1).slice(0, length));
  for (let round = 0; round < 3; round += 1) {
    for (const [index, text] of texts.entries())
      left.add(`${keyOf(index)} ${text}`, 1_000, { flow, user: undefined, text }, flow.account);
    for (const [index, text] of texts.entries()) {
      const found = left.find(`${keyOf(index)} ${text}`);
      expect(found?.text === text, `round ${round}, length ${text.length}`).toBe(true);
    }
    clock.advance(1_000);
    expect(left.size).toBe(0);
  }
});

test('one that was added for a shorter time stays as long as those before it', () => {
  const clock = new ManualClock();
  const left = new Lingering<undefined>(clock);
  const remains = { flow, user: undefined, text: '' };
  left.add('long', 32_000, remains, flow.account);
  left.add('short', 6_400, remains, flow.account);
  clock.advance(31_999);
  expect(left.find('short')).toEqual(remains);
  clock.advance(1);
  expect(left.find('long')).toBeUndefined();
  expect(left.find('short')).toBeUndefined();
});

test('what is kept is charged to whom it is kept for, whatever flow it came or went by, until it is forgotten', () => {
  const clock = new ManualClock();
  const left = new Lingering<undefined>(clock);
  const [hop, asker] = [flow.account, otherFlow.account];
  for (let number = 0; number < 600; number += 1) {
    left.add(keyOf(number), 1_000, { flow, user: undefined, text: 'n'.repeat(1_000) }, asker);
  }
  expect(hop.octets).toBe(0);
  expect(asker.octets).toBeGreaterThan(600 * 1_000);
  clock.advance(1_000);
  expect([hop.octets, asker.octets]).toEqual([0, 0]);
});
