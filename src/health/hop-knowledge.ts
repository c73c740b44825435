/** What whoever sends requests asks of the health of hops, and what they tell it. */
import type { NextHop } from '../routing/types.ts';
import type { Target } from '../sip/transport/flow.ts';
import type { TransportError } from '../sip/transport/transport-error.ts';
import type { SipResponse } from '../sip-parser/index.ts';
import type { Rank } from './hop-health.ts';

export type Resolve = (hop: NextHop) => readonly Target[] | Promise<readonly Target[] | TransportError>;

/** How an attempt fared: its first or final response, its failure, or that nothing came within `failover-after`. */
export type AttemptNews = SipResponse | TransportError | 'silent';

/** What is known of the hops. It changes the turn of targets, never whether they are asked, but for those disabled by hand. */
export interface HopKnowledge {
  /** Nothing is known against any target: nobody needs to ask. */
  readonly isAllWell: boolean;
  /** @param callId those of one Call-ID get the same answer, as far as can be */
  rankOf(hop: NextHop, target: Target, callId: string): Rank;
  /** DNS has said nothing useful of the hop when it was asked last. */
  isUnresolved(hop: NextHop): boolean;
  onAttempt(target: Target, news: AttemptNews): void;
  onUnresolved(hop: NextHop, error: TransportError): void;
}
