/**
 * The health of one resolved target: what probes and traffic say of it, how soon it is believed, and in which order targets
 * are asked. Pure: `observe(health, observation, now, rules) -> health`; the same object when nothing has changed.
 */

/** `suspect`: something went wrong, less often than `downAfter`. */
export type HealthState = 'up' | 'suspect' | 'down';

/** What the operator says, kept apart from what is observed. Drained: asked only when no other hop can be; disabled: never. */
export type AdminState = 'in-service' | 'drained' | 'disabled';

export interface HealthRules {
  /** So many bad signs in a row make a target `down`; 1 or more. */
  readonly downAfter: number;
  /** So many good signs in a row bring it back; 1 or more. */
  readonly upAfter: number;
  /** The time in which the share of a target that came back grows from nothing to the whole; 0: at once. */
  readonly slowReturnMs: number;
  /** A longer Retry-After counts as this. */
  readonly retryAfterCapMs: number;
  /** After so long, having been down counts half: what goes down often must be good for longer to come back. */
  readonly flapMemoryMs: number;
}

export interface TargetHealth {
  readonly state: HealthState;
  readonly sinceMs: number;
  /** What was observed last that speaks for the state: `OPTIONS: 200`, `connect-refused`. */
  readonly reason: string;
  /** Bad signs in a row while not down, good ones while down. */
  readonly signs: number;
  /** Retry-After: other live targets are asked first until then. 0: no such wish. */
  readonly waitUntilMs: number;
  /** When it came back, while its share still grows. */
  readonly returnedMs: number | undefined;
  /** How often it went down, and as of when; halved with every `flapMemoryMs`. */
  readonly falls: number;
  readonly fellMs: number;
}

export type Observation =
  /** It answered, and as one who can serve. */
  | { readonly kind: 'good'; readonly what: string }
  /** Silence, a lost connection, a 503, an answer to a probe that is not a good one. */
  | { readonly kind: 'bad'; readonly what: string; readonly retryAfterMs?: number | undefined }
  /** No connection can be had: no second sign is needed. */
  | { readonly kind: 'unreachable'; readonly what: string }
  /** Nobody probes it, and it has not been asked for long enough (`askedLastMs`): traffic shall say. */
  | { readonly kind: 'rested' };

/** Nobody is refused by guess: up until something is known. */
export const unknownHealth = (nowMs: number): TargetHealth => ({
  state: 'up',
  sinceMs: nowMs,
  reason: 'not asked yet',
  signs: 0,
  waitUntilMs: 0,
  returnedMs: undefined,
  falls: 0,
  fellMs: 0,
});

const fallsAt = ({ falls, fellMs }: TargetHealth, nowMs: number, { flapMemoryMs }: HealthRules): number =>
  falls * 2 ** ((fellMs - nowMs) / flapMemoryMs);

/** A target that never stands still is held back at most so many times longer. */
const mostPatience = 16;

/** How much better than usual a target must prove itself: 1 after one fall, twice that with every further one. */
const patience = (health: TargetHealth, nowMs: number, rules: HealthRules): number =>
  Math.min(2 ** Math.max(Math.round(fallsAt(health, nowMs, rules)) - 1, 0), mostPatience);

const fall = (health: TargetHealth, reason: string, nowMs: number, rules: HealthRules): TargetHealth => ({
  ...health,
  state: 'down',
  sinceMs: nowMs,
  reason,
  signs: 0,
  returnedMs: undefined,
  falls: fallsAt(health, nowMs, rules) + 1,
  fellMs: nowMs,
});

const comeBack = (
  health: TargetHealth,
  reason: string,
  nowMs: number,
  { slowReturnMs }: HealthRules,
): TargetHealth => ({
  ...health,
  state: 'up',
  sinceMs: nowMs,
  reason,
  signs: 0,
  returnedMs: slowReturnMs > 0 ? nowMs : undefined,
});

const onGood = (health: TargetHealth, what: string, nowMs: number, rules: HealthRules): TargetHealth => {
  switch (health.state) {
    case 'up':
      return health.reason === what ? health : { ...health, reason: what };
    case 'suspect':
      return { ...health, state: 'up', sinceMs: nowMs, reason: what, signs: 0 };
    case 'down': {
      const signs = health.signs + 1;
      if (signs >= rules.upAfter * patience(health, nowMs, rules)) return comeBack(health, what, nowMs, rules);
      return { ...health, signs };
    }
  }
};

const onBad = (health: TargetHealth, what: string, nowMs: number, rules: HealthRules): TargetHealth => {
  if (health.state === 'down') return { ...health, reason: what, signs: 0 };
  const signs = health.signs + 1;
  if (signs >= rules.downAfter) return fall(health, what, nowMs, rules);
  const sinceMs = health.state === 'suspect' ? health.sinceMs : nowMs;
  return { ...health, state: 'suspect', sinceMs, reason: what, signs };
};

const onUnreachable = (health: TargetHealth, what: string, nowMs: number, rules: HealthRules): TargetHealth =>
  health.state === 'down' ? { ...health, reason: what, signs: 0 } : fall(health, what, nowMs, rules);

const onRested = (health: TargetHealth, nowMs: number, rules: HealthRules): TargetHealth => {
  const what = 'to be tried again';
  if (health.state === 'down') return comeBack(health, what, nowMs, rules);
  return health.state === 'suspect' ? onGood(health, what, nowMs, rules) : health;
};

const asked = (health: TargetHealth, retryAfterMs: number | undefined, nowMs: number, rules: HealthRules) =>
  retryAfterMs === undefined
    ? health
    : { ...health, waitUntilMs: nowMs + Math.min(retryAfterMs, rules.retryAfterCapMs) };

export const observe = (
  health: TargetHealth,
  observation: Observation,
  nowMs: number,
  rules: HealthRules,
): TargetHealth => {
  switch (observation.kind) {
    case 'good':
      return onGood(health, observation.what, nowMs, rules);
    case 'bad':
      return asked(onBad(health, observation.what, nowMs, rules), observation.retryAfterMs, nowMs, rules);
    case 'unreachable':
      return onUnreachable(health, observation.what, nowMs, rules);
    case 'rested':
      return onRested(health, nowMs, rules);
  }
};

/** Forgets waits and returns that are over. */
export const settled = (health: TargetHealth, nowMs: number, { slowReturnMs }: HealthRules): TargetHealth => {
  const hasWaited = health.waitUntilMs !== 0 && nowMs >= health.waitUntilMs;
  const hasReturned = health.returnedMs !== undefined && nowMs >= health.returnedMs + slowReturnMs;
  if (!hasWaited && !hasReturned) return health;
  return {
    ...health,
    waitUntilMs: hasWaited ? 0 : health.waitUntilMs,
    returnedMs: hasReturned ? undefined : health.returnedMs,
  };
};

/** How long a target that nobody probes is asked last before traffic tries it again. */
export const askedLastMs = (health: TargetHealth, usualMs: number, nowMs: number, rules: HealthRules): number =>
  usualMs * patience(health, nowMs, rules);

/** Nothing speaks against it, and it has its whole share. */
export const isWell = ({ state, waitUntilMs, returnedMs }: TargetHealth): boolean =>
  state === 'up' && waitUntilMs === 0 && returnedMs === undefined;

/** From 0 to 1: the part of its usual share that a target gets. */
export const shareOf = ({ returnedMs }: TargetHealth, nowMs: number, { slowReturnMs }: HealthRules): number =>
  returnedMs === undefined ? 1 : Math.min((nowMs - returnedMs) / slowReturnMs, 1);

/** In which turn a target is asked: those of a lower rank first; `live` keeps its place in the plan, `disabled` has no turn. */
export const Rank = { live: 0, returning: 1, waiting: 2, suspect: 3, down: 4, drained: 5, disabled: 6 } as const;

export type Rank = (typeof Rank)[keyof typeof Rank];

/**
 * Nothing is ever left out: when all others are down, one that waits or is down itself is still asked. So a Retry-After
 * never silences the last live target.
 * @param draw in [0, 1), the same for all requests of a Call-ID: as its share grows, a returning target only gains Call-IDs
 */
export const rankOf = (health: TargetHealth, draw: number, nowMs: number, rules: HealthRules): Rank => {
  if (health.state === 'down') return Rank.down;
  if (health.state === 'suspect') return Rank.suspect;
  if (nowMs < health.waitUntilMs) return Rank.waiting;
  return draw < shareOf(health, nowMs, rules) ? Rank.live : Rank.returning;
};

/** A hop is as well as the best of its targets; one without any is down. */
export const bestState = (targets: readonly TargetHealth[]): HealthState => {
  if (targets.some(({ state }) => state === 'up')) return 'up';
  return targets.some(({ state }) => state === 'suspect') ? 'suspect' : 'down';
};
