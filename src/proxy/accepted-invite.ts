/**
 * What is left of an INVITE when it has been answered with 2xx: for 64*T1 repetitions of that answer are handed on (RFC 6026
 * §7.2), and neither the request nor anything that was made for it is held meanwhile.
 */
import type { Transport } from '../net/ports.ts';
import type { Side } from '../routing/types.ts';
import type { AcceptedUser } from '../sip/transaction/answered-clients.ts';
import type { Flow, Sender } from '../sip/transport/flow.ts';
import { sentByPort } from '../sip/transport/via.ts';
import type { SipResponse, Via } from '../sip-parser/index.ts';
import { upstream } from './forward.ts';
import type { ProxyParts } from './proxy-parts.ts';

/** What tells an asker's Via from others: the note that `AcceptedInvite` needs. */
export const askerIn = (via: Via, transport: Transport): string =>
  `${via.branch} ${via.host}:${sentByPort(via, transport)}`;

export class AcceptedInvite implements AcceptedUser {
  readonly #asker: Flow;
  readonly #asked: Side;
  readonly #parts: Pick<ProxyParts, 'rules' | 'transactions'>;

  /**
   * @param asker by which the INVITE came
   * @param asked the side that it was sent to
   */
  constructor(asker: Flow, asked: Side, parts: Pick<ProxyParts, 'rules' | 'transactions'>) {
    this.#asker = asker;
    this.#asked = asked;
    this.#parts = parts;
  }

  /** Its second Via is the asker's own, as with the first answer. */
  accepts({ vias }: SipResponse, note: string): boolean {
    return vias[1] !== undefined && askerIn(vias[1], this.#asker.transport) === note;
  }

  mayAnswer(other: Sender): boolean {
    return this.#parts.rules().sideOf(other) === this.#asked;
  }

  /** By the connection that the asker has now. */
  onResponse(response: SipResponse): void {
    const { transactions } = this.#parts;
    const [, via] = response.vias;
    const asker = (via && transactions.askerOf(via)) ?? this.#asker;
    transactions.respondAgain(upstream(response, asker), asker);
  }
}
