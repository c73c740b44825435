/** One request from arrival to answer: RFC 3261 §16 as a transaction user. It never sees the configuration. */
import type { Peer, Refused } from '../routing/checks/access.ts';
import type { Decision, RequestFacts, Side } from '../routing/types.ts';
import type { StrayCode } from '../sip/transaction/matching.ts';
import { octetsToHandle, type ServerTransaction } from '../sip/transaction/server-transaction.ts';
import type { Cancelled, TransactionLayer, TransactionUser } from '../sip/transaction/transaction-layer.ts';
import type { Flow, ReadFailure, Sender } from '../sip/transport/flow.ts';
import { isSamePeer } from '../sip/transport/same-peer.ts';
import type { SipRequest, SipResponse } from '../sip-parser/index.ts';
import { cancelAnswer, localResponse, optionsAnswer } from './local-response.ts';
import { type IsOwn, readOwnVias, type ViaMarks, viaMarks } from './loop.ts';
import { lost, memoryShort, type OwnAnswer, ownAnswer, rejection, tooManyHops } from './own-answers.ts';
import { ProxiedRequest } from './proxied-request.ts';
import type { Ending, EndingCode, ForwardDecision, ProxyParts, ProxySettings, Rules } from './proxy-parts.ts';
import { Facts, memoryKeyOf, uriFacts } from './request-facts.ts';
import { preprocessRoutes, type RoutedRequest, uriOf } from './route-headers.ts';
import { UnansweredRequest } from './unanswered.ts';
import { validate } from './validate.ts';

/** A request that has passed validation, with what the decision needs. */
interface Understood {
  readonly routed: RoutedRequest;
  readonly facts: RequestFacts;
  readonly marks: ViaMarks;
  /** See `memoryKeyOf`. */
  readonly memoryKey: string | undefined;
}

/** §16.3 step 3: an OPTIONS that has come to its end here is answered, if it was meant for us. */
const endsHere = ({ method, uri }: SipRequest, isOwn: IsOwn): boolean =>
  method === 'OPTIONS' && uri !== undefined && isOwn(uri.host, uri.port);

/** A request as it came, kept beside its transaction, which forgets it when it is answered. */
interface Arrival {
  readonly transaction: ServerTransaction;
  readonly request: SipRequest;
  readonly flow: Flow;
  readonly atMs: number;
  readonly rules: Rules;
}

type Reading = Understood | { readonly refusal: OwnAnswer };

const badRoute = ownAnswer('syntax', 'Route: not a SIP URI');
const badVia = ownAnswer('syntax', 'Via: missing or malformed');

const isSecured = (routed: RoutedRequest, { plan }: ForwardDecision): boolean =>
  uriOf(routed).scheme === 'sip' || plan.hops.every(({ transport }) => transport === 'tls');

/** Stands in the context of an INVITE that was cancelled while it had none. */
const cancelledEarly = Symbol('cancelled before it was decided');

const unsent = (status: number, code: EndingCode): Ending => ({ status, code, attempts: [] });

export class ProxyCore implements TransactionUser {
  readonly transactions: TransactionLayer;
  readonly #parts: ProxyParts;

  /** @param transactionsFor makes the layer whose user this is */
  constructor(parts: Omit<ProxyParts, 'transactions'>, transactionsFor: (user: TransactionUser) => TransactionLayer) {
    this.transactions = transactionsFor(this);
    this.#parts = { ...parts, transactions: this.transactions };
  }

  onRequest(transaction: ServerTransaction): void {
    const arrival = this.#arrivalOf(transaction);
    const peer = arrival.rules.knownAs(arrival.flow);
    if ('kind' in peer) return this.#dismiss(arrival, peer);
    this.#handle(arrival, peer);
  }

  #handle(arrival: Arrival, peer: Peer): void {
    const { transaction, request, flow, rules } = arrival;
    const onBug = (error: unknown) => this.#onBug(error, arrival);
    try {
      const reading = this.#read(request, flow, rules);
      if ('refusal' in reading) return this.#refuse(arrival, reading.refusal);
      const decision = rules.route(reading.facts, peer);
      if (!(decision instanceof Promise)) return this.#carryOut(arrival, reading, decision);
      if (transaction.isInvite) transaction.trying();
      decision.then((late) => this.#carryOut(arrival, reading, late)).catch(onBug);
    } catch (error) {
      onBug(error);
    }
  }

  #arrivalOf(transaction: ServerTransaction): Arrival {
    const { request, flow } = transaction;
    return { transaction, request, flow, atMs: this.#parts.clock.now(), rules: this.#parts.rules() };
  }

  /** Steps 1 to 3 of the story: validation, Route headers, facts. */
  #read(request: SipRequest, flow: Flow, { settings, isSharedDomain }: Rules): Reading {
    const { isOwn, hopsAt, loopMemory, clock } = this.#parts;
    const refusal = validate(request, settings);
    if (refusal !== undefined && !(refusal === tooManyHops && endsHere(request, isOwn))) return { refusal };
    const routed = preprocessRoutes(request, { isOwn, isSharedDomain, listener: flow.listener });
    if (routed === undefined) return { refusal: badRoute };
    if (routed.nextRoute !== undefined && routed.nextRoute.parsedUri === undefined) return { refusal: badRoute };
    const { signing } = settings;
    const marks = viaMarks(request, signing);
    const ownVias = readOwnVias(request, marks, signing, isOwn);
    const uri = uriFacts(uriOf(routed));
    const memoryKey = memoryKeyOf(request, uri);
    const sentBeforeTo = memoryKey === undefined ? undefined : loopMemory.sentBeforeTo(memoryKey, clock.now());
    const facts = new Facts(routed, uri, flow, { ownVias, sentBeforeTo, signing, isOwn, hopsAt });
    return { routed, facts, marks, memoryKey };
  }

  /**
   * Access comes before all else: a stranger learns nothing, holds no transaction, and gets one answer at most, to the
   * address that the request came from.
   */
  #dismiss(arrival: Arrival, refused: Refused): void {
    const { transaction, request, flow, rules } = arrival;
    const response = refused.kind === 'reject' ? rejection(refused) : undefined;
    transaction.dismiss(response && localResponse(request, flow, response, rules.settings.nodeName));
    this.#report(arrival, refused, undefined, unsent(response?.status ?? 0, 'access-denied'));
  }

  #refuse(arrival: Arrival, refusal: OwnAnswer): void {
    this.#respond(arrival, refusal);
    this.#report(arrival, undefined, refusal, unsent(refusal.status, refusal.code));
  }

  #respond({ transaction, request, flow, rules }: Arrival, response: OwnAnswer): void {
    transaction.respond(response.status, localResponse(request, flow, response, rules.settings.nodeName));
  }

  #carryOut(arrival: Arrival, understood: Understood, decision: Decision): void {
    switch (decision.kind) {
      case 'forward':
        if (arrival.transaction.context === cancelledEarly) return this.#refuse(arrival, ownAnswer('cancelled'));
        if (!isSecured(understood.routed, decision)) return this.#refuse(arrival, ownAnswer('no-secure-hop'));
        if (arrival.request.maxForwards === 0) return this.#refuse(arrival, tooManyHops);
        return this.#forward(arrival, understood, decision);
      case 'answer':
        arrival.transaction.respond(200, optionsAnswer(arrival.request, arrival.flow));
        return this.#report(arrival, decision, undefined, unsent(200, 'own-address'));
      case 'reject':
        return this.#reject(arrival, understood, decision);
      case 'drop':
        arrival.transaction.abandon();
        return this.#report(arrival, decision, undefined, unsent(0, 'access-denied'));
      case 'ask-directory':
        throw new Error('the route callback asks the directory itself');
    }
  }

  #reject(arrival: Arrival, { memoryKey }: Understood, decision: Decision & { kind: 'reject' }): void {
    if (decision.status === 482 && memoryKey !== undefined) this.#parts.loopMemory.markLooped(memoryKey);
    const response = rejection(decision);
    this.#respond(arrival, response);
    this.#report(arrival, decision, undefined, unsent(response.status, response.code));
  }

  #forward(arrival: Arrival, understood: Understood, decision: ForwardDecision): void {
    const { routed, marks, memoryKey } = understood;
    const { transaction, atMs } = arrival;
    this.#remember(memoryKey, decision.plan.to);
    const { settings } = arrival.rules;
    const proxied = new ProxiedRequest(transaction, routed, marks, decision, atMs, this.#parts, settings);
    transaction.context = proxied;
    if (transaction.isInvite) transaction.trying();
    proxied.begin();
  }

  #remember(memoryKey: string | undefined, to: Side): void {
    if (memoryKey === undefined) return;
    this.#parts.loopMemory.remember(memoryKey, to, this.#parts.clock.now());
  }

  /** §16.10. A CANCEL of a request that is not known here goes on like any other; of a non-INVITE it has no effect (§9.1). */
  onCancel(transaction: ServerTransaction, cancelled: Cancelled | undefined): void {
    const arrival = this.#arrivalOf(transaction);
    const peer = arrival.rules.knownAs(arrival.flow);
    if ('kind' in peer) return this.#dismiss(arrival, peer);
    if (cancelled === undefined) return this.#handle(arrival, peer);
    if (!isSamePeer(transaction.flow, cancelled.flow)) return this.#refuse(arrival, ownAnswer('cancel-not-the-asker'));
    transaction.respond(200, cancelAnswer(transaction.request, transaction.flow));
    const { open } = cancelled;
    open?.onCancel(transaction.flow);
    if (open?.context instanceof ProxiedRequest) open.context.cancel();
    // The directory is still being asked: there is no branch yet that could be cancelled.
    else if (open?.isInvite && open.context === undefined) open.context = cancelledEarly;
  }

  /** ACK to a 2xx and BENOTIFY: forwarded without a transaction, refused without a word. */
  onUnanswered(request: SipRequest, flow: Flow): void {
    const arrivedMs = this.#parts.clock.now();
    const rules = this.#parts.rules();
    const { account } = flow;
    let held = 0;
    const release = () => {
      account.release(held);
      held = 0;
    };
    /** Most go on at once, and are not held at all. */
    const mayWait = (): boolean => {
      if (held > 0) return true;
      const octets = octetsToHandle(request);
      if (!account.admits(octets)) return false;
      account.take(octets);
      held = octets;
      return true;
    };
    const report = (decision: Decision | undefined, refusal: OwnAnswer | undefined, ending: Ending) => {
      release();
      this.#parts.observer.onEnded({ request, flow, decision, refusal, ending, arrivedMs });
    };
    const peer = rules.knownAs(flow);
    if ('kind' in peer) return report(peer, undefined, unsent(0, 'access-denied'));
    const reading = this.#read(request, flow, rules);
    if ('refusal' in reading) return report(undefined, reading.refusal, unsent(0, reading.refusal.code));
    const carryOut = (decision: Decision) => {
      if (decision.kind === 'reject') return report(decision, undefined, unsent(0, rejection(decision).code));
      // Dropped: only an OPTIONS is answered here.
      if (decision.kind !== 'forward') return report(decision, undefined, unsent(0, 'access-denied'));
      if (!isSecured(reading.routed, decision))
        return report(decision, ownAnswer('no-secure-hop'), unsent(0, 'no-secure-hop'));
      this.#remember(reading.memoryKey, decision.plan.to);
      const { routed, marks } = reading;
      const ended = (ending: Ending) => report(decision, undefined, ending);
      const unanswered = { routed, marks, decision, asker: flow, mayWait, ended };
      new UnansweredRequest(unanswered, this.#parts, rules.settings).begin();
    };
    const decision = rules.route(reading.facts, peer);
    if (!(decision instanceof Promise)) return carryOut(decision);
    if (!mayWait()) {
      const refusal = memoryShort(flow.account.octets, flow.remoteAddress, rules.settings.retryAfterS);
      return report(undefined, refusal, unsent(0, refusal.code));
    }
    decision.then(carryOut).catch((error) => {
      release();
      this.#parts.observer.onBug(error, request);
    });
  }

  /** §21.5.4: the peer may try again when less is held for it. Nothing is kept, so a copy of the request is judged anew. */
  onMemoryShort(request: SipRequest, flow: Flow): void {
    const answer = this.#refuseAlone(request, flow, ({ retryAfterS }) =>
      memoryShort(flow.account.octets, flow.remoteAddress, retryAfterS),
    );
    if (answer !== undefined) flow.send(answer);
  }

  /** No top Via that could be matched: one answer by the way the request came, without a transaction. */
  onUnmatchable(request: SipRequest, flow: Flow): void {
    const answer = this.#refuseAlone(request, flow, (settings) => validate(request, settings) ?? badVia);
    if (answer !== undefined) flow.send(answer);
  }

  /** What is there of a request that will never be whole: it is refused as it stands (§18.3, §21.5.7). */
  onLostRequest(request: SipRequest, flow: Flow, loss: ReadFailure): string | undefined {
    return this.#refuseAlone(request, flow, () => lost(loss), request.topVia !== undefined);
  }

  /** The one answer to a request that has no transaction; undefined where there is to be none. */
  #refuseAlone(
    request: SipRequest,
    flow: Flow,
    refuse: (settings: ProxySettings) => OwnAnswer,
    isReachable = true,
  ): string | undefined {
    const { settings, knownAs } = this.#parts.rules();
    const peer = knownAs(flow);
    const decision = 'kind' in peer ? peer : undefined;
    const arrivedMs = this.#parts.clock.now();
    const refusal = decision === undefined ? refuse(settings) : undefined;
    const response = decision?.kind === 'reject' ? rejection(decision) : refusal;
    const isAnswered = response !== undefined && isReachable && !unanswered.has(request.method);
    const ending = unsent(isAnswered ? response.status : 0, response?.code ?? 'access-denied');
    this.#parts.observer.onEnded({ request, flow, decision, refusal, ending, arrivedMs });
    return isAnswered ? localResponse(request, flow, response, settings.nodeName) : undefined;
  }

  onUnacknowledged(transaction: ServerTransaction): void {
    this.#parts.observer.onUnacknowledged(transaction.request);
  }

  onStrayResponse(response: SipResponse, from: Sender, why: StrayCode): void {
    const isPassedOn = why === 'no-transaction' && (this.#parts.passOn?.(response, from) ?? false);
    if (!isPassedOn) this.#parts.observer.onStrayResponse(response, from, why);
  }

  #report(
    { request, flow, atMs: arrivedMs }: Arrival,
    decision: Decision | undefined,
    refusal: OwnAnswer | undefined,
    ending: Ending,
  ): void {
    this.#parts.observer.onEnded({ request, flow, decision, refusal, ending, arrivedMs });
  }

  #onBug(error: unknown, arrival: Arrival): void {
    this.#parts.observer.onBug(error, arrival.request);
    const answer = ownAnswer('internal-error');
    this.#respond(arrival, answer);
    this.#report(arrival, undefined, undefined, unsent(answer.status, answer.code));
  }
}

/** §17: no response is made to an ACK, nor to Microsoft's BENOTIFY. */
const unanswered: ReadonlySet<string> = new Set(['ACK', 'BENOTIFY']);
