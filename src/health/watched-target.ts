/** One resolved target under watch: owns its health, the probes that are sent to it and the timers of both. */

import type { Clock, Timer } from '../clock.ts';
import type { Target } from '../sip/transport/flow.ts';
import {
  askedLastMs,
  isWell,
  type Observation,
  observe,
  settled,
  type TargetHealth,
  unknownHealth,
} from './hop-health.ts';
import type { AttemptNews } from './hop-knowledge.ts';
import { signOfProbe } from './hop-signs.ts';
import type { HealthSettings } from './settings.ts';

/** Ends a probe: its answer is no longer waited for. */
export type AbandonProbe = () => void;

export interface WatchParts {
  readonly clock: Clock;
  /** Numbers from 0 (included) to 1 (not included). */
  readonly random: () => number;
  /** Sends one OPTIONS by the connection that requests take. `tell` is called once at most, never before this returns. */
  sendProbe(target: Target, tell: (news: AttemptNews) => void): AbandonProbe;
  /** What is sent to the target from now on goes by a new connection. */
  renewConnection(target: Target): void;
}

/** Told of every change, also of one that leaves the state as it was. */
type OnHealth = (watched: WatchedTarget, before: TargetHealth) => void;

/** First probes come soon, but not all at once. */
const firstProbeWithinMs = 1_000;

/** A suspect target is probed often, so that it is soon up or down. */
const suspectEveryMs = 1_000;

export class WatchedTarget {
  readonly target: Target;
  health: TargetHealth;
  /** When the next probe is due, or an unprobed target is tried again; undefined: traffic alone will say. */
  nextCheckMs: number | undefined;
  #settings: HealthSettings;
  readonly #parts: WatchParts;
  readonly #onHealth: OnHealth;
  #checkTimer: Timer | undefined;
  #settleTimer: Timer | undefined;
  #probe: AbandonProbe | undefined;
  #probeTimer: Timer | undefined;
  /** Number of the current probe. Answers to earlier ones are ignored: they may have been sent under other settings. */
  #probes = 0;

  constructor(target: Target, settings: HealthSettings, parts: WatchParts, onHealth: OnHealth) {
    this.target = target;
    this.#settings = settings;
    this.#parts = parts;
    this.#onHealth = onHealth;
    this.health = unknownHealth(parts.clock.now());
    this.restart(settings);
  }

  get isWell(): boolean {
    return isWell(this.health);
  }

  /** New settings: the health stays, everything under way begins anew. */
  restart(settings: HealthSettings): void {
    this.stop();
    this.#settings = settings;
    const { isEnabled, everyMs } = settings.probe;
    if (isEnabled) this.#checkIn(this.#parts.random() * Math.min(everyMs, firstProbeWithinMs), this.#sendProbe);
    else if (this.health.state !== 'up') this.#rest();
    this.#settleLater();
  }

  stop(): void {
    this.#checkTimer?.cancel();
    this.#settleTimer?.cancel();
    this.#endProbe();
    this.nextCheckMs = undefined;
  }

  observe(observation: Observation): void {
    const now = this.#parts.clock.now();
    const before = this.health;
    const { rules } = this.#settings;
    this.health = observe(settled(before, now, rules), observation, now, rules);
    if (this.health === before) return;
    this.#settleLater();
    this.#onHealth(this, before);
    if (this.health.state !== before.state) this.#onState();
  }

  #onState(): void {
    const { isEnabled } = this.#settings.probe;
    const { state } = this.health;
    if (!isEnabled) {
      if (state !== 'up') this.#rest();
    } else if (state === 'suspect' && this.#probe === undefined) {
      this.#checkIn(0, this.#sendProbe);
    }
  }

  #rest(): void {
    const now = this.#parts.clock.now();
    const ms = askedLastMs(this.health, this.#settings.probe.everyMs, now, this.#settings.rules);
    this.#checkIn(ms, this.#haveRested);
  }

  readonly #haveRested = (): void => {
    this.nextCheckMs = undefined;
    this.observe({ kind: 'rested' });
  };

  #checkIn(ms: number, check: () => void): void {
    this.#checkTimer?.cancel();
    this.nextCheckMs = this.#parts.clock.now() + ms;
    this.#checkTimer = this.#parts.clock.after(ms, check);
  }

  readonly #sendProbe = (): void => {
    this.#probes += 1;
    const number = this.#probes;
    const tell = (news: AttemptNews) => {
      if (number === this.#probes) this.#onProbe(news);
    };
    this.#probeTimer = this.#parts.clock.after(this.#settings.probe.timeoutMs, () => tell('silent'));
    this.nextCheckMs = undefined;
    this.#probe = this.#parts.sendProbe(this.target, tell);
  };

  #onProbe(news: AttemptNews): void {
    this.#endProbe();
    const sign = signOfProbe(news, this.#settings.probe.good);
    if (sign !== undefined) this.observe(sign);
    // A connection on which nothing comes back any more may be dead without either end having been told.
    if (news === 'silent' && this.health.state === 'down') this.#parts.renewConnection(this.target);
    this.#checkIn(this.#untilNextProbe(), this.#sendProbe);
  }

  #untilNextProbe(): number {
    const { everyMs } = this.#settings.probe;
    const usual = everyMs * (0.75 + this.#parts.random() / 2);
    return this.health.state === 'suspect' ? Math.min(usual, suspectEveryMs) : usual;
  }

  #endProbe(): void {
    this.#probes += 1;
    this.#probeTimer?.cancel();
    this.#probe?.();
    this.#probe = undefined;
  }

  /** A wait and a slow return end with time: a timer ends them, so that `isWell` needs no clock. */
  #settleLater(): void {
    this.#settleTimer?.cancel();
    const { waitUntilMs, returnedMs } = this.health;
    const ends = [waitUntilMs, returnedMs === undefined ? 0 : returnedMs + this.#settings.rules.slowReturnMs];
    const now = this.#parts.clock.now();
    const next = Math.min(...ends.filter((end) => end > now));
    if (next !== Number.POSITIVE_INFINITY) this.#settleTimer = this.#parts.clock.after(next - now, this.#settle);
  }

  readonly #settle = (): void => {
    const before = this.health;
    this.health = settled(before, this.#parts.clock.now(), this.#settings.rules);
    this.#settleLater();
    if (this.health !== before) this.#onHealth(this, before);
  };
}
