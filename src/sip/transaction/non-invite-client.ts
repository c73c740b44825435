/** Non-INVITE client transaction: RFC 3261 §17.1.2. */
import {
  type Machine,
  passUp,
  reportTimeout,
  reportTransportError,
  type Step,
  sendRequest,
  startTimer,
  stay,
  stopTimer,
  terminate,
} from './machine.ts';
import { doubledUpToT2, giveUpMs, type Timers } from './timers.ts';

export type NonInviteClientState =
  | { readonly name: 'Trying'; readonly timerEMs: number }
  | { readonly name: 'Proceeding' | 'Completed' | 'Terminated' };

export type NonInviteClientEvent = '1xx' | '200-699' | 'timer-E' | 'timer-F' | 'timer-K' | 'transport-error';

const proceeding: NonInviteClientState = { name: 'Proceeding' };
const completed: NonInviteClientState = { name: 'Completed' };
const terminated: NonInviteClientState = { name: 'Terminated' };

export const createNonInviteClient = (
  timers: Timers,
  isReliable: boolean,
): Machine<NonInviteClientState, NonInviteClientEvent> => {
  type S = Step<NonInviteClientState>;
  const trying = (timerEMs: number): NonInviteClientState => ({ name: 'Trying', timerEMs });

  // Timer K is zero on reliable transports: there can be no response retransmissions to absorb.
  const complete: S = isReliable
    ? { next: terminated, effects: [stopTimer('F'), passUp, terminate] }
    : { next: completed, effects: [stopTimer('E'), stopTimer('F'), passUp, startTimer('K', timers.t4Ms)] };
  const proceed: S = { next: proceeding, effects: [passUp] };
  const resendInProceeding: S = { next: proceeding, effects: [sendRequest, startTimer('E', timers.t2Ms)] };
  const timeout: S = { next: terminated, effects: [reportTimeout, terminate] };
  const fail: S = { next: terminated, effects: [reportTransportError, terminate] };
  const end: S = { next: terminated, effects: [terminate] };

  const whileUnanswered = (state: NonInviteClientState, event: NonInviteClientEvent): S => {
    switch (event) {
      case '1xx':
        return proceed;
      case '200-699':
        return complete;
      case 'timer-E': {
        if (state.name !== 'Trying') return resendInProceeding;
        const timerEMs = doubledUpToT2(state.timerEMs, timers);
        return { next: trying(timerEMs), effects: [sendRequest, startTimer('E', timerEMs)] };
      }
      case 'timer-F':
        return timeout;
      case 'transport-error':
        return fail;
      case 'timer-K':
        return stay(state);
    }
  };

  const timerF = startTimer('F', giveUpMs(timers));
  return {
    start: {
      next: trying(timers.t1Ms),
      effects: isReliable ? [sendRequest, timerF] : [sendRequest, startTimer('E', timers.t1Ms), timerF],
    },
    step(state, event) {
      switch (state.name) {
        case 'Trying':
        case 'Proceeding':
          return whileUnanswered(state, event);
        case 'Completed':
          return event === 'timer-K' ? end : stay(state);
        case 'Terminated':
          return stay(state);
      }
    },
  };
};
