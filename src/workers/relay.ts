/**
 * What workers pass to each other: responses, by the number in the branch, and requests that belong to another worker's
 * INVITE, by the table of all INVITEs.
 */
import type { MessagePort } from 'node:worker_threads';
import type { Clock } from '../clock.ts';
import type { Proof } from '../engine/hop-places.ts';
import type { Router } from '../router.ts';
import type { Elsewhere } from '../sip/transaction/elsewhere.ts';
import type { Flow, Sender } from '../sip/transport/flow.ts';
import type { SipRequest, SipResponse } from '../sip-parser/index.ts';
import type { Claims } from './claims.ts';
import { LentFlow, viewOf } from './lent-flow.ts';
import type { Passed } from './passed.ts';

export class Relay implements Elsewhere {
  readonly #others: ReadonlyMap<number, MessagePort>;
  readonly #claims: Claims;
  /** Flows of this worker by which others may answer. */
  readonly #lent = new Map<number, Flow>();
  #loans = 0;

  /** @param others the way to each of them, by number */
  constructor(others: ReadonlyMap<number, MessagePort>, claims: Claims) {
    this.#others = others;
    this.#claims = claims;
  }

  /** From now on what other workers pass goes to `router`. */
  listen(router: Router, clock: Clock): void {
    for (const port of this.#others.values()) {
      port.on('message', (passed: Passed) => this.#take(passed, port, router, clock));
      port.unref();
    }
  }

  #take(passed: Passed, port: MessagePort, router: Router, clock: Clock): void {
    switch (passed.kind) {
      case 'response':
        return router.takeResponse(passed.text, passed.from);
      case 'proof':
        return router.hearProof(passed.proof);
      case 'request':
        return takeRequest(passed.text, new LentFlow(passed.from, passed.loan, port, router.accountOf), router);
      case 'answer': {
        const flow = this.#lent.get(passed.loan);
        if (flow !== undefined) router.sendResponse(passed.text, flow);
        return;
      }
      case 'settled': {
        this.#lent.get(passed.loan)?.owe(-1);
        // For this long a 2xx that went out by a lent flow may be retransmitted (RFC 6026 §7.1).
        clock.after(router.transactionMs, () => this.#lent.delete(passed.loan));
      }
    }
  }

  passResponse(worker: number, response: SipResponse, from: Sender): boolean {
    const { transport, remoteAddress, remotePort, verifiedNames } = from;
    const sender = { transport, remoteAddress, remotePort, verifiedNames };
    return this.#pass(worker, { kind: 'response', text: response.text, from: sender });
  }

  /** Tells all others what a peer has proved. */
  shareProof(proof: Proof): void {
    for (const worker of this.#others.keys()) this.#pass(worker, { kind: 'proof', proof });
  }

  handOver(key: string, request: SipRequest, flow: Flow): boolean {
    // A request that was handed over once is not passed on again.
    const owner = flow instanceof LentFlow ? undefined : this.#claims.ownerOf(key);
    if (owner === undefined || !this.#others.has(owner)) return false;
    const loan = this.#loans++;
    this.#lent.set(loan, flow);
    flow.owe(1);
    return this.#pass(owner, { kind: 'request', text: request.text, from: viewOf(flow), loan });
  }

  claim(key: string): number {
    return this.#claims.claim(key);
  }

  release(claim: number): void {
    this.#claims.release(claim);
  }

  #pass(worker: number, passed: Passed): boolean {
    const port = this.#others.get(worker);
    port?.postMessage(passed);
    return port !== undefined;
  }
}

/** The flow is owed an answer until the router has taken the request, so that it is not settled before. */
const takeRequest = (text: string, flow: LentFlow, router: Router): void => {
  flow.owe(1);
  router.takeRequest(text, flow);
  flow.owe(-1);
};
