/** Tells how a request is decided: the very checks of `decide`, each with its verdict and a sentence for people. */
import { nearestRule } from './access/nearest.ts';
import type { Admitted, Heading, Outcome } from './checks/check.ts';
import { admit, basicHeading, checks, throughRouteTable } from './decide.ts';
import type { Policy } from './policy.ts';
import type { Decision, DirectoryAnswer, Reason, RequestFacts } from './types.ts';

export interface ExplainedCheck {
  readonly check: string;
  readonly verdict: 'passed' | 'decided' | 'not-reached';
  /** Empty when not reached. */
  readonly detail: string;
}

export interface Explanation {
  readonly decision: Decision;
  /** All checks in their order: `access` first, `route table` last. */
  readonly checks: readonly ExplainedCheck[];
}

const passed = (check: string, detail: string): ExplainedCheck => ({ check, verdict: 'passed', detail });
const decided = (check: string, detail: string): ExplainedCheck => ({ check, verdict: 'decided', detail });
const notReached = (check: string): ExplainedCheck => ({ check, verdict: 'not-reached', detail: '' });

/** Reasons as one sentence, without those that another check has told already. */
const tell = (because: readonly Reason[], told: readonly Reason[] = []): string =>
  because
    .filter((reason) => !told.includes(reason))
    .map(({ detail }) => detail)
    .join('; ');

const tellOutcome = (outcome: Outcome, { rule, facts }: Admitted): string =>
  outcome.kind === 'ask-directory'
    ? `the directory must say where ${facts.requestUri.key} is at home`
    : tell(outcome.because, [rule.allowed]);

const routeTable = 'route table';

interface Walk {
  readonly outcome: Outcome | undefined;
  readonly steps: readonly ExplainedCheck[];
}

const walk = (request: Admitted): Walk => {
  let outcome: Outcome | undefined;
  const steps = checks.map(({ name, run, passed: tellPassed }) => {
    if (outcome !== undefined) return notReached(name);
    outcome = run(request);
    return outcome === undefined ? passed(name, tellPassed(request)) : decided(name, tellOutcome(outcome, request));
  });
  return { outcome, steps };
};

const explainRoutes = (request: Admitted, heading: Heading): { decision: Decision; step: ExplainedCheck } => {
  const decision = throughRouteTable(request, heading);
  const because = decision.kind === 'ask-directory' ? [] : decision.because;
  return { decision, step: decided(routeTable, tell(because, [request.rule.allowed, ...heading.because])) };
};

const explainAdmitted = (request: Admitted): Explanation => {
  const { outcome, steps } = walk(request);
  const access = passed('access', request.rule.allowed.detail);
  if (outcome !== undefined && outcome.kind !== 'heading') {
    return { decision: outcome, checks: [access, ...steps, notReached(routeTable)] };
  }
  const { decision, step } = explainRoutes(request, outcome ?? basicHeading(request));
  return { decision, checks: [access, ...steps, step] };
};

/** Where no rule matches, the nearest one is told too. */
const tellRefusal = (because: readonly Reason[], { source }: RequestFacts, { access }: Policy): string => {
  const nearest = access.rulesFor(source) === undefined ? nearestRule(access.rules, source) : undefined;
  return nearest === undefined ? tell(because) : `${tell(because)}; ${nearest}`;
};

/** The decision of `decide` for the same values, with the verdict of each check. */
export const explain = (facts: RequestFacts, policy: Policy, answer?: DirectoryAnswer): Explanation => {
  const request = admit(facts, policy, answer);
  if (!('kind' in request)) return explainAdmitted(request);
  const because = request.kind === 'ask-directory' ? [] : request.because;
  const rest = [...checks.map(({ name }) => name), routeTable].map(notReached);
  return { decision: request, checks: [decided('access', tellRefusal(because, facts, policy)), ...rest] };
};
