/** One client transaction alive: its machine's state, its timers and the request that it sent. */

import type { Clock } from '../../clock.ts';
import type { SipResponse } from '../../sip-parser/index.ts';
import type { MemoryAccount } from '../memory-budget.ts';
import type { Flow, Sender } from '../transport/flow.ts';
import type { FlowUser } from '../transport/flow-users.ts';
import type { TransportError } from '../transport/transport-error.ts';
import { type AcceptedUser, absorbingUser } from './answered-clients.ts';
import { makeAck, makeCancel } from './hop-by-hop.ts';
import type { InviteClientEvent, InviteClientState } from './invite-client.ts';
import type { Effect, Machine, Step, TimerName } from './machine.ts';
import { type StrayCode, strayCode } from './matching.ts';
import type { NonInviteClientEvent, NonInviteClientState } from './non-invite-client.ts';
import { TimedTransaction } from './timed-transaction.ts';

type State = InviteClientState | NonInviteClientState;
type Event = InviteClientEvent | NonInviteClientEvent;
type ClientMachine = { readonly start: Step<State>; step(state: never, event: never): Step<State> };

export interface ClientTransactionUser {
  /** Whether it may be a response to the request at all; one that is refused is a stray, and changes nothing. */
  accepts(response: SipResponse): boolean;
  /** Whether another peer than the one that was asked may answer in its place. */
  mayAnswer(other: Sender): boolean;
  onResponse(response: SipResponse): void;
  /** A final one, but malformed: it must not be sent on, nor anything copied out of it. */
  onUnfitResponse(response: SipResponse): void;
  onTimeout(): void;
  onTransportError(error: TransportError): void;
  /** A new way to the address that the INVITE was sent to, for its ACK or CANCEL (§9.1, §17.1.1.3). */
  flowAgain?(): Flow | TransportError;
}

export interface ClientTransactionIds {
  readonly method: string;
  readonly branch: string;
}

export interface ClientTransactionParts {
  /** For `ms` from now it only absorbs what comes. */
  readonly completed: (transaction: ClientTransaction, ms: number) => void;
  /** For `ms` from now it only passes up every 2xx. */
  readonly accepted: (transaction: ClientTransaction, ms: number, user: AcceptedUser, note: string) => void;
  readonly ended: (transaction: ClientTransaction) => void;
}

export class ClientTransaction extends TimedTransaction implements FlowUser {
  readonly key: string;
  readonly method: string;
  readonly branch: string;
  readonly flow: Flow;
  flowPlace = -1;
  #state: State;
  #final: SipResponse | undefined;
  #error: TransportError | undefined;
  /** Empty when it is not needed any more. */
  #text: string;
  readonly #machine: Machine<State, Event>;
  readonly #user: ClientTransactionUser;
  #heir: AcceptedUser = absorbingUser;
  #note = '';
  readonly #parts: ClientTransactionParts;
  /** Of the peer on whose behalf it is sent. */
  readonly account: MemoryAccount;
  #held: number;

  constructor(
    key: string,
    text: string,
    ids: ClientTransactionIds,
    flow: Flow,
    machine: ClientMachine,
    clock: Clock,
    user: ClientTransactionUser,
    parts: ClientTransactionParts,
    account: MemoryAccount,
  ) {
    super(clock);
    this.key = key;
    this.#text = text;
    this.method = ids.method;
    this.branch = ids.branch;
    this.flow = flow;
    this.#machine = machine as Machine<State, Event>;
    this.#state = machine.start.next;
    this.#user = user;
    this.#parts = parts;
    this.account = account;
    this.#held = text.length;
    account.take(this.#held);
  }

  get stateName(): State['name'] {
    return this.#state.name;
  }

  /** Nothing is held for it any more. */
  release(): void {
    this.account.release(this.#held);
    this.#held = 0;
  }

  start(): void {
    this.flow.users.add(this);
    this.#run(this.#machine.start.effects, undefined);
  }

  /**
   * By which an ACK or CANCEL leaves: to the same address as the INVITE, and when its connection has ended, or only answers
   * may leave by it, on a new one (§18.1.1).
   */
  get way(): Flow {
    const { flow } = this;
    if (flow.state !== 'closed' && !flow.isEnding) return flow;
    const again = this.#user.flowAgain?.();
    return again === undefined || 'code' in again ? flow : again;
  }

  /** The CANCEL of this INVITE, to be sent by `way` (§9.1). */
  cancelText(): string {
    return makeCancel(this.#text);
  }

  /** Why a response with our branch is not one to this request; undefined: it is. */
  refusal(response: SipResponse, from: Sender): StrayCode | undefined {
    const stray = strayCode(response, from, this.flow, this.method, this.#user);
    if (stray !== undefined) return stray;
    return this.#user.accepts(response) ? undefined : 'not-for-the-asker';
  }

  onResponse(response: SipResponse): void {
    if (response.status >= 300) this.#final = response;
    this.#take(this.#responseEvent(response.status), response);
  }

  /** It ends unacknowledged: an ACK copies the To of the response (§17.1.1.3). What is sent again is a stray. */
  onUnfitResponse(response: SipResponse): void {
    this.#terminate();
    this.#user.onUnfitResponse(response);
  }

  onTimer(name: TimerName): void {
    this.#take(`timer-${name}` as Event, undefined);
  }

  onTransportError(error: TransportError): void {
    this.#error = error;
    this.#take(this.mayHaveArrived(error) ? 'connection-lost' : 'transport-error', undefined);
  }

  /** Whether the INVITE may have reached its hop before `error`, so that the transaction goes on. */
  mayHaveArrived({ code }: TransportError): boolean {
    return code === 'closed' && this.method === 'INVITE';
  }

  /**
   * Called with the first 2xx to an INVITE.
   * @param heir is given the further ones
   * @param note given with each of them
   */
  handOver(heir: AcceptedUser, note: string): void {
    this.#heir = heir;
    this.#note = note;
  }

  /**
   * Gives up waiting for the answer to an INVITE: nothing is sent again, but a 2xx that comes within `ms` is still passed up,
   * because it means that a call was answered (§16.7 step 5).
   */
  giveUp(ms: number, heir: AcceptedUser, note: string): void {
    this.stopTimers();
    this.flow.users.delete(this);
    this.#parts.accepted(this, ms, heir, note);
  }

  /** The INVITE is not sent again, as Timer A would have it (§17.1.1.2): it is to be cancelled, for which its first response is awaited. */
  stopRepeating(): void {
    this.stopTimer('A');
  }

  /** Gives up waiting: nothing is sent again, and a response that still comes is a stray. */
  abandon(): void {
    this.#terminate();
  }

  #responseEvent(status: number): Event {
    if (status < 200) return '1xx';
    if (this.method !== 'INVITE') return '200-699';
    return status < 300 ? '2xx' : '300-699';
  }

  #take(event: Event, response: SipResponse | undefined): void {
    const { next, effects } = this.#machine.step(this.#state, event);
    this.#state = next;
    this.#run(effects, response);
  }

  #run(effects: readonly Effect[], response: SipResponse | undefined): void {
    for (const effect of effects) this.#perform(effect, response);
  }

  #perform(effect: Effect, response: SipResponse | undefined): void {
    switch (effect.do) {
      case 'send-request':
        return this.#sendRequest();
      case 'send-ack':
        if (this.#final !== undefined) this.way.send(makeAck(this.#text, this.#final));
        return;
      case 'pass-up':
        if (response !== undefined) this.#user.onResponse(response);
        return;
      case 'report-timeout':
        return this.#user.onTimeout();
      case 'report-transport-error':
        if (this.#error !== undefined) this.#user.onTransportError(this.#error);
        return;
      case 'start-timer':
        return this.#startOrEnd(effect.timer, effect.ms);
      case 'stop-timer':
        return this.stopTimer(effect.timer);
      case 'terminate':
        return this.#terminate();
      case 'send-response':
      case 'send-trying':
        throw new Error(`a client transaction has no effect ${effect.do}`);
    }
  }

  /** By a stream it is not repeated; and only an INVITE has an ACK and a CANCEL that are made from it. */
  #sendRequest(): void {
    this.flow.send(this.#text, this);
    if (!this.flow.isReliable || this.method === 'INVITE') return;
    this.#text = '';
    this.release();
  }

  /** From Timers K and M on neither the request nor its asker is needed: so no transaction waits for these two. */
  #startOrEnd(timer: TimerName, ms: number): void {
    if (timer === 'K' || timer === 'M') return this.#endEarly(timer, ms);
    this.startTimer(timer, ms);
  }

  #endEarly(timer: 'K' | 'M', ms: number): void {
    this.flow.users.delete(this);
    if (timer === 'K') this.#parts.completed(this, ms);
    else this.#parts.accepted(this, ms, this.#heir, this.#note);
  }

  #terminate(): void {
    this.stopTimers();
    this.flow.users.delete(this);
    this.#parts.ended(this);
  }
}
