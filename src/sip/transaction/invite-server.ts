/** INVITE server transaction: RFC 3261 §17.2.1 with the Accepted state of RFC 6026 §7.1. */
import {
  type Machine,
  passUp,
  reportTimeout,
  type Step,
  sendResponse,
  startTimer,
  stay,
  stopTimer,
  terminate,
} from './machine.ts';
import { doubledUpToT2, giveUpMs, type Timers } from './timers.ts';

export type InviteServerState =
  | { readonly name: 'Completed'; readonly timerGMs: number }
  | { readonly name: 'Proceeding' | 'Confirmed' | 'Accepted' | 'Terminated' };

/** `send-...`: the transaction user responds; `INVITE`: a retransmission came in. */
export type InviteServerEvent =
  | 'INVITE'
  | 'ACK'
  | 'send-1xx'
  | 'send-2xx'
  | 'send-300-699'
  | 'timer-G'
  | 'timer-H'
  | 'timer-I'
  | 'timer-L';

const proceeding: InviteServerState = { name: 'Proceeding' };
const confirmed: InviteServerState = { name: 'Confirmed' };
const accepted: InviteServerState = { name: 'Accepted' };
const terminated: InviteServerState = { name: 'Terminated' };

export const createInviteServer = (
  timers: Timers,
  isReliable: boolean,
): Machine<InviteServerState, InviteServerEvent> => {
  type S = Step<InviteServerState>;
  const completed = (timerGMs: number): InviteServerState => ({ name: 'Completed', timerGMs });
  const timerH = startTimer('H', giveUpMs(timers));

  const provisional: S = { next: proceeding, effects: [sendResponse] };
  const accept: S = { next: accepted, effects: [sendResponse, startTimer('L', giveUpMs(timers))] };
  const complete: S = {
    next: completed(timers.t1Ms),
    effects: isReliable ? [sendResponse, timerH] : [sendResponse, startTimer('G', timers.t1Ms), timerH],
  };
  // Timer I is zero on reliable transports: no ACK retransmissions to absorb.
  const confirm: S = isReliable
    ? { next: terminated, effects: [stopTimer('H'), terminate] }
    : { next: confirmed, effects: [stopTimer('G'), stopTimer('H'), startTimer('I', timers.t4Ms)] };
  const unconfirmed: S = { next: terminated, effects: [reportTimeout, terminate] };
  const end: S = { next: terminated, effects: [terminate] };
  const acceptAgain: S = { next: accepted, effects: [sendResponse] };
  const passAck: S = { next: accepted, effects: [passUp] };

  const inProceeding = (state: InviteServerState, event: InviteServerEvent): S => {
    switch (event) {
      case 'INVITE':
      case 'send-1xx':
        return provisional;
      case 'send-2xx':
        return accept;
      case 'send-300-699':
        return complete;
      default:
        return stay(state);
    }
  };

  const inCompleted = (state: InviteServerState & { name: 'Completed' }, event: InviteServerEvent): S => {
    switch (event) {
      case 'INVITE':
        return { next: state, effects: [sendResponse] };
      case 'ACK':
        return confirm;
      case 'timer-G': {
        const timerGMs = doubledUpToT2(state.timerGMs, timers);
        return { next: completed(timerGMs), effects: [sendResponse, startTimer('G', timerGMs)] };
      }
      case 'timer-H':
        return unconfirmed;
      default:
        return stay(state);
    }
  };

  // RFC 6026: 2xx retransmissions are the far user agent's business; ACKs and 2xx pass, INVITE retransmissions are absorbed.
  const inAccepted = (state: InviteServerState, event: InviteServerEvent): S => {
    if (event === 'send-2xx') return acceptAgain;
    if (event === 'ACK') return passAck;
    return event === 'timer-L' ? end : stay(state);
  };

  return {
    start: { next: proceeding, effects: [passUp] },
    step(state, event) {
      switch (state.name) {
        case 'Proceeding':
          return inProceeding(state, event);
        case 'Completed':
          return inCompleted(state, event);
        case 'Confirmed':
          return event === 'timer-I' ? end : stay(state);
        case 'Accepted':
          return inAccepted(state, event);
        case 'Terminated':
          return stay(state);
      }
    },
  };
};
