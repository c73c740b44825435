/** The seam between the product's mind and a SIP stack: an engine asks the rules for each request and carries out the answer. */
import type { Rules } from '../proxy/proxy-core.ts';
import type { AdminState } from '../routing/hop-health.ts';
import type { KnownHop } from '../routing/route-table.ts';
import type { Timers } from '../sip/transaction/timers.ts';
import type { Listener } from '../sip/transport/flow.ts';
import type { Change } from '../sip/transport/listening.ts';
import type { TransportSettings } from '../sip/transport/settings.ts';
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

/** What an engine is built from, and may be told anew while it runs. */
export interface EngineSettings {
  readonly transport: TransportSettings;
  readonly timers: Timers;
  /** The hops that are watched. */
  readonly hops: readonly KnownHop[];
  readonly health: HealthSettings;
}

export interface SipEngine {
  /** Those that are open, in configured order. */
  readonly listeners: readonly Listener[];
  readonly hops: HopControl;
  /**
   * Opens every listener, or none: rejects with a ListenError.
   * @param rules gives those in force; asked once for each request
   */
  start(rules: () => Rules): Promise<void>;
  /** Makes ready for other settings; they are in force from `commit` on. Rejects with a ListenError. One at a time. */
  reconfigure(settings: EngineSettings): Promise<Change>;
  /** How many requests still wait for their answer, or answers for their ACK. */
  countOpenTransactions(): number;
  /** Takes no new connections; requests under way may end until `drainMs` have passed. */
  stop(drainMs: number): Promise<void>;
}
