/** When the output of stream connections leaves: with the turn of the event loop, or with the read that caused it. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeEach, expect, test } from 'vitest';
import { WriteTurn } from '../../../../src/sip/transport/write-turn.ts';

let turn: WriteTurn;
let written: string[];

beforeEach(() => {
  turn = new WriteTurn();
  written = [];
});

const sendOn = (name: string): void => turn.add({ flush: () => void written.push(name) });

/** One read, which is answered on the connections of these names. */
const read = (...names: readonly string[]): void => {
  turn.beginRead();
  for (const name of names) sendOn(name);
  turn.endRead();
};

/** Turns with a single read each. */
const pass = async (turns: number): Promise<void> => {
  for (let passed = 0; passed < turns; passed += 1) {
    read('early');
    await nextTurn();
  }
  written = [];
};

test('what several reads of a turn send leaves at its end, in order', async () => {
  read('a', 'b');
  read('c');
  expect(written).toEqual([]);
  await nextTurn();
  expect(written).toEqual(['a', 'b', 'c']);
});

test('after a turn with a single read, what the next one sends leaves as soon as it ends', async () => {
  await pass(1);
  read('a', 'b');
  expect(written).toEqual(['a', 'b']);
});

test('what no read has caused leaves at the end of the turn all the same', async () => {
  await pass(10);
  sendOn('timer');
  expect(written).toEqual([]);
  await nextTurn();
  expect(written).toEqual(['timer']);
});

test('what was sent before a read in the same turn leaves with it at the end, in order', async () => {
  await pass(10);
  sendOn('timer');
  read('a');
  expect(written).toEqual([]);
  await nextTurn();
  expect(written).toEqual(['timer', 'a']);
});

test('of many reads in one turn no more than 32 are written on one by one, and those of the turns after it together', async () => {
  await pass(1_000);
  for (let number = 0; number < 40; number += 1) read(`${number}`);
  expect(written.length).toBeLessThanOrEqual(32);
  await nextTurn();
  expect(written).toEqual(Array.from({ length: 40 }, (_, number) => `${number}`));
  written = [];
  for (const name of ['a', 'b', 'c']) read(name);
  expect(written).toEqual([]);
  await nextTurn();
  expect(written).toEqual(['a', 'b', 'c']);
});
