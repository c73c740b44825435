/**
 * Which of a source's servers to try: the one in use as long as it works, the next when it fails, and back to a better one when
 * that has been away long enough. Pure: time and chance come in from outside.
 */

interface ServerState {
  /** Attempts that failed since the last success. */
  readonly failures: number;
  /** Not tried before this moment. */
  readonly restUntilMs: number;
  /** Undefined: the last attempt succeeded, or there was none. */
  readonly lastFailure: string | undefined;
  readonly failedAtMs: number | undefined;
  readonly succeededAtMs: number | undefined;
  /** How often it failed soon after it had come back; each time it has to wait twice as long for its return. */
  readonly flaps: number;
}

export interface ServerChoice {
  /** As configured, best first. */
  readonly servers: readonly ServerState[];
  /** Index of the server in use. */
  readonly inUse: number;
}

interface ChoiceSettings {
  /** A better server that failed is not used again before this time, however soon it answers. */
  readonly returnAfterMs: number;
}

export type ChoiceEvent =
  | { readonly kind: 'succeeded'; readonly server: number; readonly nowMs: number }
  /** It takes our name or password for wrong, and so will the others: each try counts towards the lock-out of the account. */
  | {
      readonly kind: 'credentials-refused';
      readonly server: number;
      readonly nowMs: number;
      readonly why: string;
      /** In [0, 1). */
      readonly spread: number;
    }
  | {
      readonly kind: 'failed';
      readonly server: number;
      readonly nowMs: number;
      readonly why: string;
      /** The server is well and refuses us: asking again soon would lock the account. */
      readonly isRefusal: boolean;
      /** In [0, 1): keeps many routers from coming back in one moment. */
      readonly spread: number;
    };

const firstRestMs = 250;
const longestRestMs = 30_000;
const firstRefusalRestMs = 60_000;
const longestRefusalRestMs = 600_000;
const mostFlaps = 5;

const fresh: ServerState = {
  failures: 0,
  restUntilMs: 0,
  lastFailure: undefined,
  failedAtMs: undefined,
  succeededAtMs: undefined,
  flaps: 0,
};

export const initialChoice = (count: number): ServerChoice => ({
  servers: Array.from({ length: count }, () => fresh),
  inUse: 0,
});

export function stepChoice(choice: ServerChoice, event: ChoiceEvent, settings: ChoiceSettings): ServerChoice {
  const before = choice.servers[event.server];
  if (before === undefined) return choice;
  if (event.kind === 'credentials-refused') return allRest(choice, event, settings);
  const after = event.kind === 'succeeded' ? succeeded(before, event.nowMs) : failed(before, event, settings);
  const servers = choice.servers.with(event.server, after);
  if (event.kind === 'succeeded') return { servers, inUse: event.server };
  // One that binds us and then serves nobody would be the first to be tried again, for ever.
  const isLeft = event.server === choice.inUse && before.failures === 0 && before.succeededAtMs !== undefined;
  return { servers, inUse: isLeft ? (event.server + 1) % servers.length : choice.inUse };
}

/** One try for all servers, at long and growing intervals; the next one is for the next server, which may know better. */
function allRest(
  { servers }: ServerChoice,
  event: ChoiceEvent & { kind: 'credentials-refused' },
  settings: ChoiceSettings,
): ServerChoice {
  const tries = servers.reduce((sum, { failures }) => sum + failures, 0);
  const restUntilMs = event.nowMs + refusalRestMs(tries, event.spread);
  const after = servers.map((state, index) => {
    const told =
      index === event.server ? failed(state, { ...event, kind: 'failed', isRefusal: true }, settings) : state;
    return { ...told, restUntilMs: Math.max(state.restUntilMs, restUntilMs) };
  });
  return { servers: after, inUse: (event.server + 1) % servers.length };
}

const refusalRestMs = (failures: number, spread: number): number =>
  Math.min(longestRefusalRestMs, firstRefusalRestMs * 2 ** Math.min(failures, 20)) * (0.5 + spread / 2);

const succeeded = (state: ServerState, nowMs: number): ServerState => ({
  ...state,
  failures: 0,
  restUntilMs: 0,
  lastFailure: undefined,
  succeededAtMs: nowMs,
});

function failed(
  { failures, succeededAtMs, flaps }: ServerState,
  { nowMs, why, isRefusal, spread }: ChoiceEvent & { kind: 'failed' },
  { returnAfterMs }: ChoiceSettings,
): ServerState {
  const restMs = isRefusal
    ? refusalRestMs(failures, spread)
    : Math.min(longestRestMs, firstRestMs * 2 ** Math.min(failures, 20)) * (0.5 + spread / 2);
  const hadReturned = failures === 0 && succeededAtMs !== undefined;
  const heldMs = nowMs - (succeededAtMs ?? 0);
  const isFlap = hadReturned && heldMs < returnAfterMs;
  return {
    failures: failures + 1,
    restUntilMs: nowMs + restMs,
    lastFailure: why,
    failedAtMs: nowMs,
    succeededAtMs,
    flaps: isFlap ? Math.min(mostFlaps, flaps + 1) : hadReturned ? 0 : flaps,
  };
}

/** May stand before the server in use again. */
const mayReturn = ({ failedAtMs, flaps }: ServerState, nowMs: number, { returnAfterMs }: ChoiceSettings): boolean =>
  failedAtMs === undefined || nowMs >= failedAtMs + returnAfterMs * 2 ** flaps;

/** Indexes of the servers to try now, in this order; none when all of them rest. */
export function candidates(
  { servers, inUse }: ServerChoice,
  nowMs: number,
  settings: ChoiceSettings,
): readonly number[] {
  const isReady = (index: number): boolean => (servers[index]?.restUntilMs ?? 0) <= nowMs;
  const all = servers.map((_, index) => index);
  const better = all.filter((index) => index < inUse && mayReturn(servers[index]!, nowMs, settings));
  const others = all.filter((index) => index !== inUse && !better.includes(index));
  return [...better, inUse, ...others].filter(isReady);
}

/** Whether a better server than the one in use should be tried. */
export const isReturnDue = (choice: ServerChoice, nowMs: number, settings: ChoiceSettings): boolean =>
  (candidates(choice, nowMs, settings)[0] ?? choice.inUse) < choice.inUse;

/** An operator wants them to be tried now; the rest after the next failure is as long as it would have been. */
export const withoutRest = ({ servers, inUse }: ServerChoice): ServerChoice => ({
  servers: servers.map((state) => ({ ...state, restUntilMs: 0 })),
  inUse,
});

/** Until the first server may be tried again; 0: now. */
export const restMs = ({ servers }: ServerChoice, nowMs: number): number =>
  Math.max(0, Math.min(...servers.map(({ restUntilMs }) => restUntilMs)) - nowMs);
