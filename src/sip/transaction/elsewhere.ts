/**
 * INVITEs that other workers of the program have. A connection belongs to one worker; a peer whose connection has ended may come
 * back on a connection of another worker, and its ACK or CANCEL is then for the worker that has the INVITE (RFC 3261 §9.2, §17.2.3).
 */
import type { SipRequest } from '../../sip-parser/index.ts';
import type { Flow } from '../transport/flow.ts';

export interface Elsewhere {
  /**
   * Gives `request` to the worker that has the INVITE with this key.
   * @returns whether another worker has it
   */
  handOver(key: string, request: SipRequest, flow: Flow): boolean;
  /** The INVITE with this key is here, until `release` is called with what this returns. */
  claim(key: string): number;
  release(claim: number): void;
}
