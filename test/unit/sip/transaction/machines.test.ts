import { describe, expect, it } from 'vitest';
import { createInviteClient } from '../../../../src/sip/transaction/invite-client.ts';
import { createInviteServer } from '../../../../src/sip/transaction/invite-server.ts';
import type { Effect, Machine } from '../../../../src/sip/transaction/machine.ts';
import { createNonInviteClient } from '../../../../src/sip/transaction/non-invite-client.ts';
import { createNonInviteServer } from '../../../../src/sip/transaction/non-invite-server.ts';
import { rfcTimers, tryingDelayMs } from '../../../../src/sip/transaction/timers.ts';

const words = (effects: readonly Effect[]): string =>
  effects
    .map((effect) => {
      if (effect.do === 'start-timer') return `start ${effect.timer} ${effect.ms}`;
      return effect.do === 'stop-timer' ? `stop ${effect.timer}` : effect.do;
    })
    .join(', ');

/** Walks a machine through events and tells, for each, the state reached and the effects. */
const walk = <S extends { readonly name: string }, E>(machine: Machine<S, E>, events: readonly E[]): string[] => {
  let state = machine.start.next;
  return events.map((event) => {
    const { next, effects } = machine.step(state, event);
    state = next;
    return `${next.name}: ${words(effects)}`;
  });
};

describe('INVITE client transaction (RFC 3261 §17.1.1, RFC 6026 §7.2)', () => {
  const udp = createInviteClient(rfcTimers, false);
  const tcp = createInviteClient(rfcTimers, true);

  it('starts Timer A only on unreliable transports, and Timer B at 64*T1 always', () => {
    expect(words(udp.start.effects)).toBe('send-request, start A 500, start B 32000');
    expect(words(tcp.start.effects)).toBe('send-request, start B 32000');
  });
  it('MUST double Timer A with every retransmission, without a ceiling', () => {
    expect(walk(udp, ['timer-A', 'timer-A', 'timer-A', 'timer-A'])).toEqual([
      'Calling: send-request, start A 1000',
      'Calling: send-request, start A 2000',
      'Calling: send-request, start A 4000',
      'Calling: send-request, start A 8000',
    ]);
  });
  it('stops retransmitting after a provisional response and passes each one up', () => {
    expect(walk(udp, ['1xx', '1xx', 'timer-A', 'timer-B'])).toEqual([
      'Proceeding: stop A, stop B, pass-up',
      'Proceeding: pass-up',
      'Proceeding: ',
      'Proceeding: ',
    ]);
  });
  it('MUST acknowledge a 300-699 and each of its retransmissions, and pass up only the first', () => {
    expect(walk(udp, ['300-699', '300-699', '2xx', 'timer-D'])).toEqual([
      'Completed: stop A, stop B, pass-up, send-ack, start D 32000',
      'Completed: send-ack',
      'Completed: ',
      'Terminated: terminate',
    ]);
    expect(walk(tcp, ['300-699'])).toEqual(['Terminated: stop B, pass-up, send-ack, terminate']);
  });
  it('stays Accepted for 64*T1 after a 2xx and passes up every further 2xx (RFC 6026)', () => {
    expect(walk(tcp, ['2xx', '2xx', '300-699', 'timer-M'])).toEqual([
      'Accepted: stop B, pass-up, start M 32000',
      'Accepted: pass-up',
      'Accepted: ',
      'Terminated: terminate',
    ]);
  });
  it('reports a timeout when Timer B fires, and a dead transport at once', () => {
    expect(walk(tcp, ['timer-B'])).toEqual(['Terminated: report-timeout, terminate']);
    expect(walk(tcp, ['transport-error'])).toEqual(['Terminated: report-transport-error, terminate']);
  });
  it('goes on until Timer B when the connection ends by which the INVITE had left: its hop may have it', () => {
    expect(walk(tcp, ['connection-lost', '1xx', '2xx'])).toEqual([
      'Calling: report-transport-error',
      'Proceeding: stop B, pass-up',
      'Accepted: stop B, pass-up, start M 32000',
    ]);
    expect(walk(tcp, ['connection-lost', 'timer-B'])).toEqual([
      'Calling: report-transport-error',
      'Terminated: report-timeout, terminate',
    ]);
  });
  it.each(['transport-error', 'connection-lost'] as const)(
    'goes on after a %s once it was answered: the final response may come on a new connection',
    (event) => {
      expect(walk(tcp, ['1xx', event, '2xx'])).toEqual([
        'Proceeding: stop B, pass-up',
        'Proceeding: report-transport-error',
        'Accepted: stop B, pass-up, start M 32000',
      ]);
    },
  );
});

describe('non-INVITE client transaction (RFC 3261 §17.1.2)', () => {
  const udp = createNonInviteClient(rfcTimers, false);
  const tcp = createNonInviteClient(rfcTimers, true);

  it('doubles Timer E up to T2', () => {
    expect(walk(udp, ['timer-E', 'timer-E', 'timer-E', 'timer-E'])).toEqual([
      'Trying: send-request, start E 1000',
      'Trying: send-request, start E 2000',
      'Trying: send-request, start E 4000',
      'Trying: send-request, start E 4000',
    ]);
  });
  it('retransmits every T2 after a provisional response', () => {
    expect(walk(udp, ['1xx', 'timer-E', 'timer-F'])).toEqual([
      'Proceeding: pass-up',
      'Proceeding: send-request, start E 4000',
      'Terminated: report-timeout, terminate',
    ]);
  });
  it('absorbs response retransmissions for T4 on unreliable transports, and ends at once on reliable ones', () => {
    expect(walk(udp, ['200-699', '200-699', 'timer-K'])).toEqual([
      'Completed: stop E, stop F, pass-up, start K 5000',
      'Completed: ',
      'Terminated: terminate',
    ]);
    expect(walk(tcp, ['200-699'])).toEqual(['Terminated: stop F, pass-up, terminate']);
  });
  it('never retransmits on reliable transports', () => {
    expect(words(tcp.start.effects)).toBe('send-request, start F 32000');
  });
});

describe('INVITE server transaction (RFC 3261 §17.2.1, RFC 6026 §7.1)', () => {
  const udp = createInviteServer(rfcTimers, false);
  const tcp = createInviteServer(rfcTimers, true);

  it('answers a retransmitted INVITE with the latest provisional response', () => {
    expect(walk(udp, ['send-1xx', 'INVITE'])).toEqual(['Proceeding: send-response', 'Proceeding: send-response']);
  });
  it('repeats a 300-699 by Timer G up to T2 until the ACK, then absorbs ACKs for T4', () => {
    expect(walk(udp, ['send-300-699', 'timer-G', 'timer-G', 'timer-G', 'timer-G', 'ACK', 'ACK', 'timer-I'])).toEqual([
      'Completed: send-response, start G 500, start H 32000',
      'Completed: send-response, start G 1000',
      'Completed: send-response, start G 2000',
      'Completed: send-response, start G 4000',
      'Completed: send-response, start G 4000',
      'Confirmed: stop G, stop H, start I 5000',
      'Confirmed: ',
      'Terminated: terminate',
    ]);
  });
  it('ends with the ACK on reliable transports, where Timer I is zero', () => {
    expect(walk(tcp, ['send-300-699', 'ACK'])).toEqual([
      'Completed: send-response, start H 32000',
      'Terminated: stop H, terminate',
    ]);
  });
  it('reports that no ACK came when Timer H fires', () => {
    expect(walk(tcp, ['send-300-699', 'timer-H'])).toEqual([
      'Completed: send-response, start H 32000',
      'Terminated: report-timeout, terminate',
    ]);
  });
  it('absorbs INVITE retransmissions after a 2xx, and lets further 2xx and ACKs pass (RFC 6026)', () => {
    expect(walk(udp, ['send-2xx', 'INVITE', 'send-2xx', 'ACK', 'send-300-699', 'timer-L'])).toEqual([
      'Accepted: send-response, start L 32000',
      'Accepted: ',
      'Accepted: send-response',
      'Accepted: pass-up',
      'Accepted: ',
      'Terminated: terminate',
    ]);
  });
});

describe('non-INVITE server transaction (RFC 3261 §17.2.2, RFC 4320)', () => {
  const udp = createNonInviteServer(rfcTimers, false);
  const tcp = createNonInviteServer(rfcTimers, true);

  it("says 100 no earlier than a client's Timer E is reset to T2, and then always (RFC 4320 §4.1)", () => {
    expect(tryingDelayMs(rfcTimers)).toBe(3500);
    expect(words(udp.start.effects)).toBe('start trying 3500, pass-up');
    expect(walk(udp, ['request', 'timer-trying', 'request'])).toEqual([
      'Trying: ',
      'Proceeding: send-trying',
      'Proceeding: send-trying',
    ]);
  });
  it('answers each retransmission with the same final response for 64*T1', () => {
    expect(walk(udp, ['send-final', 'request', 'send-final', 'timer-J'])).toEqual([
      'Completed: stop trying, send-response, start J 32000',
      'Completed: send-response',
      'Completed: ',
      'Terminated: terminate',
    ]);
  });
  it('ends with its answer on reliable transports, where Timer J is zero', () => {
    expect(walk(tcp, ['send-final'])).toEqual(['Terminated: stop trying, send-response, terminate']);
  });
  it('given up over UDP, absorbs retransmissions without a word for 64*T1 (RFC 4320 §4.2)', () => {
    expect(walk(udp, ['abandon', 'request', 'timer-J'])).toEqual([
      'Completed: stop trying, start J 32000',
      'Completed: send-response',
      'Terminated: terminate',
    ]);
  });
  it('can end without any answer (RFC 4320 §4.2: no 408)', () => {
    expect(walk(tcp, ['timer-trying', 'abandon'])).toEqual(['Proceeding: send-trying', 'Terminated: terminate']);
  });
});

describe('two futures from one state value', () => {
  it('a ringing INVITE may be accepted or refused, and neither changes the other', () => {
    const machine = createInviteClient(rfcTimers, true);
    const ringing = machine.step(machine.start.next, '1xx').next;
    expect(machine.step(ringing, '2xx').next.name).toBe('Accepted');
    expect(machine.step(ringing, '300-699').next.name).toBe('Terminated');
    expect(ringing.name).toBe('Proceeding');
  });
});
