/** The CANCEL of a branch (RFC 3261 §9.1): it goes where its INVITE went, whatever has become of the connection. */
import type { ClientTransaction, ClientTransactionUser } from '../sip/transaction/client-transaction.ts';
import type { Flow } from '../sip/transport/flow.ts';
import type { TransportError } from '../sip/transport/transport-error.ts';
import type { ProxyParts } from './proxy-parts.ts';

type CancelParts = Pick<ProxyParts, 'transactions' | 'onUndelivered'>;

export class Cancelling implements ClientTransactionUser {
  readonly #invite: ClientTransaction;
  readonly #parts: CancelParts;
  #flow: Flow;
  #isAgain = false;

  constructor(invite: ClientTransaction, parts: CancelParts) {
    this.#invite = invite;
    this.#parts = parts;
    this.#flow = invite.way;
  }

  send(): void {
    const ids = { branch: this.#invite.branch, method: 'CANCEL' };
    this.#parts.transactions.request(this.#flow, this.#invite.cancelText(), ids, this);
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
      return this.#parts.onUndelivered(this.#invite.cancelText(), this.#flow, error);
    }
    this.#isAgain = true;
    // Its transaction is about to end.
    queueMicrotask(() => {
      this.#flow = this.#invite.way;
      this.send();
    });
  }
}
