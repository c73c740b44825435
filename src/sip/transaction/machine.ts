/** The one shape of all transaction machines: `step(state, event) -> { next, effects }`, pure and without a clock. */

export type TimerName = 'A' | 'B' | 'C' | 'D' | 'E' | 'F' | 'G' | 'H' | 'I' | 'J' | 'K' | 'L' | 'M' | 'trying';

export type Effect =
  | { readonly do: 'send-request' }
  /** Send the latest response once more, or for the first time. */
  | { readonly do: 'send-response' }
  | { readonly do: 'send-trying' }
  | { readonly do: 'send-ack' }
  /** Hand the message of this event to the transaction user. */
  | { readonly do: 'pass-up' }
  | { readonly do: 'report-timeout' }
  | { readonly do: 'report-transport-error' }
  | { readonly do: 'start-timer'; readonly timer: TimerName; readonly ms: number }
  | { readonly do: 'stop-timer'; readonly timer: TimerName }
  | { readonly do: 'terminate' };

export interface Step<State> {
  readonly next: State;
  readonly effects: readonly Effect[];
}

export interface Machine<State, Event> {
  readonly start: Step<State>;
  step(state: State, event: Event): Step<State>;
}

export const sendRequest: Effect = { do: 'send-request' };
export const sendResponse: Effect = { do: 'send-response' };
export const sendTrying: Effect = { do: 'send-trying' };
export const sendAck: Effect = { do: 'send-ack' };
export const passUp: Effect = { do: 'pass-up' };
export const reportTimeout: Effect = { do: 'report-timeout' };
export const reportTransportError: Effect = { do: 'report-transport-error' };
export const terminate: Effect = { do: 'terminate' };
export const startTimer = (timer: TimerName, ms: number): Effect => ({ do: 'start-timer', timer, ms });
export const stopTimer = (timer: TimerName): Effect => ({ do: 'stop-timer', timer });

const nothing: readonly Effect[] = [];

/** The event means nothing in this state. */
export const stay = <State>(state: State): Step<State> => ({ next: state, effects: nothing });
