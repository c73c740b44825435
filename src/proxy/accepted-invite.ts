/**
 * What is left of an INVITE when it has been answered with 2xx: for 64*T1 repetitions of that answer are handed on (RFC 6026
 * §7.2), and neither the request nor anything that was made for it is held meanwhile.
 */
import type { RequestSource, Side } from '../routing/types.ts';
import type { ClientTransactionUser } from '../sip/transaction/client-transaction.ts';
import type { ServerTransaction } from '../sip/transaction/server-transaction.ts';
import type { Sender } from '../sip/transport/flow.ts';
import type { SipResponse } from '../sip-parser/index.ts';
import { upstream } from './upstream.ts';

/** Whose side a peer is on. */
interface Sides {
  sideOf(source: RequestSource): Side | undefined;
}

export class AcceptedInvite implements ClientTransactionUser {
  readonly #transaction: ServerTransaction;
  readonly #asked: Side;
  readonly #sides: Sides;

  /** @param asked the side that the INVITE was sent to */
  constructor(transaction: ServerTransaction, asked: Side, sides: Sides) {
    this.#transaction = transaction;
    this.#asked = asked;
    this.#sides = sides;
  }

  /** Its second Via is the asker's own, as with the first answer. */
  accepts({ vias }: SipResponse): boolean {
    return vias[1] !== undefined && this.#transaction.isBegunBy(vias[1]);
  }

  mayAnswer(other: Sender): boolean {
    return this.#sides.sideOf(other) === this.#asked;
  }

  onResponse(response: SipResponse): void {
    this.#transaction.respond(response.status, upstream(response, this.#transaction.flow));
  }

  onTimeout(): void {}

  onTransportError(): void {}
}
