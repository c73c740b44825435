import { describe, expect, it } from 'vitest';
import {
  type ContextEffect,
  type ContextEvent,
  openContext,
  type ResponseContext,
  step,
} from '../../../src/proxy/response-context.ts';

const word = (effect: ContextEffect): string => {
  switch (effect.do) {
    case 'start-branch':
      return 'start';
    case 'cancel-branch':
      return `cancel ${effect.branch}`;
    case 'stop-repeating':
      return `hush ${effect.branch}`;
    case 'abandon-branch':
      return `abandon ${effect.branch}`;
    case 'forward-response':
      return `forward ${effect.branch}`;
    case 'answer':
      return effect.outcome === undefined ? 'answer none' : `answer ${effect.outcome.status} ${effect.outcome.origin}`;
    case 'start-timer':
      return `+${effect.timer} ${effect.branch}`;
    case 'stop-timer':
      return `-${effect.timer} ${effect.branch}`;
  }
};

const play = (start: ResponseContext, ...events: ContextEvent[]): { context: ResponseContext; told: string[] } => {
  let context = start;
  const told = events.map((event) => {
    const { next, effects } = step(context, event);
    context = next;
    return effects.map(word).join(' ');
  });
  return { context, told };
};

/** Only what leaves: no timers, and nothing of what is only given up. */
const visible = (told: readonly string[]): string[] =>
  told.map((line) =>
    line
      .replace(/[+-](failover|C|cancelled) \d+|abandon \d+|hush \d+/g, '')
      .replace(/ +/g, ' ')
      .trim(),
  );

const started = (hasMore = false): ContextEvent => ({ kind: 'started', hasMore });
const response = (branch: number, status: number, hasMore = false): ContextEvent => ({
  kind: 'response',
  branch,
  status,
  hasMore,
});
const timeout = (branch: number, hasMore = false): ContextEvent => ({ kind: 'timeout', branch, hasMore });
const dead = (branch: number, hasMore = false, mayAnswer = false): ContextEvent => ({
  kind: 'transport-error',
  branch,
  hasMore,
  mayAnswer,
});
const silent = (branch: number, hasMore = true): ContextEvent => ({ kind: 'no-answer', branch, hasMore });
const timerC = (branch: number): ContextEvent => ({ kind: 'timer-c', branch });
const cancel: ContextEvent = { kind: 'cancel' };

const invite = () => play(openContext(true), started(true)).context;
const message = () => play(openContext(false), started(true)).context;

describe('responses that leave at once (RFC 3261 §16.7 step 5)', () => {
  it.each([180, 181, 182, 183, 199])('a %i to INVITE MUST be forwarded immediately', (status) => {
    expect(visible(play(invite(), response(0, status)).told)).toEqual(['forward 0']);
  });
  it('a 100 MUST NOT be forwarded', () => {
    expect(visible(play(invite(), response(0, 100)).told)).toEqual(['']);
  });
  it('no provisional response to a non-INVITE is forwarded (RFC 4320 §4.1)', () => {
    expect(visible(play(message(), response(0, 180)).told)).toEqual(['']);
  });
  it('every 2xx to INVITE is forwarded, also a second one from a fork and its retransmission', () => {
    expect(visible(play(invite(), response(0, 200), response(0, 200)).told)).toEqual(['forward 0', 'forward 0']);
  });
  it('only the first final response to a non-INVITE is forwarded', () => {
    const left = play(message(), silent(0), started()).context;
    expect(visible(play(left, response(1, 200), response(0, 200)).told)).toEqual(['forward 1', '']);
  });
});

describe('the next hop (RFC 3261 §16.7, §16.9, RFC 3263 §4.3)', () => {
  it.each([
    ['503', response(0, 503, true)],
    ['a dead transport', dead(0, true)],
    ['Timer B or F', timeout(0, true)],
  ])('%s lets the next hop be tried', (_what, event) => {
    expect(visible(play(message(), event).told)).toEqual(['start']);
    expect(visible(play(invite(), event).told)).toEqual(['start']);
  });
  it.each([302, 401, 404, 480, 486, 500, 504, 600, 603])(
    "a %i is the callee's word: no other hop is tried",
    (status) => {
      expect(visible(play(message(), response(0, status, true)).told)).toEqual([`answer ${status} response`]);
    },
  );
  it('a 408 to a non-INVITE is as good as no answer, and never leaves (RFC 4320 §4.2); to an INVITE it is a final response', () => {
    expect(visible(play(message(), response(0, 408, true)).told)).toEqual(['start']);
    expect(visible(play(message(), response(0, 408)).told)).toEqual(['answer 408 timeout']);
    expect(visible(play(invite(), response(0, 408, true)).told)).toEqual(['answer 408 response']);
  });
  it('never after a provisional response above 100', () => {
    const ringing = play(invite(), response(0, 180, true)).context;
    expect(visible(play(ringing, response(0, 503, true)).told)).toEqual(['answer 503 response']);
    expect(visible(play(ringing, dead(0, true)).told)).toEqual(['']);
  });
  it('a hop that has said 100 keeps the INVITE when its connection ends, and has failover-after to answer on a new one', () => {
    const trying = play(invite(), response(0, 100, true)).context;
    const { context, told } = play(trying, dead(0, true, true));
    expect(told).toEqual(['+failover 0']);
    expect(visible(play(context, response(0, 200)).told)).toEqual(['forward 0']);
    expect(visible(play(context, silent(0), started(), response(0, 200)).told)).toEqual(['start', '', 'forward 0']);
    expect(play(trying, dead(0, false, true)).told, 'there is no other: it is waited for').toEqual(['']);
  });
  it('of a hop whose connection ended after its 100 and one that was asked meanwhile, the one that is not answered is cancelled', () => {
    const both = play(invite(), response(0, 100, true), dead(0, true, true), silent(0), started()).context;
    expect(visible(play(both, response(1, 100), response(1, 200)).told)).toEqual(['', 'forward 1 cancel 0']);
    expect(visible(play(both, response(1, 100), response(0, 200)).told)).toEqual(['', 'forward 0 cancel 1']);
  });
  it('an INVITE that had left when the connection ended goes to the next hop at once, and the first one may still answer', () => {
    const { context, told } = play(invite(), dead(0, true, true), started());
    expect(visible(told)).toEqual(['start', '']);
    expect(visible(play(context, response(0, 200)).told)).toEqual(['forward 0']);
    expect(visible(play(context, response(0, 180), response(0, 200)).told)).toEqual(['forward 0', 'forward 0']);
    expect(visible(play(context, timeout(0), response(1, 503)).told)).toEqual(['', 'answer 503 response']);
    expect(play(context, timeout(0)).told).toEqual(['abandon 0']);
  });
  it('a phone that rings at a hop that was lost is cancelled when the call has been answered or given up', () => {
    const gone = play(invite(), dead(0, false, true));
    expect(visible(gone.told)).toEqual(['answer 503 transport-error']);
    expect(visible(play(gone.context, response(0, 180), response(0, 487)).told)).toEqual(['cancel 0', '']);
    const cancelled = play(invite(), dead(0, true, true), started(), cancel).context;
    expect(visible(play(cancelled, response(0, 180)).told)).toEqual(['cancel 0']);
  });
  it('the end of a connection ends a non-INVITE, whatever provisional response came before (§17.1.2.2)', () => {
    const trying = play(message(), response(0, 100, true)).context;
    expect(visible(play(trying, dead(0, true)).told)).toEqual(['start']);
    const proceeding = play(message(), response(0, 180, true)).context;
    expect(visible(play(proceeding, dead(0, true)).told)).toEqual(['answer 503 transport-error']);
  });
  it('silence for failover-after starts the next hop, and a 100 before it does not', () => {
    expect(visible(play(invite(), silent(0)).told)).toEqual(['start']);
    expect(visible(play(invite(), response(0, 100), silent(0)).told)).toEqual(['', '']);
  });
  it('a hop that was left and rings after all is heard like any other (§16.7 step 5)', () => {
    const left = play(invite(), silent(0), started()).context;
    const { context, told } = play(left, response(0, 180), response(1, 503));
    expect(visible(told)).toEqual(['forward 0', '']);
    expect(visible(play(context, response(0, 200)).told)).toEqual(['forward 0']);
  });
  it('of two hops that ring, the one that is not answered is cancelled', () => {
    const both = play(invite(), silent(0), started(), response(0, 180), response(1, 180)).context;
    expect(visible(play(both, response(1, 200)).told)).toEqual(['forward 1 cancel 0']);
  });
  it('a 2xx of a hop that was left counts, and cancels the one asked in its place', () => {
    const left = play(invite(), silent(0), started(), response(1, 180)).context;
    expect(visible(play(left, response(0, 200)).told)).toEqual(['forward 0 cancel 1']);
  });
  it('when the last hop is dead, a hop that was left silent may still answer', () => {
    const left = play(message(), silent(0), started()).context;
    const { context, told } = play(left, dead(1));
    expect(visible(told)).toEqual(['']);
    expect(visible(play(context, response(0, 200)).told)).toEqual(['forward 0']);
    expect(visible(play(context, timeout(0)).told)).toEqual(['answer 503 transport-error']);
  });
});

describe('the best response (RFC 3261 §16.7 step 6)', () => {
  const afterFirst = (first: ContextEvent, second: ContextEvent, isInvite = true) =>
    visible(play(isInvite ? invite() : message(), first, started(), second).told).at(-1);

  it.each([
    ['the lower class', response(0, 503, true), response(1, 404), 'answer 404 response'],
    ['a 6xx', timeout(0, true), response(1, 603), 'answer 603 response'],
    ['the 408 of a silent hop before a 503', timeout(0, true), response(1, 503), 'answer 408 timeout'],
    ['a 503 that came before one that we made', dead(0, true), response(1, 503), 'answer 503 response'],
    ['a 302 before a 503', response(0, 503, true), response(1, 302), 'answer 302 response'],
  ])('prefers %s', (_what, first, second, expected) => {
    expect(afterFirst(first, second)).toBe(expected);
  });
  it('prefers anything to a 408 for a non-INVITE, which must not leave (RFC 4320 §4.2)', () => {
    expect(afterFirst(timeout(0, true), response(1, 503), false)).toBe('answer 503 response');
  });
  it('says so when no target was left at all', () => {
    expect(visible(play(openContext(false), { kind: 'exhausted' }).told)).toEqual(['answer none']);
  });
});

describe('CANCEL (RFC 3261 §9.1, §16.10)', () => {
  it('cancels a ringing branch at once, and relays its 487', () => {
    const ringing = play(invite(), response(0, 180)).context;
    expect(visible(play(ringing, cancel, response(0, 487)).told)).toEqual(['cancel 0', 'answer 487 response']);
  });
  it('MUST NOT send CANCEL before a provisional response; sends it after one', () => {
    expect(visible(play(invite(), cancel, response(0, 100)).told)).toEqual(['', 'cancel 0']);
  });
  it('tries no further hop after a CANCEL, and answers 487 when the branch stays silent', () => {
    expect(visible(play(invite(), cancel, timeout(0, true)).told)).toEqual(['', 'answer 487 timeout']);
  });
  it('has no effect on a non-INVITE (§9.1) or after the final response', () => {
    expect(visible(play(message(), cancel).told)).toEqual(['']);
    expect(visible(play(invite(), response(0, 486), cancel).told)).toEqual(['answer 486 response', '']);
  });
  it('sends the INVITE to no hop again that was left, but to one that is silent for a moment', () => {
    expect(play(invite(), cancel).told).toEqual(['']);
    const left = play(invite(), silent(0), started()).context;
    expect(play(left, cancel).told).toEqual(['hush 0']);
    expect(play(left, cancel, response(0, 180)).told[1]).toContain('cancel 0');
    expect(play(left, response(1, 200)).told).toEqual(['-failover 1 -C 1 forward 1 hush 0']);
    expect(play(left, response(1, 486)).told[0]).toMatch(/hush 0 answer 486/);
  });

  it('gives up a cancelled branch that never ends, after 64*T1', () => {
    const cancelled = play(invite(), response(0, 180), cancel).context;
    expect(visible(play(cancelled, timerC(0)).told)).toEqual(['answer 487 timeout']);
  });
});

describe('Timer C (RFC 3261 §16.8)', () => {
  it('is reset by each provisional response above 100, not by a 100', () => {
    expect(play(invite(), response(0, 180)).told).toEqual(['-failover 0 +C 0 forward 0']);
    expect(play(invite(), response(0, 100)).told).toEqual(['-failover 0']);
  });
  it('cancels a branch that rang, and answers 408', () => {
    const ringing = play(invite(), response(0, 180)).context;
    expect(visible(play(ringing, timerC(0), response(0, 487)).told)).toEqual(['cancel 0', 'answer 408 timeout']);
  });
  it('cancels a branch that said 100 and no more: that is a provisional response too', () => {
    const trying = play(invite(), response(0, 100)).context;
    expect(visible(play(trying, timerC(0), response(0, 487)).told)).toEqual(['cancel 0', 'answer 408 timeout']);
  });
  it('counts as a 408 for a branch that never said anything', () => {
    expect(visible(play(invite(), timerC(0)).told)).toEqual(['answer 408 timeout']);
  });
  it('gives up the client transaction of a branch that ends without a final response', () => {
    const cancelled = play(invite(), response(0, 180), timerC(0)).context;
    expect(play(cancelled, timerC(0)).told[0]).toContain('abandon 0');
    expect(play(invite(), dead(0)).told[0]).toContain('abandon 0');
    expect(play(invite(), response(0, 486)).told[0]).not.toContain('abandon');
  });
  it('is not started for anything but INVITE', () => {
    expect(play(openContext(false), started(false)).told).toEqual(['']);
  });
});
