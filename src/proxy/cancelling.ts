/** The CANCEL of a branch (RFC 3261 §9.1): it goes where its INVITE went, whatever has become of the connection. */
import type { ClientTransaction, ClientTransactionUser } from '../sip/transaction/client-transaction.ts';
import type { TransactionLayer } from '../sip/transaction/transaction-layer.ts';
import type { Flow, Sender, Undelivered } from '../sip/transport/flow.ts';
import type { TransportError } from '../sip/transport/transport-error.ts';

export interface CancelRim {
  readonly transactions: TransactionLayer;
  /** A message of ours has not reached its peer. */
  onUndelivered(text: string, peer: Sender, why: Undelivered): void;
}

export class Cancelling implements ClientTransactionUser {
  readonly #invite: ClientTransaction;
  readonly #rim: CancelRim;
  #flow: Flow;
  #isAgain = false;

  constructor(invite: ClientTransaction, rim: CancelRim) {
    this.#invite = invite;
    this.#rim = rim;
    this.#flow = invite.way;
  }

  send(): void {
    const ids = { branch: this.#invite.branch, method: 'CANCEL' };
    this.#rim.transactions.request(this.#flow, this.#invite.cancelText(), ids, this);
  }

  accepts(): boolean {
    return true;
  }

  mayAnswer(): boolean {
    return true;
  }

  onResponse(): void {}

  onUnfitResponse(): void {}

  onTimeout(): void {}

  /** A connection may have ended unnoticed until something was sent by it: a new one says more. */
  onTransportError(error: TransportError): void {
    if (this.#isAgain || error.code !== 'closed') {
      return this.#rim.onUndelivered(this.#invite.cancelText(), this.#flow, error);
    }
    this.#isAgain = true;
    // Its transaction is about to end.
    queueMicrotask(() => {
      this.#flow = this.#invite.way;
      this.send();
    });
  }
}
