/** The live map of transactions: finds the one a message belongs to, and hands everything else to the transaction user. */

import type { Clock } from '../../clock.ts';
import type { SipRequest, SipResponse, Via } from '../../sip-parser/index.ts';
import type { MemoryAccount } from '../memory-budget.ts';
import type { Flow, Sender } from '../transport/flow.ts';
import { isSamePeer } from '../transport/same-peer.ts';
import { type AcceptedUser, AnsweredClients } from './answered-clients.ts';
import {
  ClientTransaction,
  type ClientTransactionIds,
  type ClientTransactionParts,
  type ClientTransactionUser,
} from './client-transaction.ts';
import type { Elsewhere } from './elsewhere.ts';
import { createInviteClient } from './invite-client.ts';
import { createInviteServer } from './invite-server.ts';
import { KeyTable } from './key-table.ts';
import { Lingering } from './lingering.ts';
import { clientKey, type StrayCode, serverKey, serverKeyIn } from './matching.ts';
import { createNonInviteClient } from './non-invite-client.ts';
import { createNonInviteServer } from './non-invite-server.ts';
import { isAnotherWay, octetsToHandle, ServerTransaction, type ServerTransactionParts } from './server-transaction.ts';
import type { Timers } from './timers.ts';

/** The transaction that a CANCEL means. */
export interface Cancelled {
  /** That its request came by. */
  readonly flow: Flow;
  /** Undefined: it has had its final response. */
  readonly open: ServerTransaction | undefined;
}

/** RFC 3261 §17: what stands above the transactions. */
export interface TransactionUser {
  /** A request that opened `transaction`; exactly one final response, or `abandon`, is owed. */
  onRequest(transaction: ServerTransaction): void;
  /** A CANCEL, in a transaction of its own, and the transaction it means, of whatever method (undefined: unknown here). */
  onCancel(transaction: ServerTransaction, cancelled: Cancelled | undefined): void;
  /** ACK to a 2xx, and BENOTIFY: requests without an answer. */
  onUnanswered(request: SipRequest, flow: Flow): void;
  /** A request without a usable top Via, so that no transaction can be made for it. */
  onUnmatchable(request: SipRequest, flow: Flow): void;
  /** A request that cannot be taken in: its peer makes us hold too much already. No transaction is made, none is owed. */
  onMemoryShort(request: SipRequest, flow: Flow): void;
  /** No ACK came for a final response to INVITE (Timer H). */
  onUnacknowledged(transaction: ServerTransaction): void;
  /** A response that belongs to no transaction: not forwarded (RFC 6026 §8.9). */
  onStrayResponse(response: SipResponse, from: Sender, why: StrayCode): void;
}

/**
 * How a response leaves: by the flow of its request, or as §18.2.2 says when that is gone. The request is undefined when it
 * has been forgotten.
 */
type SendResponse = (text: string, request: SipRequest | undefined, flow: Flow) => void;

const maxMethods = 64;

const machinesWith = (timers: Timers) => {
  const pair = <M>(make: (timers: Timers, isReliable: boolean) => M) => ({
    reliable: make(timers, true),
    unreliable: make(timers, false),
  });
  return {
    inviteClient: pair(createInviteClient),
    nonInviteClient: pair(createNonInviteClient),
    inviteServer: pair(createInviteServer),
    nonInviteServer: pair(createNonInviteServer),
  };
};

export class TransactionLayer {
  readonly #servers = new KeyTable<ServerTransaction>();
  readonly #clients = new KeyTable<ClientTransaction>();
  /** Timers J and L: the text is the response that is repeated, empty when there is none; the user is the INVITE's claim. */
  readonly #answeredServers: Lingering<number | undefined>;
  readonly #answeredClients: AnsweredClients;
  readonly #clock: Clock;
  readonly #send: SendResponse;
  readonly #serverParts: ServerTransactionParts;
  readonly #clientParts: ClientTransactionParts;
  readonly #user: TransactionUser;
  #machines: ReturnType<typeof machinesWith>;
  /** Methods that requests have come with, a few dozen at most: a CANCEL does not say whose it is. */
  readonly #methods = new Set<string>();

  /** Undefined: this worker is the only one. */
  readonly #elsewhere: Elsewhere | undefined;

  constructor(
    timers: Timers,
    clock: Clock,
    sendResponse: SendResponse,
    user: TransactionUser,
    elsewhere?: Elsewhere | undefined,
  ) {
    this.#clock = clock;
    this.#user = user;
    this.#send = sendResponse;
    this.#elsewhere = elsewhere;
    this.#answeredServers = new Lingering(clock, this.#release);
    this.#answeredClients = new AnsweredClients(clock);
    this.#serverParts = {
      send: sendResponse,
      passUp: this.#passUp,
      unacknowledged: (transaction) => user.onUnacknowledged(transaction),
      answered: this.#onServerAnswered,
      ended: this.#forgetServer,
    };
    this.#clientParts = {
      completed: this.#onClientCompleted,
      accepted: this.#onClientAccepted,
      ended: this.#forgetClient,
    };
    this.#machines = machinesWith(timers);
  }

  /** For transactions that begin from now on; the others end as they began. */
  useTimers(timers: Timers): void {
    this.#machines = machinesWith(timers);
  }

  /** How many server transactions still owe something. It looks at each: not for the way of a request. */
  countOpen(): number {
    let count = 0;
    for (const transaction of this.#servers.values()) if (transaction.isOpen) count += 1;
    return count;
  }

  /** Transactions that have not ended. */
  get counts(): { readonly servers: number; readonly clients: number } {
    return {
      servers: this.#servers.size + this.#answeredServers.size,
      clients: this.#clients.size + this.#answeredClients.size,
    };
  }

  onRequest(request: SipRequest, flow: Flow): void {
    const { method } = request;
    if (method === 'BENOTIFY') return this.#user.onUnanswered(request, flow);
    const key = serverKey(request, method);
    if (key === undefined) return this.#user.onUnmatchable(request, flow);
    const known = this.#servers.get(key);
    if (method === 'ACK') return this.#onAck(key, request, flow, known);
    if (known !== undefined) return known.onRetransmission(flow);
    const answered = this.#answeredServers.find(key);
    if (answered !== undefined) return this.#repeat(key, answered, flow);
    if (this.#elsewhere === undefined || !this.#isForAnother(this.#elsewhere, key, request, flow))
      this.#open(key, request, flow);
  }

  /** Whether it is about an INVITE that another worker has, which has it now. */
  #isForAnother(elsewhere: Elsewhere, key: string, request: SipRequest, flow: Flow): boolean {
    const { method } = request;
    if (method === 'INVITE') return elsewhere.handOver(key, request, flow);
    if (method !== 'CANCEL' || this.#cancelled(request) !== undefined) return false;
    const invite = serverKey(request, 'INVITE');
    return invite !== undefined && elsewhere.handOver(invite, request, flow);
  }

  /** Further answers to an INVITE go by the connection that its asker has now. */
  #repeat(key: string, { text, flow }: { readonly text: string; readonly flow: Flow }, by: Flow): void {
    if (isAnotherWay(by, flow)) this.#answeredServers.moveTo(key, by);
    if (text !== '') this.#send(text, undefined, flow);
  }

  /** Only the sender of the INVITE can end the repetition of its answer. An ACK to a 2xx does not belong to the transaction. */
  #onAck(key: string, request: SipRequest, flow: Flow, invite: ServerTransaction | undefined): void {
    if (invite !== undefined && isSamePeer(flow, invite.flow)) return invite.onAck();
    const isHanded = invite === undefined && this.#elsewhere?.handOver(key, request, flow);
    if (isHanded !== true) this.#user.onUnanswered(request, flow);
  }

  #open(key: string, request: SipRequest, flow: Flow): void {
    if (!this.#mayOpen(request, flow)) return this.#user.onMemoryShort(request, flow);
    const isInvite = request.method === 'INVITE';
    if (this.#methods.size < maxMethods) this.#methods.add(request.method);
    const kind = isInvite ? this.#machines.inviteServer : this.#machines.nonInviteServer;
    const machine = flow.isReliable ? kind.reliable : kind.unreliable;
    const transaction = new ServerTransaction(key, request, flow, machine, this.#clock, this.#serverParts);
    if (isInvite) transaction.claim = this.#elsewhere?.claim(key);
    this.#servers.set(key, transaction);
    transaction.start();
  }

  /** The CANCEL of an open request frees more than it takes; any other one is a request like all. */
  #mayOpen(request: SipRequest, flow: Flow): boolean {
    const octets = octetsToHandle(request);
    if (flow.account.hasRoomFor(octets)) return true;
    if (request.method === 'CANCEL' && this.#cancelled(request)?.open !== undefined) return true;
    return flow.account.admits(octets);
  }

  readonly #passUp = (transaction: ServerTransaction): void => {
    const { request } = transaction;
    if (request.method === 'CANCEL') this.#user.onCancel(transaction, this.#cancelled(request));
    else this.#user.onRequest(transaction);
  };

  /** §9.2: the transaction that a CANCEL would belong to if its method were that of the request it means. */
  #cancelled(cancel: SipRequest): Cancelled | undefined {
    for (const method of this.#methods) {
      const key = method === 'CANCEL' ? undefined : serverKey(cancel, method);
      const cancelled = key === undefined ? undefined : this.#cancelledBy(key);
      if (cancelled !== undefined) return cancelled;
    }
    return undefined;
  }

  #cancelledBy(key: string): Cancelled | undefined {
    const open = this.#servers.get(key);
    const flow = (open ?? this.#answeredServers.find(key))?.flow;
    return flow && { flow, open };
  }

  /** An answer that there is no room for has been sent once: copies of its request are absorbed, and not handled again. */
  readonly #onServerAnswered = (transaction: ServerTransaction, ms: number, answer: string): void => {
    const { key, flow, claim } = transaction;
    this.#servers.delete(key);
    transaction.release();
    const text = flow.account.hasRoomFor(Lingering.octetsOf(key, answer)) ? answer : '';
    this.#answeredServers.add(key, ms, { flow, user: claim, text }, flow.account);
  };

  readonly #forgetServer = (transaction: ServerTransaction): void => {
    transaction.release();
    this.#servers.delete(transaction.key);
    this.#release(transaction.claim);
  };

  readonly #release = (claim: number | undefined): void => {
    if (claim !== undefined) this.#elsewhere?.release(claim);
  };

  /** The flow by which the asker of an INVITE has come last; undefined when it has been forgotten. */
  askerOf(via: Via): Flow | undefined {
    const key = serverKeyIn(via, 'INVITE');
    return (this.#servers.get(key) ?? this.#answeredServers.find(key))?.flow;
  }

  /** A further 2xx to an INVITE that has been answered (RFC 6026 §7.1). */
  respondAgain(text: string, flow: Flow): void {
    this.#send(text, undefined, flow);
  }

  onResponse(response: SipResponse, from: Sender): void {
    const stray = this.#takeResponse(response, from);
    if (stray !== undefined) this.#user.onStrayResponse(response, from, stray);
  }

  /**
   * A response that cannot be sent on, as has been told already. A final one ends its transaction, whose user hears of it; a
   * provisional one changes nothing.
   */
  onUnfitResponse(response: SipResponse, from: Sender): void {
    const branch = response.topVia?.branch;
    if (branch === undefined || response.status < 200) return;
    const transaction = this.#clients.get(clientKey(branch, response.cseqMethod ?? ''));
    if (transaction === undefined) this.#user.onStrayResponse(response, from, 'no-transaction');
    else if (transaction.refusal(response, from) === undefined) transaction.onUnfitResponse(response);
  }

  /** Why nothing was done with it. */
  #takeResponse(response: SipResponse, from: Sender): StrayCode | undefined {
    const branch = response.topVia?.branch;
    if (branch === undefined) return 'no-transaction';
    const key = clientKey(branch, response.cseqMethod ?? '');
    const transaction = this.#clients.get(key);
    if (transaction === undefined) return this.#answeredClients.onResponse(key, response, from);
    const stray = transaction.refusal(response, from);
    if (stray === undefined) transaction.onResponse(response);
    return stray;
  }

  /**
   * Sends a request in a new client transaction.
   * @param text the whole request; its top Via is `sentBy` of the flow's listener with `branch`
   * @param account of the peer on whose behalf it is sent
   */
  request(
    flow: Flow,
    text: string,
    ids: ClientTransactionIds,
    user: ClientTransactionUser,
    account: MemoryAccount = flow.account,
  ): ClientTransaction {
    const kind = ids.method === 'INVITE' ? this.#machines.inviteClient : this.#machines.nonInviteClient;
    const machine = flow.isReliable ? kind.reliable : kind.unreliable;
    const key = clientKey(ids.branch, ids.method);
    const transaction = new ClientTransaction(
      key,
      text,
      ids,
      flow,
      machine,
      this.#clock,
      user,
      this.#clientParts,
      account,
    );
    this.#clients.set(key, transaction);
    transaction.start();
    return transaction;
  }

  readonly #onClientCompleted = (transaction: ClientTransaction, ms: number): void => {
    const { key, flow, method, account } = transaction;
    transaction.release();
    this.#clients.delete(key);
    this.#answeredClients.complete(key, ms, flow, method, account);
  };

  readonly #onClientAccepted = (transaction: ClientTransaction, ms: number, user: AcceptedUser, note: string): void => {
    const { key, flow, account } = transaction;
    transaction.release();
    this.#clients.delete(key);
    this.#answeredClients.accept(key, ms, flow, user, note, account);
  };

  readonly #forgetClient = (transaction: ClientTransaction): void => {
    transaction.release();
    this.#clients.delete(transaction.key);
  };
}
