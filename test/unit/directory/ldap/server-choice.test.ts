/** Which server of a source is tried, and when: a machine without clock and chance. */
import { describe, expect, test } from 'vitest';
import {
  type ChoiceEvent,
  candidates,
  initialChoice,
  isReturnDue,
  restMs,
  type ServerChoice,
  stepChoice,
  withoutRest,
} from '../../../../src/directory/ldap/server-choice.ts';

const settings = { returnAfterMs: 60_000 };

const failed = (server: number, nowMs: number, more: Partial<ChoiceEvent & { kind: 'failed' }> = {}): ChoiceEvent => ({
  kind: 'failed',
  server,
  nowMs,
  why: 'refused',
  isRefusal: false,
  spread: 1,
  ...more,
});
const succeeded = (server: number, nowMs: number): ChoiceEvent => ({ kind: 'succeeded', server, nowMs });

const reached = (count: number, ...events: readonly ChoiceEvent[]): ServerChoice =>
  events.reduce((choice, event) => stepChoice(choice, event, settings), initialChoice(count));

const credentialsRefused = (server: number, nowMs: number): ChoiceEvent => ({
  kind: 'credentials-refused',
  server,
  nowMs,
  why: 'the password is wrong',
  spread: 1,
});

describe('a name or password that is wrong', () => {
  test('is offered to one server, and to none for a minute; then to the next one', () => {
    const choice = reached(3, succeeded(0, 0), credentialsRefused(0, 1_000));
    expect(candidates(choice, 60_999, settings)).toEqual([]);
    expect(restMs(choice, 1_000)).toBe(60_000);
    expect(candidates(choice, 61_000, settings)[0]).toBe(1);
    expect(choice.servers.map(({ lastFailure }) => lastFailure)).toEqual([
      'the password is wrong',
      undefined,
      undefined,
    ]);
  });

  test('is offered less and less often, up to ten minutes, whichever server it was offered to', () => {
    let choice = reached(2, credentialsRefused(0, 0));
    const rests = [restMs(choice, 0)];
    for (const server of [1, 0, 1, 0]) {
      choice = stepChoice(choice, credentialsRefused(server, 0), settings);
      rests.push(restMs(choice, 0));
    }
    expect(rests).toEqual([60_000, 120_000, 240_000, 480_000, 600_000]);
  });

  test('is offered at once when an operator wants it, and then rests as long as it would have', () => {
    const choice = withoutRest(reached(2, credentialsRefused(0, 0)));
    expect([restMs(choice, 1_000), candidates(choice, 1_000, settings)]).toEqual([0, [1, 0]]);
    expect(restMs(stepChoice(choice, credentialsRefused(1, 1_000), settings), 1_000)).toBe(120_000);
  });

  test('that is right again is so for all', () => {
    const choice = reached(2, credentialsRefused(0, 0), succeeded(1, 60_000));
    expect(choice.inUse).toBe(1);
    expect(candidates(choice, 60_001, settings)).toEqual([0, 1]);
  });
});

describe('which server is tried', () => {
  test('one that bound us and then failed is behind the others, also when it has rested', () => {
    const choice = reached(3, succeeded(0, 0), failed(0, 100));
    expect(candidates(choice, 100_000, settings)).toEqual([1, 0, 2]);
  });

  test('at first all of them, as configured', () => {
    expect(candidates(initialChoice(3), 0, settings)).toEqual([0, 1, 2]);
  });

  test('the one in use stays the first choice as long as it works', () => {
    const choice = reached(3, succeeded(0, 0), succeeded(0, 1_000_000));
    expect(candidates(choice, 1_000_000, settings)).toEqual([0, 1, 2]);
  });

  test('one that failed rests, and the next is in use', () => {
    const choice = reached(3, succeeded(0, 0), failed(0, 100), succeeded(1, 110));
    expect(choice.inUse).toBe(1);
    expect(candidates(choice, 120, settings)).toEqual([1, 2]);
  });

  test('one that has rested is tried again, but behind the one in use: it must stay away for a while', () => {
    const choice = reached(2, failed(0, 0), succeeded(1, 10));
    expect(candidates(choice, 59_999, settings)).toEqual([1, 0]);
    expect(isReturnDue(choice, 59_999, settings)).toBe(false);
    expect(candidates(choice, 60_000, settings)).toEqual([0, 1]);
    expect(isReturnDue(choice, 60_000, settings)).toBe(true);
  });

  test('a worse server never takes over from a better one that works', () => {
    const choice = reached(3, failed(0, 0), succeeded(1, 10), succeeded(0, 70_000));
    expect(choice.inUse).toBe(0);
    expect(isReturnDue(choice, 10_000_000, settings)).toBe(false);
  });

  test('when all have failed, none is tried until the first has rested', () => {
    const choice = reached(2, failed(0, 0), failed(1, 100));
    expect(candidates(choice, 200, settings)).toEqual([]);
    expect(restMs(choice, 200)).toBe(50);
    expect(candidates(choice, 250, settings)).toEqual([0]);
  });
});

describe('how long a server rests', () => {
  const restAfter = (count: number, more: Partial<ChoiceEvent & { kind: 'failed' }> = {}): number => {
    const events = Array.from({ length: count }, () => failed(0, 0, more));
    return restMs(reached(1, ...events), 0);
  };

  test('twice as long with each failure, at most half a minute', () => {
    expect([1, 2, 3, 8, 50].map((count) => restAfter(count))).toEqual([250, 500, 1_000, 30_000, 30_000]);
  });

  test('by chance down to half of it, so that many routers do not come back in one moment', () => {
    expect([0, 0.5, 0.999].map((spread) => Math.round(restAfter(1, { spread })))).toEqual([125, 188, 250]);
  });

  test('a minute and more when it is our password that it refuses: attempts would lock the account', () => {
    expect([1, 2, 5, 50].map((count) => restAfter(count, { isRefusal: true }))).toEqual([
      60_000, 120_000, 600_000, 600_000,
    ]);
  });

  test('not at all once it has answered', () => {
    expect(restMs(reached(1, failed(0, 0), failed(0, 10), succeeded(0, 20)), 20)).toBe(0);
  });
});

describe('the return of a better server is damped', () => {
  /** Fails `soon` after its return, again and again; the other one serves meanwhile. */
  const flapping = (times: number): { choice: ServerChoice; failedAtMs: number } => {
    let choice = reached(2, succeeded(0, 0));
    let nowMs = 0;
    for (let time = 0; time < times; time += 1) {
      nowMs += 10_000;
      choice = stepChoice(choice, failed(0, nowMs), settings);
      choice = stepChoice(choice, succeeded(1, nowMs), settings);
      if (time < times - 1) {
        nowMs += 100_000_000;
        choice = stepChoice(choice, succeeded(0, nowMs), settings);
      }
    }
    return { choice, failedAtMs: nowMs };
  };

  test.each([
    [1, 120_000],
    [2, 240_000],
    [3, 480_000],
    [50, 1_920_000],
  ])('after %i falls soon after a success it stays away for %i ms', (times, awayMs) => {
    const { choice, failedAtMs } = flapping(times);
    expect(isReturnDue(choice, failedAtMs + awayMs - 1, settings)).toBe(false);
    expect(isReturnDue(choice, failedAtMs + awayMs, settings)).toBe(true);
  });

  test('and one that has held for that time is forgiven', () => {
    const { choice, failedAtMs } = flapping(3);
    const backAtMs = failedAtMs + 100_000_000;
    const held = [succeeded(0, backAtMs), failed(0, backAtMs + 60_000), succeeded(1, backAtMs + 60_000)];
    const forgiven = held.reduce((state, event) => stepChoice(state, event, settings), choice);
    expect(isReturnDue(forgiven, backAtMs + 120_000, settings)).toBe(true);
  });
});
