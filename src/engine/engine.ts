/** The seam between the product's mind and a SIP stack: an engine asks `route` for each request and carries out the answer. */
import type { Route } from '../proxy/proxy-core.ts';
import type { AdminState } from '../routing/hop-health.ts';
import type { KnownHop } from '../routing/route-table.ts';
import type { Listener } from '../sip/transport/flow.ts';
import type { HopView } from './hop-monitor.ts';
import type { HealthSettings } from './watched-target.ts';

/** How the next hops fare, and what the operator says of them. */
export interface HopControl {
  /** Watches these hops and no others; what is known of those that were watched before is kept. */
  watch(hops: readonly KnownHop[], settings: HealthSettings): void;
  /** Every watched hop, in the order of the configuration. */
  view(): readonly HopView[];
  /** @param by who says so, for people */
  setAdminState(hopId: string, state: AdminState, by: string): void;
}

export interface SipEngine {
  readonly hops: HopControl;
  /** Opens every listener, or none: rejects with a ListenError. */
  start(route: Route): Promise<readonly Listener[]>;
  /** Takes no new connections; requests under way may end until `drainMs` have passed. */
  stop(drainMs: number): Promise<void>;
}
