/** The seam between the product's mind and a SIP stack: an engine asks the rules for each request and carries out the answer. */

import type { AdminState } from '../health/hop-health.ts';
import type { HopView } from '../health/hop-monitor.ts';
import type { HealthSettings } from '../health/settings.ts';
import type { KnownHop } from '../routing/routes/route-table.ts';
import type { MemoryAccount } from '../sip/memory-budget.ts';
import type { Timers } from '../sip/transaction/timers.ts';
import type { Door } from '../sip/transport/door.ts';
import type { Flow, Listener, Sender, Target } from '../sip/transport/flow.ts';
import type { ListeningChange } from '../sip/transport/listening.ts';
import type { TransportSettings } from '../sip/transport/settings.ts';
import type { OpenConnection } from '../sip/transport/transport-layer.ts';
import type { Proof } from './hop-places.ts';

/** How the next hops fare, and what the operator says of them. */
export interface HopControl {
  /** Every watched hop, in the order of the configuration. */
  view(): readonly HopView[];
  /** @param by who says so, for people */
  setAdminState(hopId: string, state: AdminState, by: string): void;
}

/** What an engine is built from, and may be told anew while it runs. */
export interface EngineSettings {
  readonly transport: TransportSettings;
  readonly door: Door;
  readonly timers: Timers;
  /** The hops that are watched. */
  readonly hops: readonly KnownHop[];
  readonly health: HealthSettings;
}

/** What an engine has done and has in hand. */
export interface EngineLoad {
  /** Heard since the start, retransmissions included. */
  readonly requests: number;
  /** That still wait for their answer, or answers for their ACK. */
  readonly openRequests: number;
  /** Stream connections, those that peers opened and our own. */
  readonly connections: number;
  /** What peers make us hold, in octets: half-read messages, requests, kept answers, queues; and how much it may be. */
  readonly heldOctets: number;
  readonly memoryLimitOctets: number;
  /** Requests and connections that were refused for it since the start. */
  readonly memoryRefusals: number;
  /** Peers now connected whose certificates have no other name: `imp1.example.com at 192.0.2.11`. */
  readonly knownByCommonName: readonly string[];
}

export interface SipEngine<Watch = unknown> {
  /** Who watches the next hops. */
  readonly hops: Watch;
  /** Those that are open, in configured order. */
  readonly listeners: readonly Listener[];
  /** Opens every listener, or none: rejects with a ListenError. */
  start(): Promise<void>;
  /** Makes ready for other settings; they are in force from `commit` on. Rejects with a ListenError. One at a time. */
  reconfigure(settings: EngineSettings): Promise<ListeningChange>;
  /** How many requests still wait for their answer, or answers for their ACK. */
  countOpenTransactions(): number;
  load(): EngineLoad;
  /** TCP and TLS, by which something may still be sent. */
  readonly connections: Iterable<OpenConnection>;
  /** A response that came to another worker, and is for this one. */
  takeResponse(text: string, from: Sender): void;
  /** What a peer has proved to another worker. */
  hearProof(proof: Proof): void;
  /** A request that came to another worker by a connection of its own, and is about an INVITE of this one. */
  takeRequest(text: string, flow: Flow): void;
  /** What this worker holds for the peer at an address. */
  accountOf(address: string): MemoryAccount;
  /** The answer of another worker to a request that came by `flow`. */
  sendResponse(text: string, flow: Flow): void;
  /** What is sent to the target from now on goes by a new connection. */
  leave(target: Target): void;
  /** Takes no new connections; requests under way may end until `drainMs` have passed. */
  stop(drainMs: number): Promise<void>;
}
