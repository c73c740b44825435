/** What the transports ask about peers; whoever knows the configuration answers. A reload may change every answer. */
import type { Sender, Transport } from './flow.ts';

/** What an address alone says of a peer: let in; let in if TLS proves its name; or not let in, whatever it proves. */
export type Prospect = 'admitted' | 'unproved' | 'stranger';

export interface Door {
  prospectOf(remoteAddress: string, transport: Transport): Prospect;
  /** By all that is known of it. */
  admits(peer: Sender): boolean;
  /** Whether who is not let in hears so (403), or nothing. */
  readonly answersStrangers: boolean;
}
