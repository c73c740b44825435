/**
 * The response context of RFC 3261 §16.7 with serial failover between next hops: which branch to start, what to hand
 * upstream and when. Pure: `step(context, event) -> { next, effects }`. The first branch is started without being asked for.
 */

/**
 * `silent`: nothing came back yet; `answered`: a 100; `ringing`: a provisional response above 100; `interrupted`: its
 * connection ended after a 100; `left`: silent or interrupted for so long that the next hop was asked, though it may still
 * speak, and then counts like any other branch; `lost`: its connection ended before anything came back, which counts as a 503,
 * but the hop may have the request and speak, too; `ended`.
 */
type BranchPhase = 'silent' | 'answered' | 'ringing' | 'interrupted' | 'left' | 'lost' | 'ended';

interface Branch {
  readonly phase: BranchPhase;
  /** A provisional response has come: a CANCEL may be sent (§9.1). */
  readonly isHeard: boolean;
  /** `wanted`: to be sent as soon as a provisional response allows it (§9.1). */
  readonly cancel: 'no' | 'wanted' | 'sent';
  /** Timer C fired: whatever ends this branch counts as a 408 (§16.8). */
  readonly isExpired: boolean;
}

/** How a branch ended, from the best choice's point of view. */
export interface Outcome {
  readonly branch: number;
  readonly status: number;
  /** `response`: came from the hop; the others are ours (§16.8, §16.9). */
  readonly origin: 'response' | 'timeout' | 'transport-error';
}

export interface ResponseContext {
  readonly isInvite: boolean;
  readonly branches: readonly Branch[];
  readonly outcomes: readonly Outcome[];
  readonly hasAnswered: boolean;
  readonly isCancelled: boolean;
}

/** `hasMore`: another target could be tried. */
export type ContextEvent =
  | { readonly kind: 'started'; readonly hasMore: boolean }
  /** The branch could not start: no target was left after all. */
  | { readonly kind: 'exhausted' }
  | { readonly kind: 'response'; readonly branch: number; readonly status: number; readonly hasMore: boolean }
  | { readonly kind: 'timeout'; readonly branch: number; readonly hasMore: boolean }
  /** `mayAnswer`: the request had left before, so that the hop may have it. */
  | {
      readonly kind: 'transport-error';
      readonly branch: number;
      readonly hasMore: boolean;
      readonly mayAnswer: boolean;
    }
  /** `failover-after` has passed. */
  | { readonly kind: 'no-answer'; readonly branch: number; readonly hasMore: boolean }
  | { readonly kind: 'timer-c'; readonly branch: number }
  | { readonly kind: 'cancel' };

export type ContextEffect =
  | { readonly do: 'start-branch' }
  | { readonly do: 'cancel-branch'; readonly branch: number }
  /** Nobody wants the INVITE any more, so it is not sent again; a provisional response, which allows the CANCEL, is awaited. */
  | { readonly do: 'stop-repeating'; readonly branch: number }
  /** Nothing is expected of it any more: its client transaction may go (§9.1, §16.8). */
  | { readonly do: 'abandon-branch'; readonly branch: number }
  /** The response of this event goes upstream as it is. */
  | { readonly do: 'forward-response'; readonly branch: number }
  /** The best of all outcomes goes upstream (§16.7 step 6). */
  | { readonly do: 'answer'; readonly outcome: Outcome | undefined }
  | { readonly do: 'start-timer'; readonly timer: 'failover' | 'C' | 'cancelled'; readonly branch: number }
  | { readonly do: 'stop-timer'; readonly timer: 'failover' | 'C'; readonly branch: number };

interface ContextStep {
  readonly next: ResponseContext;
  readonly effects: readonly ContextEffect[];
}

const startBranch: ContextEffect = { do: 'start-branch' };
const freshBranch: Branch = { phase: 'silent', isHeard: false, cancel: 'no', isExpired: false };
const noEffects: readonly ContextEffect[] = [];
const noBranches: readonly Branch[] = [];
const noOutcomes: readonly Outcome[] = [];

/** Those of one branch are the same for every request, and made once for each number that a branch has had. */
const ofBranch = (make: (branch: number) => ContextEffect) => {
  const made: ContextEffect[] = [];
  return (branch: number): ContextEffect => {
    made[branch] ??= make(branch);
    return made[branch];
  };
};

const startFailover = ofBranch((branch) => ({ do: 'start-timer', timer: 'failover', branch }));
const stopFailover = ofBranch((branch) => ({ do: 'stop-timer', timer: 'failover', branch }));
const startTimerC = ofBranch((branch) => ({ do: 'start-timer', timer: 'C', branch }));
const stopTimerC = ofBranch((branch) => ({ do: 'stop-timer', timer: 'C', branch }));
const forwardResponse = ofBranch((branch) => ({ do: 'forward-response', branch }));

/** Timer C is that of an INVITE (§16.6 step 11). */
const stopTimers = ({ isInvite }: ResponseContext, branch: number): ContextEffect[] =>
  isInvite ? [stopFailover(branch), stopTimerC(branch)] : [stopFailover(branch)];

const untroubled = (isInvite: boolean, branches: readonly Branch[]): ResponseContext => ({
  isInvite,
  branches,
  outcomes: noOutcomes,
  hasAnswered: false,
  isCancelled: false,
});

/** Most requests wait in the last two of these, which are the same for all. */
const freshInvite = untroubled(true, noBranches);
const freshOther = untroubled(false, noBranches);
const sentInvite = untroubled(true, [freshBranch]);
const sentOther = untroubled(false, [freshBranch]);

export const openContext = (isInvite: boolean): ResponseContext => (isInvite ? freshInvite : freshOther);

const withFreshBranch = (context: ResponseContext): ResponseContext => {
  if (context === freshInvite) return sentInvite;
  if (context === freshOther) return sentOther;
  return { ...context, branches: [...context.branches, freshBranch] };
};

const stay = (next: ResponseContext): ContextStep => ({ next, effects: noEffects });

const replaced = ({ branches }: ResponseContext, index: number, branch: Branch): readonly Branch[] => {
  const changed = branches.slice();
  changed[index] = branch;
  return changed;
};

const withBranch = (context: ResponseContext, index: number, branch: Branch): ResponseContext => ({
  ...context,
  branches: replaced(context, index, branch),
});

const isAwaited = ({ phase }: Branch): boolean => phase !== 'left' && phase !== 'lost' && phase !== 'ended';

const onStarted = (context: ResponseContext, hasMore: boolean): ContextStep => {
  const branch = context.branches.length;
  const next = withFreshBranch(context);
  if (!context.isInvite) return { next, effects: hasMore ? [startFailover(branch)] : noEffects };
  return { next, effects: hasMore ? [startFailover(branch), startTimerC(branch)] : [startTimerC(branch)] };
};

/** Asks a branch to stop: at once when a provisional response allows a CANCEL, else as soon as one comes (§9.1). */
const cancelBranch = (context: ResponseContext, index: number, effects: ContextEffect[]): ResponseContext => {
  const branch = context.branches[index];
  if (branch === undefined || branch.phase === 'ended' || branch.cancel === 'sent' || !context.isInvite) return context;
  if (!branch.isHeard) {
    // A copy of the INVITE may bring the response that was lost, and so the CANCEL. But a hop that has been silent for so long
    // that another was asked is dead, and if it came back it would ring for nobody.
    if (branch.phase === 'left' && branch.cancel === 'no') effects.push({ do: 'stop-repeating', branch: index });
    return withBranch(context, index, { ...branch, cancel: 'wanted' });
  }
  effects.push({ do: 'cancel-branch', branch: index }, { do: 'start-timer', timer: 'cancelled', branch: index });
  return withBranch(context, index, { ...branch, cancel: 'sent' });
};

const cancelAllBut = (context: ResponseContext, kept: number, effects: ContextEffect[]): ResponseContext => {
  let next = context;
  for (let index = 0; index < context.branches.length; index++) {
    if (index !== kept) next = cancelBranch(next, index, effects);
  }
  return next;
};

/** §16.7 steps 2 and 5: a 100 goes no further, every other one at once; none to a non-INVITE (RFC 4320 §4.1). */
const onProvisional = (context: ResponseContext, index: number, status: number): ContextStep => {
  const branch = context.branches[index];
  if (branch === undefined || branch.phase === 'ended') return stay(context);
  const phase = status > 100 || branch.phase === 'ringing' ? 'ringing' : 'answered';
  const next = withBranch(context, index, { ...branch, phase, isHeard: true });
  if (branch.cancel === 'wanted') {
    const effects = [stopFailover(index)];
    return { next: cancelBranch(next, index, effects), effects };
  }
  if (branch.phase === 'lost' && status === 100) return { next, effects: [startTimerC(index)] };
  if (status === 100 || !context.isInvite || context.hasAnswered) return { next, effects: [stopFailover(index)] };
  return { next, effects: [stopFailover(index), startTimerC(index), forwardResponse(index)] };
};

/** §16.7 step 5: every 2xx to INVITE goes up, whatever went before; a second final to anything else does not. */
const effectsOfSuccess = (context: ResponseContext, index: number): ContextEffect[] => {
  if (context.isInvite) return [stopFailover(index), stopTimerC(index), forwardResponse(index)];
  return context.hasAnswered ? [stopFailover(index)] : [stopFailover(index), forwardResponse(index)];
};

const onSuccess = (context: ResponseContext, index: number): ContextStep => {
  const effects = effectsOfSuccess(context, index);
  const branches = replaced(context, index, { ...(context.branches[index] ?? freshBranch), phase: 'ended' });
  const next = cancelAllBut({ ...context, branches, hasAnswered: true }, index, effects);
  return { next, effects };
};

/** A 503, no answer and a dead transport let another hop try; anything else is the callee's word (§16.7, RFC 3263 §4.3). */
const allowsNextHop = (branch: Branch, outcome: Outcome): boolean =>
  branch.phase !== 'ringing' && (outcome.origin !== 'response' || outcome.status === 503);

const onFailure = (context: ResponseContext, outcome: Outcome, hasMore: boolean): ContextStep => {
  const { branch: index } = outcome;
  const branch = context.branches[index];
  if (branch === undefined || branch.phase === 'ended') return stay(context);
  const effects = stopTimers(context, index);
  // A 487 that only our own CANCEL brought about is not what the caller's request came to.
  const isOurs = branch.isExpired || (outcome.status === 487 && branch.cancel === 'sent' && !context.isCancelled);
  const counted: Outcome = isOurs ? { branch: index, status: 408, origin: 'timeout' } : outcome;
  if (context.isInvite && outcome.origin !== 'response') effects.push({ do: 'abandon-branch', branch: index });
  const ended = withBranch(context, index, { ...branch, phase: 'ended' });
  const next = { ...ended, outcomes: [...context.outcomes, counted] };
  if (next.hasAnswered) return { next, effects };
  if (allowsNextHop(branch, counted)) return tryOn(next, branch, hasMore, effects);
  return settle(next, counted, effects);
};

/** The branch failed in a way that another hop may mend. */
const tryOn = (context: ResponseContext, failed: Branch, hasMore: boolean, effects: ContextEffect[]): ContextStep => {
  const isSuperseded = failed.phase === 'left' || failed.phase === 'lost';
  if (hasMore && !context.isCancelled && !isSuperseded) return { next: context, effects: [...effects, startBranch] };
  if (context.branches.some(isAwaited)) return { next: context, effects };
  return lastHope(context, effects);
};

/** Nobody is left to ask: a hop that was left silent may still answer, and nothing better can be had. */
const lastHope = (context: ResponseContext, effects: ContextEffect[]): ContextStep => {
  const index = context.branches.findIndex(({ phase }) => phase === 'left');
  const left = context.branches[index];
  if (left === undefined || context.isCancelled) return answer(context, effects);
  return { next: withBranch(context, index, { ...left, phase: 'silent', cancel: 'no' }), effects };
};

/** A final answer of the callee's side: 6xx ends everything (§16.7 step 5), the rest waits for branches under way. */
const settle = (context: ResponseContext, outcome: Outcome, effects: ContextEffect[]): ContextStep => {
  const next = outcome.status >= 600 ? cancelAllBut(context, outcome.branch, effects) : context;
  return next.branches.some(isAwaited) ? { next, effects } : answer(next, effects);
};

const answer = (context: ResponseContext, effects: ContextEffect[]): ContextStep => {
  const answered = cancelAllBut({ ...context, hasAnswered: true }, -1, effects);
  effects.push({ do: 'answer', outcome: bestOutcome(context) });
  return { next: answered, effects };
};

const onNoAnswer = (context: ResponseContext, index: number, hasMore: boolean): ContextStep => {
  const branch = context.branches[index];
  if (branch === undefined || !hasMore || context.isCancelled || context.hasAnswered) return stay(context);
  if (branch.phase !== 'silent' && branch.phase !== 'interrupted') return stay(context);
  return { next: withBranch(context, index, { ...branch, phase: 'left' }), effects: [startBranch] };
};

/** §16.8: a branch that has had a provisional response is cancelled, one that has had none counts as a 408. */
const onTimerC = (context: ResponseContext, index: number): ContextStep => {
  const branch = context.branches[index];
  if (branch === undefined || branch.phase === 'ended') return stay(context);
  if (branch.isHeard && branch.cancel !== 'sent') {
    const effects: ContextEffect[] = [];
    const next = cancelBranch(withBranch(context, index, { ...branch, isExpired: true }), index, effects);
    return { next, effects };
  }
  return onFailure(context, { branch: index, status: context.isCancelled ? 487 : 408, origin: 'timeout' }, false);
};

const onCancel = (context: ResponseContext): ContextStep => {
  if (context.hasAnswered || context.isCancelled || !context.isInvite) return stay(context);
  const effects: ContextEffect[] = [];
  const next = cancelAllBut({ ...context, isCancelled: true }, -1, effects);
  return { next, effects };
};

export const step = (context: ResponseContext, event: ContextEvent): ContextStep => {
  switch (event.kind) {
    case 'started':
      return onStarted(context, event.hasMore);
    case 'exhausted':
      return context.branches.some(isAwaited) || context.hasAnswered ? stay(context) : lastHope(context, []);
    case 'response':
      if (event.status < 200) return onProvisional(context, event.branch, event.status);
      if (event.status < 300) return onSuccess(context, event.branch);
      return onFailure(context, refused(context, event.branch, event.status), event.hasMore);
    case 'timeout':
      return onTimeout(context, event.branch, event.hasMore);
    case 'transport-error':
      return onTransportError(context, event.branch, event.hasMore, event.mayAnswer);
    case 'no-answer':
      return onNoAnswer(context, event.branch, event.hasMore);
    case 'timer-c':
      return onTimerC(context, event.branch);
    case 'cancel':
      return onCancel(context);
  }
};

/** RFC 4320 §4.2: a 408 to a non-INVITE is never sent on; the hop has had no answer, which is as good as none. */
const refused = ({ isInvite }: ResponseContext, branch: number, status: number): Outcome => ({
  branch,
  status,
  origin: status === 408 && !isInvite ? 'timeout' : 'response',
});

const timedOut = (context: ResponseContext, branch: number): Outcome => ({
  branch,
  status: context.isCancelled ? 487 : 408,
  origin: 'timeout',
});

/** A branch that was lost has been counted already. */
const onTimeout = (context: ResponseContext, index: number, hasMore: boolean): ContextStep => {
  const branch = context.branches[index];
  if (branch?.phase !== 'lost') return onFailure(context, timedOut(context, index), hasMore);
  const next = withBranch(context, index, { ...branch, phase: 'ended' });
  return { next, effects: [{ do: 'abandon-branch', branch: index }] };
};

/** §16.9: as if a 503 had come; but the end of a connection is not that of an INVITE which its hop may have (§17.1.1.2, §18.2.2). */
const onTransportError = (
  context: ResponseContext,
  index: number,
  hasMore: boolean,
  mayAnswer: boolean,
): ContextStep => {
  const branch = context.branches[index];
  if (branch === undefined || branch.phase === 'ended' || branch.phase === 'lost') return stay(context);
  if (context.isInvite && branch.isHeard) return interrupt(context, index, branch, hasMore);
  if (context.isInvite && mayAnswer) return lose(context, index, branch, hasMore);
  return onFailure(context, { branch: index, status: 503, origin: 'transport-error' }, hasMore);
};

/** Its answer may come on a new connection. A hop that has said no more than 100 has as long for it as one that is silent. */
const interrupt = (context: ResponseContext, index: number, branch: Branch, hasMore: boolean): ContextStep => {
  const isWaiting = branch.phase === 'answered' && hasMore && !context.isCancelled && !context.hasAnswered;
  if (!isWaiting) return stay(context);
  return {
    next: withBranch(context, index, { ...branch, phase: 'interrupted' }),
    effects: [startFailover(index)],
  };
};

const lose = (context: ResponseContext, index: number, branch: Branch, hasMore: boolean): ContextStep => {
  const effects = stopTimers(context, index);
  const lost = withBranch(context, index, { ...branch, phase: 'lost' });
  const outcome: Outcome = { branch: index, status: 503, origin: 'transport-error' };
  const next = { ...lost, outcomes: [...context.outcomes, outcome] };
  return next.hasAnswered ? { next, effects } : tryOn(next, branch, hasMore, effects);
};

/** Within 4xx these tell the caller what to do next (§16.7 step 6). */
const telling: ReadonlySet<number> = new Set([401, 407, 415, 420, 484]);

const rank = ({ status, origin }: Outcome, isInvite: boolean): number => {
  // RFC 4320 §4.2: a 408 to a non-INVITE must not leave, so anything else is better.
  if (!isInvite && origin === 'timeout') return 9;
  if (status >= 600) return 0;
  if (telling.has(status)) return 3.5;
  // A hop's own error is preferred to a 503, and a 503 to a hop that cannot be reached.
  if (status === 503) return origin === 'response' ? 5.5 : 5.7;
  return Math.floor(status / 100);
};

/** §16.7 step 6: 6xx, else the lowest class. */
const bestOutcome = ({ outcomes, isInvite }: ResponseContext): Outcome | undefined => {
  let best: Outcome | undefined;
  for (const outcome of outcomes) {
    if (best === undefined || rank(outcome, isInvite) < rank(best, isInvite)) best = outcome;
  }
  return best;
};
