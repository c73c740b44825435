/** Non-INVITE server transaction: RFC 3261 §17.2.2 with the 100 of RFC 4320 §4.1. */
import {
  type Machine,
  passUp,
  type Step,
  sendResponse,
  sendTrying,
  startTimer,
  stay,
  stopTimer,
  terminate,
} from './machine.ts';
import { giveUpMs, type Timers, tryingDelayMs } from './timers.ts';

export interface NonInviteServerState {
  readonly name: 'Trying' | 'Proceeding' | 'Completed' | 'Terminated';
}

/** `send-final`: the transaction user responds; `request`: a retransmission; `abandon`: nothing will ever be answered (RFC 4320 §4.2). */
export type NonInviteServerEvent = 'request' | 'send-final' | 'timer-trying' | 'timer-J' | 'abandon';

const trying: NonInviteServerState = { name: 'Trying' };
const proceeding: NonInviteServerState = { name: 'Proceeding' };
const completed: NonInviteServerState = { name: 'Completed' };
const terminated: NonInviteServerState = { name: 'Terminated' };

export const createNonInviteServer = (
  timers: Timers,
  isReliable: boolean,
): Machine<NonInviteServerState, NonInviteServerEvent> => {
  type S = Step<NonInviteServerState>;
  // Timer J is zero on reliable transports: no retransmissions to absorb.
  const answered = isReliable ? [sendResponse, terminate] : [sendResponse, startTimer('J', giveUpMs(timers))];
  const next = isReliable ? terminated : completed;
  const firstFinal: S = { next, effects: [stopTimer('trying'), ...answered] };
  const finalAfterTrying: S = { next, effects: answered };
  const sayTrying: S = { next: proceeding, effects: [sendTrying] };
  const end: S = { next: terminated, effects: [terminate] };
  // Unanswered, but not forgotten: each retransmission would be a new request otherwise.
  const giveUp: S = isReliable
    ? end
    : { next: completed, effects: [stopTimer('trying'), startTimer('J', giveUpMs(timers))] };
  const answerAgain: S = { next: completed, effects: [sendResponse] };

  const inTrying = (state: NonInviteServerState, event: NonInviteServerEvent): S => {
    if (event === 'send-final') return firstFinal;
    if (event === 'timer-trying') return sayTrying;
    return event === 'abandon' ? giveUp : stay(state);
  };

  const inProceeding = (state: NonInviteServerState, event: NonInviteServerEvent): S => {
    if (event === 'send-final') return finalAfterTrying;
    if (event === 'request') return sayTrying;
    return event === 'abandon' ? giveUp : stay(state);
  };

  const inCompleted = (state: NonInviteServerState, event: NonInviteServerEvent): S => {
    if (event === 'request') return answerAgain;
    return event === 'timer-J' ? end : stay(state);
  };

  return {
    start: { next: trying, effects: [startTimer('trying', tryingDelayMs(timers)), passUp] },
    step(state, event) {
      switch (state.name) {
        case 'Trying':
          return inTrying(state, event);
        case 'Proceeding':
          return inProceeding(state, event);
        case 'Completed':
          return inCompleted(state, event);
        case 'Terminated':
          return stay(state);
      }
    },
  };
};
