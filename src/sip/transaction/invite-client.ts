/** INVITE client transaction: RFC 3261 §17.1.1 with the Accepted state of RFC 6026 §7.2. */
import {
  type Machine,
  passUp,
  reportTimeout,
  reportTransportError,
  type Step,
  sendAck,
  sendRequest,
  startTimer,
  stay,
  stopTimer,
  terminate,
} from './machine.ts';
import { giveUpMs, type Timers, timerDMs } from './timers.ts';

export type InviteClientState =
  | { readonly name: 'Calling'; readonly timerAMs: number }
  | { readonly name: 'Proceeding' | 'Completed' | 'Accepted' | 'Terminated' };

export type InviteClientEvent =
  | '1xx'
  | '2xx'
  | '300-699'
  | 'timer-A'
  | 'timer-B'
  | 'timer-D'
  | 'timer-M'
  | 'transport-error'
  /** The connection has ended by which the request had left: its peer may have it. */
  | 'connection-lost';

const proceeding: InviteClientState = { name: 'Proceeding' };
const completed: InviteClientState = { name: 'Completed' };
const accepted: InviteClientState = { name: 'Accepted' };
const terminated: InviteClientState = { name: 'Terminated' };

export const createInviteClient = (
  timers: Timers,
  isReliable: boolean,
): Machine<InviteClientState, InviteClientEvent> => {
  type S = Step<InviteClientState>;
  const quiet = isReliable ? [stopTimer('B')] : [stopTimer('A'), stopTimer('B')];
  const calling = (timerAMs: number): InviteClientState => ({ name: 'Calling', timerAMs });

  // Timer D is zero on reliable transports: the transaction ends with its ACK.
  const complete: S = isReliable
    ? { next: terminated, effects: [...quiet, passUp, sendAck, terminate] }
    : { next: completed, effects: [...quiet, passUp, sendAck, startTimer('D', timerDMs(timers))] };
  const accept: S = { next: accepted, effects: [...quiet, passUp, startTimer('M', giveUpMs(timers))] };
  const proceed: S = { next: proceeding, effects: [...quiet, passUp] };
  const timeout: S = { next: terminated, effects: [reportTimeout, terminate] };
  const fail: S = { next: terminated, effects: [reportTransportError, terminate] };
  const end: S = { next: terminated, effects: [terminate] };
  const passProvisional: S = { next: proceeding, effects: [passUp] };
  // A broken connection does not undo an INVITE that has arrived: its responses may come on a new one (RFC 3261 §18.2.2).
  const report = (next: InviteClientState): S => ({ next, effects: [reportTransportError] });
  const reportWhileProceeding = report(proceeding);
  const acknowledgeAgain: S = { next: completed, effects: [sendAck] };
  const passAgain: S = { next: accepted, effects: [passUp] };

  const inCalling = (state: InviteClientState & { name: 'Calling' }, event: InviteClientEvent): S => {
    switch (event) {
      case '1xx':
        return proceed;
      case '2xx':
        return accept;
      case '300-699':
        return complete;
      case 'timer-A': {
        const timerAMs = 2 * state.timerAMs;
        return { next: calling(timerAMs), effects: [sendRequest, startTimer('A', timerAMs)] };
      }
      case 'timer-B':
        return timeout;
      case 'transport-error':
        return fail;
      case 'connection-lost':
        return report(state);
      case 'timer-D':
      case 'timer-M':
        return stay(state);
    }
  };

  const inProceeding = (state: InviteClientState, event: InviteClientEvent): S => {
    if (event === '1xx') return passProvisional;
    if (event === '2xx') return accept;
    if (event === '300-699') return complete;
    return event === 'transport-error' || event === 'connection-lost' ? reportWhileProceeding : stay(state);
  };

  const inCompleted = (state: InviteClientState, event: InviteClientEvent): S => {
    if (event === '300-699') return acknowledgeAgain;
    return event === 'timer-D' || event === 'transport-error' ? end : stay(state);
  };

  const inAccepted = (state: InviteClientState, event: InviteClientEvent): S => {
    if (event === '2xx') return passAgain;
    return event === 'timer-M' ? end : stay(state);
  };

  const timerB = startTimer('B', giveUpMs(timers));
  return {
    start: {
      next: calling(timers.t1Ms),
      effects: isReliable ? [sendRequest, timerB] : [sendRequest, startTimer('A', timers.t1Ms), timerB],
    },
    step(state, event) {
      switch (state.name) {
        case 'Calling':
          return inCalling(state, event);
        case 'Proceeding':
          return inProceeding(state, event);
        case 'Completed':
          return inCompleted(state, event);
        case 'Accepted':
          return inAccepted(state, event);
        case 'Terminated':
          return stay(state);
      }
    },
  };
};
