/** What is left of client transactions that have had their final response, until Timer K or M ends. */

import type { Clock } from '../../clock.ts';
import type { SipResponse } from '../../sip-parser/index.ts';
import type { MemoryAccount } from '../memory-budget.ts';
import type { Flow, Sender } from '../transport/flow.ts';
import { Lingering, type Remains } from './lingering.ts';
import { type StrayCode, strayCode } from './matching.ts';

/** Is given every further 2xx to an INVITE (RFC 6026 §7.2). It is held for 64*T1, so it should hold little. */
export interface AcceptedUser {
  /** Whether it may be a response to the request at all, by what was noted of it. */
  accepts(response: SipResponse, note: string): boolean;
  /** Whether another peer than the one that was asked may answer in its place. */
  mayAnswer(other: Sender): boolean;
  onResponse(response: SipResponse): void;
}

/** Absorbs all that comes. */
export const absorbingUser: AcceptedUser = {
  accepts: () => true,
  mayAnswer: () => false,
  onResponse() {},
};

export class AnsweredClients {
  /** Timer K: responses are absorbed. The text is the method. */
  readonly #completed: Lingering<undefined>;
  /** Timer M: a 2xx is passed up, whatever becomes of the connection (RFC 6026 §8.4). The text is the user's note. */
  readonly #accepted: Lingering<AcceptedUser>;

  constructor(clock: Clock) {
    this.#completed = new Lingering(clock);
    this.#accepted = new Lingering(clock);
  }

  get size(): number {
    return this.#completed.size + this.#accepted.size;
  }

  /**
   * Timer K begins.
   * @param account of the asker, whose words are kept
   */
  complete(key: string, ms: number, flow: Flow, method: string, account: MemoryAccount): void {
    this.#completed.add(key, ms, { flow, user: undefined, text: method }, account);
  }

  /**
   * Timer M begins.
   * @param account of the asker, whose words are kept
   */
  accept(key: string, ms: number, flow: Flow, user: AcceptedUser, note: string, account: MemoryAccount): void {
    this.#accepted.add(key, ms, { flow, user, text: note }, account);
  }

  /** Why nothing was done with it. */
  onResponse(key: string, response: SipResponse, from: Sender): StrayCode | undefined {
    const accepted = this.#accepted.find(key);
    if (accepted !== undefined) return onFurtherResponse(accepted, response, from);
    const completed = this.#completed.find(key);
    if (completed === undefined) return 'no-transaction';
    return strayCode(response, from, completed.flow, completed.text, absorbingUser);
  }
}

const onFurtherResponse = (
  { flow, user, text: note }: Remains<AcceptedUser>,
  response: SipResponse,
  from: Sender,
): StrayCode | undefined => {
  const stray = strayCode(response, from, flow, 'INVITE', user);
  if (stray !== undefined) return stray;
  if (!user.accepts(response, note)) return 'not-for-the-asker';
  if (response.status >= 200 && response.status < 300) user.onResponse(response);
  return undefined;
};
