/**
 * The health of the hops in a worker. The main thread probes and judges; a worker reports what its traffic shows, and is sent the
 * result. Names are resolved here too, ahead of need.
 */

import type { Clock, Timer } from '../clock.ts';
import type { KnownHop } from '../routing/routes/route-table.ts';
import type { NextHop } from '../routing/types.ts';
import type { Target } from '../sip/transport/flow.ts';
import type { TransportError } from '../sip/transport/transport-error.ts';
import { type Observation, Rank, rankOf } from './hop-health.ts';
import type { AttemptNews, Resolve } from './hop-knowledge.ts';
import { drawOf, followEveryMs, type HopPicture, type HopWatch, targetKey } from './hop-monitor.ts';
import { signOfTraffic } from './hop-signs.ts';

/** What is seen here, for the thread that judges. */
export type HopReport =
  | { readonly kind: 'sign'; readonly key: string; readonly sign: Observation }
  | { readonly kind: 'unresolved'; readonly hop: string; readonly detail: string };

interface MirrorParts {
  /** The main thread's: the times that it sends are by its clock. */
  readonly clock: Clock;
  readonly resolve: Resolve;
  report(news: HopReport): void;
}

export class HopMirror implements HopWatch {
  isAllWell = true;
  readonly #parts: MirrorParts;
  #picture: HopPicture | undefined;
  #hops: readonly NextHop[] = [];
  #followTimer: Timer | undefined;

  constructor(parts: MirrorParts) {
    this.#parts = parts;
  }

  show(picture: HopPicture): void {
    const { unwell, admin, unresolved } = picture;
    this.#picture = picture;
    this.isAllWell = unwell.size === 0 && admin.size === 0 && unresolved.size === 0;
  }

  watch(hops: readonly KnownHop[]): void {
    this.#hops = hops.map(({ hop }) => hop);
    this.#followTimer?.cancel();
    this.#follow();
  }

  stop(): void {
    this.#followTimer?.cancel();
  }

  rankOf(hop: NextHop, target: Target, callId: string): Rank {
    if (this.#picture === undefined) return Rank.live;
    const { unwell, admin, rules } = this.#picture;
    const state = admin.get(hop.id);
    if (state === 'disabled') return Rank.disabled;
    if (state === 'drained') return Rank.drained;
    const health = unwell.get(targetKey(target));
    return health === undefined ? Rank.live : rankOf(health, drawOf(callId), this.#parts.clock.now(), rules);
  }

  isUnresolved(hop: NextHop): boolean {
    return this.#picture?.unresolved.has(hop.id) ?? false;
  }

  /** Reports only what may change something: a message between threads for each answer would cost more than the answer. */
  onAttempt(target: Target, news: AttemptNews): void {
    if (this.isAllWell && typeof news === 'object' && 'status' in news && news.status !== 503) return;
    const sign = signOfTraffic(news);
    if (sign === undefined) return;
    const key = targetKey(target);
    const state = this.#picture?.unwell.get(key)?.state ?? 'up';
    if (sign.kind !== 'good' || state !== 'up') this.#parts.report({ kind: 'sign', key, sign });
  }

  onUnresolved({ id }: NextHop, { detail }: TransportError): void {
    this.#parts.report({ kind: 'unresolved', hop: id, detail });
  }

  /** Only so that the resolver knows the answers: the main thread judges whether a name can be resolved. */
  #follow(): void {
    for (const hop of this.#hops) void this.#parts.resolve(hop);
    this.#followTimer = this.#parts.clock.after(followEveryMs, () => this.#follow());
  }
}
