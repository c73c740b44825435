/**
 * What the other workers of the program have. A connection belongs to one worker, and an asker whose connection has ended may
 * come back by that of another one: what it then says of its INVITE is for the worker that has it (RFC 3261 §9.2, §17.2.3).
 */
import type { SipRequest } from '../../sip-parser/index.ts';
import type { Flow } from '../transport/flow.ts';

export interface Elsewhere {
  /**
   * Gives `request` to the worker that has the INVITE with this key.
   * @returns false: no other one has it
   */
  handOver(key: string, request: SipRequest, flow: Flow): boolean;
  /** The INVITE with this key is here, until `release` is called with what this returns. */
  claim(key: string): number;
  release(claim: number): void;
}
