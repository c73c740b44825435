/** A failure of the transport below a transaction, as a value. */

import type { transportErrors } from '../reasons.ts';

export type TransportErrorCode = keyof typeof transportErrors;

/** A failure of the transport below a transaction (RFC 3261 §17.1.4, §18.4). */
export interface TransportError {
  readonly code: TransportErrorCode;
  /** For people: `connect ECONNREFUSED 127.0.0.22:5060`. */
  readonly detail: string;
}
