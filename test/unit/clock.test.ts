/** The timer wheel on faked system time, and the manual clock that other tests stand on. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createTimerWheel, type TimerWheel } from '../../src/clock.ts';
import { ManualClock } from '../support/manual-clock.ts';

describe('timer wheel', () => {
  let wheel: TimerWheel;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout', 'setImmediate'] });
    vi.advanceTimersByTime(17);
    wheel = createTimerWheel();
  });

  afterEach(() => {
    wheel.close();
    vi.useRealTimers();
  });

  test.each([0, 1, 49, 50, 51, 500, 4_000, 32_000, 180_000])(
    'a timer of %i ms fires once, never early and at most two ticks late',
    (ms) => {
      const fired: number[] = [];
      const start = wheel.now();
      wheel.after(ms, () => fired.push(wheel.now() - start));
      vi.advanceTimersByTime(ms + 200_000);
      expect(fired).toHaveLength(1);
      expect(fired[0]).toBeGreaterThanOrEqual(ms);
      expect(fired[0]).toBeLessThanOrEqual(ms + 100);
    },
  );

  test('a cancelled timer does not fire, and cancelling again or after firing is harmless', () => {
    const run = vi.fn();
    const cancelled = wheel.after(100, run);
    const kept = wheel.after(100, run);
    cancelled.cancel();
    cancelled.cancel();
    vi.advanceTimersByTime(1_000);
    kept.cancel();
    expect(run).toHaveBeenCalledTimes(1);
  });

  test('a timer may cancel another one that is due in the same tick', () => {
    const run = vi.fn();
    wheel.after(100, () => other.cancel());
    const other = wheel.after(100, run);
    vi.advanceTimersByTime(1_000);
    expect(run).not.toHaveBeenCalled();
  });

  test('a timer that starts another one with 0 ms does not keep the tick from ending', () => {
    let turns = 0;
    const again = () => {
      turns += 1;
      wheel.after(0, again);
    };
    wheel.after(0, again);
    vi.advanceTimersByTime(500);
    expect(turns).toBeGreaterThan(2);
    expect(turns).toBeLessThanOrEqual(10);
  });

  test('the process is not woken while nothing is armed', () => {
    expect(vi.getTimerCount()).toBe(0);
    wheel.after(10, () => undefined);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(1_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('until a timer is due the process is woken once for each round of the wheel', () => {
    const run = vi.fn();
    wheel.after(60_000, run);
    wheel.after(100, () => undefined);
    vi.advanceTimersByTime(200);
    let wakeUps = 0;
    for (; vi.getTimerCount() > 0; wakeUps += 1) vi.advanceTimersToNextTimer();
    expect(run).toHaveBeenCalledTimes(1);
    // After 8.8, 34.4 and 60 s, and once to run it.
    expect(wakeUps).toBe(4);
  });

  test('a timer that is due before the one that the wheel waits for is not late', () => {
    const run = vi.fn();
    wheel.after(60_000, () => undefined);
    vi.advanceTimersByTime(10_000);
    wheel.after(500, run);
    vi.advanceTimersByTime(499);
    expect(run).not.toHaveBeenCalled();
    vi.advanceTimersByTime(101);
    expect(run).toHaveBeenCalledTimes(1);
  });

  test('timers armed after a pause of the wheel keep their time', () => {
    wheel.after(10, () => undefined);
    vi.advanceTimersByTime(100_000);
    const run = vi.fn();
    wheel.after(1_000, run);
    vi.advanceTimersByTime(999);
    expect(run).not.toHaveBeenCalled();
    vi.advanceTimersByTime(101);
    expect(run).toHaveBeenCalledTimes(1);
  });

  test('after a stall longer than the wheel every overdue timer fires', () => {
    const run = vi.fn();
    for (const ms of [100, 10_000, 30_000, 59_000]) wheel.after(ms, run);
    const realNow = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => realNow() + 60_000);
    vi.advanceTimersByTime(150);
    expect(run).toHaveBeenCalledTimes(4);
  });

  test('a timer that throws takes no other with it', () => {
    const run = vi.fn();
    wheel.after(100, () => {
      throw new Error('bug');
    });
    wheel.after(100, run);
    expect(() => vi.advanceTimersByTime(150)).toThrow('bug');
    vi.advanceTimersByTime(50);
    expect(run).toHaveBeenCalledTimes(1);
  });

  test('close forgets all timers', () => {
    const run = vi.fn();
    wheel.after(100, run);
    wheel.close();
    vi.advanceTimersByTime(1_000);
    expect(run).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });
});

test('what came during a stall of the process is heard before a timer says that nothing came', async () => {
  const wheel = createTimerWheel();
  const [ear, mouth] = [createSocket('udp4'), createSocket('udp4')];
  ear.bind(0, '127.0.0.1');
  await once(ear, 'listening');
  mouth.connect(ear.address().port, '127.0.0.1');
  await once(mouth, 'connect');
  const seen: string[] = [];
  ear.on('message', () => seen.push('message'));
  await new Promise<void>((resolve) => {
    wheel.after(100, () => {
      seen.push('timer');
      resolve();
    });
    setImmediate(() => {
      mouth.send('answer');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
    });
  });
  expect(seen).toEqual(['message', 'timer']);
  wheel.close();
  for (const socket of [ear, mouth]) await new Promise<void>((resolve) => socket.close(() => resolve()));
});

describe('manual clock', () => {
  test('timers run at their own moments, in order', () => {
    const clock = new ManualClock();
    const seen: [string, number][] = [];
    clock.after(20, () => seen.push(['b', clock.now()]));
    clock.after(10, () => {
      seen.push(['a', clock.now()]);
      clock.after(10, () => seen.push(['c', clock.now()]));
    });
    clock.after(31, () => seen.push(['late', clock.now()]));
    clock.advance(30);
    expect(seen).toEqual([
      ['a', 10],
      ['b', 20],
      ['c', 20],
    ]);
    expect(clock.now()).toBe(30);
    expect(clock.pending).toBe(1);
  });

  test('a cancelled timer does not run', () => {
    const clock = new ManualClock();
    const run = vi.fn();
    clock.after(10, run).cancel();
    clock.advance(20);
    expect(run).not.toHaveBeenCalled();
  });
});

test('what fell due during a stall is waited for no negative time, of which Node would warn', async () => {
  const waits = vi.spyOn(globalThis, 'setTimeout');
  const wheel = createTimerWheel();
  await new Promise<void>((resolve) => {
    wheel.after(50, () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300));
    wheel.after(200, resolve);
  });
  const delays = waits.mock.calls.map(([, ms]) => ms);
  waits.mockRestore();
  wheel.close();
  expect(delays.length).toBeGreaterThan(1);
  expect(delays.filter((ms) => ms === undefined || ms < 1)).toEqual([]);
});
