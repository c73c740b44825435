/**
 * Watches every configured hop: resolves its name to targets, watches each target, says in which order targets are tried, and
 * reports every change. What an observation means is decided in hop-health.ts.
 */

import type { Timer } from '../clock.ts';
import { fnv } from '../hash/spread.ts';
import type { KnownHop } from '../routing/routes/route-table.ts';
import type { NextHop, Side } from '../routing/types.ts';
import type { Target } from '../sip/transport/flow.ts';
import type { TransportError } from '../sip/transport/transport-error.ts';
import {
  type AdminState,
  bestState,
  type HealthRules,
  type HealthState,
  type Observation,
  Rank,
  rankOf,
  shareOf,
  type TargetHealth,
} from './hop-health.ts';
import type { AttemptNews, HopKnowledge, Resolve } from './hop-knowledge.ts';
import { signOfTraffic } from './hop-signs.ts';
import type { HealthSettings } from './settings.ts';
import { WatchedTarget, type WatchParts } from './watched-target.ts';

/** One line in the log each. */
export type HopEvent =
  | {
      readonly event: 'target-health';
      /** `tcp:192.0.2.1:5060`. */
      readonly target: string;
      readonly hops: readonly string[];
      readonly from: HealthState;
      readonly to: HealthState;
      readonly reason: string;
    }
  | { readonly event: 'hop-waits'; readonly target: string; readonly hops: readonly string[]; readonly forMs: number }
  | { readonly event: 'hop-unresolved' | 'hop-resolved'; readonly hop: string; readonly reason: string }
  | { readonly event: 'hop-admin'; readonly hop: string; readonly to: AdminState; readonly reason: string };

export interface MonitorParts extends WatchParts {
  readonly resolve: Resolve;
  onHopEvent(event: HopEvent): void;
}

/** What an engine needs of the watcher of its hops: this monitor, or in a worker the mirror of it. */
export interface HopWatch extends HopKnowledge {
  watch(hops: readonly KnownHop[], settings: HealthSettings): void;
  stop(): void;
}

/** All that is needed to put targets in order; plain values, for other threads. */
export interface HopPicture {
  /** By `targetKey`; a target without a fault is not in it. */
  readonly unwell: ReadonlyMap<string, TargetHealth>;
  /** By hop; those in service are not in it. */
  readonly admin: ReadonlyMap<string, AdminState>;
  /** Hops whose names cannot be resolved. */
  readonly unresolved: ReadonlySet<string>;
  readonly rules: HealthRules;
}

interface TargetView {
  /** `tcp:192.0.2.1:5060`. */
  readonly address: string;
  readonly tlsName: string | undefined;
  readonly state: HealthState;
  /** How long it has been in this state. */
  readonly sinceMs: number;
  readonly reason: string;
  /** Until the next probe; undefined while one is under way, and for an unprobed target that is not down. */
  readonly nextCheckInMs: number | undefined;
  /** What is left of a Retry-After; 0: nothing. */
  readonly waitsMs: number;
  /** From 0 to 1. */
  readonly share: number;
}

export interface HopView {
  readonly id: string;
  readonly side: Side;
  readonly state: HealthState;
  /** Why it is down without any target being down; undefined when DNS has said where it is. */
  readonly unresolved: string | undefined;
  readonly admin: { readonly state: AdminState; readonly by: string };
  readonly targets: readonly TargetView[];
}

interface WatchedHop {
  readonly hop: NextHop;
  readonly side: Side;
  targets: readonly WatchedTarget[];
  unresolved: string | undefined;
}

interface AdminOverride {
  readonly state: AdminState;
  readonly by: string;
}

/** How often the names of hops are resolved anew; the resolver decides when DNS is really asked. */
export const followEveryMs = 1_000;

const addressOf = ({ transport, address, port }: Target): string => `${transport}:${address}:${port}`;

/** The same for all threads. */
export const targetKey = (target: Target): string => {
  const { tlsName = '', otherTlsNames, tlsProfile = '' } = target;
  const names = otherTlsNames === undefined ? tlsName : [tlsName, ...otherTlsNames].join(',');
  return `${addressOf(target)} ${names} ${tlsProfile}`;
};

/** Other than the start of the hash that chooses hops: the draw must not depend on that choice. */
const drawStart = 0x51ed270b;

export const drawOf = (callId: string): number => (fnv(drawStart, callId) >>> 0) / 2 ** 32;

export class HopMonitor implements HopWatch {
  isAllWell = true;
  #settings: HealthSettings;
  readonly #parts: MonitorParts;
  #hops = new Map<string, WatchedHop>();
  readonly #targets = new Map<string, WatchedTarget>();
  /** Set by hand; those in service are not in it. */
  readonly #admin = new Map<string, AdminOverride>();
  #followTimer: Timer | undefined;
  #onPicture: ((picture: HopPicture) => void) | undefined;

  constructor(settings: HealthSettings, parts: MonitorParts) {
    this.#settings = settings;
    this.#parts = parts;
  }

  /** Watches these hops and no others. What is known of those that were watched before is kept. */
  watch(hops: readonly KnownHop[], settings: HealthSettings): void {
    this.#settings = settings;
    const before = this.#hops;
    this.#hops = new Map();
    for (const { hop, side } of hops) {
      const known = before.get(hop.id);
      const { targets = [], unresolved } = known ?? {};
      this.#hops.set(hop.id, { hop, side, targets, unresolved });
    }
    for (const watched of this.#targets.values()) watched.restart(settings);
    this.#followTimer?.cancel();
    this.#follow();
    this.#dropUnused();
    this.#judge();
  }

  stop(): void {
    this.#followTimer?.cancel();
    for (const watched of this.#targets.values()) watched.stop();
  }

  /** @param by who says so, for people */
  setAdminState(hopId: string, state: AdminState, by: string): void {
    if (state === 'in-service') this.#admin.delete(hopId);
    else this.#admin.set(hopId, { state, by });
    this.#judge();
    this.#parts.onHopEvent({ event: 'hop-admin', hop: hopId, to: state, reason: by });
  }

  rankOf(hop: NextHop, target: Target, callId: string): Rank {
    const admin = this.#admin.get(hop.id)?.state;
    if (admin === 'disabled') return Rank.disabled;
    if (admin === 'drained') return Rank.drained;
    const watched = this.#targets.get(targetKey(target));
    if (watched === undefined || watched.isWell) return Rank.live;
    return rankOf(watched.health, drawOf(callId), this.#parts.clock.now(), this.#settings.rules);
  }

  isUnresolved(hop: NextHop): boolean {
    return this.#isUnresolved(hop.id);
  }

  #isUnresolved(hopId: string): boolean {
    return this.#hops.get(hopId)?.unresolved !== undefined;
  }

  /** An ordinary answer must cost nothing while all is well. */
  onAttempt(target: Target, news: AttemptNews): void {
    if (this.isAllWell && typeof news === 'object' && 'status' in news && news.status !== 503) return;
    const sign = signOfTraffic(news);
    if (sign !== undefined) this.#targets.get(targetKey(target))?.observe(sign);
  }

  onUnresolved({ id }: NextHop, { detail }: TransportError): void {
    this.hearUnresolved(id, detail);
  }

  /** What another thread has seen of a target. */
  hearSign(key: string, sign: Observation): void {
    this.#targets.get(key)?.observe(sign);
  }

  /** What DNS has said to another thread. */
  hearUnresolved(hopId: string, detail: string): void {
    const watched = this.#hops.get(hopId);
    if (watched !== undefined) this.#noteUnresolved(watched, detail);
  }

  /** @param onPicture is given what is known now, and again whenever it changes */
  tellOthers(onPicture: (picture: HopPicture) => void): void {
    this.#onPicture = onPicture;
    onPicture(this.#picture());
  }

  #picture(): HopPicture {
    const unwell = [...this.#targets].filter(([, { isWell }]) => !isWell);
    return {
      unwell: new Map(unwell.map(([key, { health }]) => [key, health])),
      admin: new Map([...this.#admin].map(([id, { state }]) => [id, state])),
      unresolved: new Set([...this.#hops].filter(([id]) => this.#isUnresolved(id)).map(([id]) => id)),
      rules: this.#settings.rules,
    };
  }

  #follow(): void {
    for (const watched of this.#hops.values()) {
      const resolved = this.#parts.resolve(watched.hop);
      if (!(resolved instanceof Promise)) this.#onResolved(watched, resolved);
      else void resolved.then((late) => this.#onResolvedLate(watched, late));
    }
    this.#followTimer = this.#parts.clock.after(followEveryMs, () => this.#follow());
  }

  #onResolvedLate(watched: WatchedHop, resolved: readonly Target[] | TransportError): void {
    // A reload may have come in between.
    if (this.#hops.get(watched.hop.id) !== watched) return;
    if ('code' in resolved) this.#noteUnresolved(watched, resolved.detail);
    else this.#onResolved(watched, resolved);
  }

  #onResolved(watched: WatchedHop, targets: readonly Target[]): void {
    if (watched.unresolved !== undefined) this.#noteResolved(watched);
    const isKnown = (target: Target) => watched.targets.some((known) => targetKey(known.target) === targetKey(target));
    if (targets.length === watched.targets.length && targets.every(isKnown)) return;
    watched.targets = targets.map((target) => this.#watchTarget(target));
    this.#dropUnused();
    this.#judge();
  }

  #watchTarget(target: Target): WatchedTarget {
    const key = targetKey(target);
    const known = this.#targets.get(key);
    if (known !== undefined) return known;
    const watched = new WatchedTarget(target, this.#settings, this.#parts, this.#onHealth);
    this.#targets.set(key, watched);
    return watched;
  }

  #dropUnused(): void {
    const used = new Set([...this.#hops.values()].flatMap(({ targets }) => targets));
    for (const [key, watched] of this.#targets) {
      if (used.has(watched)) continue;
      watched.stop();
      this.#targets.delete(key);
    }
  }

  #noteUnresolved(watched: WatchedHop, reason: string): void {
    const isNews = watched.unresolved === undefined;
    watched.unresolved = reason;
    if (!isNews) return;
    this.#judge();
    this.#parts.onHopEvent({ event: 'hop-unresolved', hop: watched.hop.id, reason });
  }

  #noteResolved(watched: WatchedHop): void {
    watched.unresolved = undefined;
    this.#judge();
    this.#parts.onHopEvent({ event: 'hop-resolved', hop: watched.hop.id, reason: 'DNS answers again' });
  }

  readonly #onHealth = (watched: WatchedTarget, before: TargetHealth): void => {
    this.#judge();
    const { state, reason, waitUntilMs } = watched.health;
    const of = { target: addressOf(watched.target), hops: this.#idsOf(watched) };
    if (state !== before.state) {
      this.#parts.onHopEvent({ event: 'target-health', ...of, from: before.state, to: state, reason });
    }
    if (waitUntilMs > before.waitUntilMs && before.waitUntilMs === 0) {
      this.#parts.onHopEvent({ event: 'hop-waits', ...of, forMs: waitUntilMs - this.#parts.clock.now() });
    }
  };

  #idsOf(watched: WatchedTarget): string[] {
    return [...this.#hops.values()].filter(({ targets }) => targets.includes(watched)).map(({ hop }) => hop.id);
  }

  /** Computed at each change, so that requests need not compute it. */
  #judge(): void {
    this.isAllWell =
      this.#admin.size === 0 &&
      [...this.#targets.values()].every(({ isWell }) => isWell) &&
      [...this.#hops.values()].every(({ unresolved }) => unresolved === undefined);
    this.#onPicture?.(this.#picture());
  }

  /** Every configured hop, in the order of the configuration. */
  view(): readonly HopView[] {
    const now = this.#parts.clock.now();
    return [...this.#hops.values()].map(({ hop, side, targets, unresolved }) => ({
      id: hop.id,
      side,
      state: unresolved === undefined ? bestState(targets.map(({ health }) => health)) : 'down',
      unresolved,
      admin: this.#admin.get(hop.id) ?? { state: 'in-service', by: 'routes.yaml' },
      targets: targets.map((watched) => this.#targetView(watched, now)),
    }));
  }

  #targetView({ target, health, nextCheckMs }: WatchedTarget, now: number): TargetView {
    return {
      address: addressOf(target),
      tlsName: target.tlsName,
      state: health.state,
      sinceMs: now - health.sinceMs,
      reason: health.reason,
      nextCheckInMs: nextCheckMs === undefined ? undefined : Math.max(nextCheckMs - now, 0),
      waitsMs: Math.max(health.waitUntilMs - now, 0),
      share: shareOf(health, now, this.#settings.rules),
    };
  }
}
