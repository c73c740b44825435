/** One server transaction alive: its machine's state, its timers and the response to repeat. */

import type { Clock } from '../../clock.ts';
import { Header, type SipRequest } from '../../sip-parser/index.ts';
import type { Flow } from '../transport/flow.ts';
import { isSamePeer } from '../transport/same-peer.ts';
import type { InviteServerEvent, InviteServerState } from './invite-server.ts';
import type { Effect, Machine, Step, TimerName } from './machine.ts';
import type { NonInviteServerEvent, NonInviteServerState } from './non-invite-server.ts';
import { ownResponse } from './own-response.ts';
import { TimedTransaction } from './timed-transaction.ts';

type State = InviteServerState | NonInviteServerState;
type Event = InviteServerEvent | NonInviteServerEvent;
/** Either server machine; which one it is follows from the method, and so does the event that is put in. */
type ServerMachine = { readonly start: Step<State>; step(state: never, event: never): Step<State> };

export interface ServerTransactionParts {
  readonly send: (text: string, request: SipRequest, flow: Flow) => void;
  readonly passUp: (transaction: ServerTransaction) => void;
  readonly unacknowledged: (transaction: ServerTransaction) => void;
  /** For `ms` from now it only gives `answer` to copies of its request; nothing at all when that is empty. */
  readonly answered: (transaction: ServerTransaction, ms: number, answer: string) => void;
  readonly ended: (transaction: ServerTransaction) => void;
}

/** What an open transaction takes besides the texts of its messages: objects and timers here, in the proxy and in the far transaction. */
const transactionOctets = 4_096;

/** Octets that a request will have been held in when it has been sent on: as it came, and as it leaves. */
export const octetsToHandle = ({ text }: SipRequest): number => transactionOctets + 2 * text.length;

/**
 * Whether the asker has another connection now, so that answers must not wait for the one before (§18.2.2). Over UDP an answer
 * goes to where its Via says, whichever port a copy came from.
 */
export const isAnotherWay = (flow: Flow, before: Flow): boolean =>
  flow !== before && flow.isReliable && flow.transport === before.transport && isSamePeer(flow, before);

const timestampsOf = (request: SipRequest): string => {
  if (!request.has(Header.Timestamp)) return '';
  const values = request.all('Timestamp');
  return values.map((value) => `Timestamp: ${value}\r\n`).join('');
};

export class ServerTransaction extends TimedTransaction {
  readonly key: string;
  readonly request: SipRequest;
  readonly isInvite: boolean;
  /** The transaction user's own: what it needs to find again when a CANCEL comes. */
  context: unknown = undefined;
  /** Octets that are held for the asker as long as the transaction is open. */
  #held: number;
  /** Of the INVITE, where other workers could meet its CANCEL. */
  claim: number | undefined = undefined;
  #flow: Flow;
  /** Another connection by which its asker has come. */
  #spare: Flow | undefined;
  #isOwed = true;
  #isOver = false;
  #state: State;
  #response = '';
  readonly #machine: Machine<State, Event>;
  readonly #parts: ServerTransactionParts;

  constructor(
    key: string,
    request: SipRequest,
    flow: Flow,
    machine: ServerMachine,
    clock: Clock,
    parts: ServerTransactionParts,
  ) {
    super(clock);
    this.key = key;
    this.request = request;
    this.#flow = flow;
    flow.owe(1);
    this.isInvite = request.method === 'INVITE';
    this.#machine = machine as Machine<State, Event>;
    this.#state = machine.start.next;
    this.#parts = parts;
    this.#held = transactionOctets + request.text.length;
    flow.account.take(this.#held);
  }

  /** Where its responses go: by which its request came the last time, or when that has ended, its CANCEL. */
  get flow(): Flow {
    if (this.#spare !== undefined && (this.#flow.state === 'closed' || this.#flow.isEnding)) this.#moveTo(this.#spare);
    return this.#flow;
  }

  get stateName(): State['name'] {
    return this.#state.name;
  }

  /** A response is still owed, or the ACK of one that may have to be repeated (RFC 3261 §17.2.1). */
  get isOpen(): boolean {
    const { name } = this.#state;
    return name === 'Trying' || name === 'Proceeding' || (name === 'Completed' && this.isInvite);
  }

  start(): void {
    this.#run(this.#machine.start.effects);
  }

  /** @param flow by which the copy came */
  onRetransmission(flow: Flow): void {
    if (isAnotherWay(flow, this.#flow)) this.#moveTo(flow);
    this.#take(this.isInvite ? 'INVITE' : 'request');
  }

  /** Its CANCEL came by `flow`, from its asker. */
  onCancel(flow: Flow): void {
    if (isAnotherWay(flow, this.#flow)) this.#spare = flow;
  }

  #moveTo(flow: Flow): void {
    const before = this.#flow;
    this.#flow = flow;
    this.#spare = undefined;
    before.account.release(this.#held);
    flow.account.take(this.#held);
    if (!this.#isOwed) return;
    flow.owe(1);
    before.owe(-1);
  }

  /** The final response has been given to the flow, or none ever comes. */
  #settle(): void {
    if (!this.#isOwed) return;
    this.#isOwed = false;
    this.#flow.owe(-1);
  }

  onAck(): void {
    this.#take('ACK');
  }

  onTimer(name: TimerName): void {
    this.#take(`timer-${name}` as Event);
  }

  /** A further 2xx to INVITE passes through when it is over already (RFC 6026 §7.1). */
  #hold(more: number): void {
    if (this.#isOver) return;
    this.#held += more;
    this.#flow.account.take(more);
  }

  /** It is over: nothing is held for it any more. */
  release(): void {
    this.#hold(-this.#held);
    this.#isOver = true;
  }

  /** Sends `text`, a response of `status`. After a final response nothing is sent (but a 2xx to INVITE). */
  respond(status: number, text: string): void {
    const step = this.#machine.step(this.#state, this.#responseEvent(status));
    if (step.effects.length === 0) return this.#respondLate(status, text);
    this.#hold(text.length - this.#response.length);
    this.#response = text;
    this.#state = step.next;
    this.#run(step.effects);
    if (status >= 200) this.#settle();
  }

  /** §16.7 step 5: a 2xx to INVITE is handed on even after another final response, past the transaction (§13.3.1.4). */
  #respondLate(status: number, text: string): void {
    if (this.isInvite && status >= 200 && status < 300) this.#parts.send(text, this.request, this.flow);
  }

  /**
   * One response by the way the request came, and the end: no repetitions for a peer that may have forged its address.
   * @param text undefined: no response at all
   */
  dismiss(text: string | undefined): void {
    if (text !== undefined) this.flow.send(text);
    this.#perform({ do: 'terminate' });
  }

  /** Says 100 (INVITE only; the non-INVITE machine knows its own moment). */
  trying(): void {
    this.respond(100, this.#tryingText());
  }

  /** Ends without any response (RFC 4320 §4.2: no 408 to a non-INVITE). */
  abandon(): void {
    this.#take('abandon');
    this.#settle();
  }

  /** §8.2.6.1: a 100 carries the Timestamp of its request. */
  #tryingText(): string {
    const { request, flow } = this;
    return ownResponse(request, flow, 100, 'Trying', undefined, timestampsOf(request));
  }

  #responseEvent(status: number): Event {
    if (!this.isInvite) return 'send-final';
    if (status < 200) return 'send-1xx';
    return status < 300 ? 'send-2xx' : 'send-300-699';
  }

  #take(event: Event): void {
    const { next, effects } = this.#machine.step(this.#state, event);
    this.#state = next;
    this.#run(effects);
  }

  #run(effects: readonly Effect[]): void {
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: Effect): void {
    switch (effect.do) {
      case 'send-response':
        return this.#sendResponse();
      case 'send-trying':
        return this.#parts.send(this.#tryingText(), this.request, this.flow);
      case 'pass-up':
        return this.#parts.passUp(this);
      case 'report-timeout':
        return this.#parts.unacknowledged(this);
      case 'start-timer':
        return this.#startOrEnd(effect.timer, effect.ms);
      case 'stop-timer':
        return this.stopTimer(effect.timer);
      case 'terminate':
        this.stopTimers();
        this.#settle();
        return this.#parts.ended(this);
      case 'send-request':
      case 'send-ack':
      case 'report-transport-error':
        throw new Error(`a server transaction has no effect ${effect.do}`);
    }
  }

  #sendResponse(): void {
    if (this.#response !== '') this.#parts.send(this.#response, this.request, this.flow);
  }

  /**
   * From Timer J on the response is repeated, from Timer L on copies of the INVITE are absorbed (RFC 6026 §7.1), and nothing
   * else can happen: so no transaction waits for these two.
   */
  #startOrEnd(timer: TimerName, ms: number): void {
    if (timer === 'J') return this.#parts.answered(this, ms, this.#response);
    if (timer === 'L') return this.#parts.answered(this, ms, '');
    // Answered: there is nothing left that a CANCEL could reach.
    if (timer === 'H') this.context = undefined;
    this.startTimer(timer, ms);
  }
}
