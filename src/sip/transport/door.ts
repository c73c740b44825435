/** What the transports ask about peers; the answers follow the configuration, and change with a reload. */
import type { Transport } from '../../net/ports.ts';
import type { Sender } from './flow.ts';

/** What an address alone says of a peer: let in; let in if TLS proves its name; or not let in, whatever it proves. */
type Prospect = 'admitted' | 'unproved' | 'stranger';

export interface Door {
  prospectOf(remoteAddress: string, transport: Transport): Prospect;
  /** By all that is known of it. */
  admits(peer: Sender): boolean;
  /** Whether a peer that is not let in gets 403, or no answer. */
  readonly answersStrangers: boolean;
}
