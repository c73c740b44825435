/** Tells how a request is decided: the very checks of `decide`, each with its verdict and a sentence for people. */
import { nearestRule } from './access/nearest.ts';
import { admit, knownAs } from './checks/access.ts';
import type { Admitted, CheckResult, Concluded, Heading } from './checks/check.ts';
import { throughRouteTable } from './checks/route-table.ts';
import { basicHeading, checks, conclude } from './decide.ts';
import type { Policy } from './policy.ts';
import type { Reason } from './reasons.ts';
import type { Decision, DirectoryAnswer, RequestFacts } from './types.ts';

interface ExplainedCheck {
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

const tellOutcome = (outcome: CheckResult, { rule, facts }: Admitted): string =>
  outcome.kind === 'question'
    ? `the directory must say where ${facts.requestUri.key} is at home`
    : tell(outcome.because, [rule.allowed]);

const routeTable = 'route table';

interface Walk {
  readonly outcome: CheckResult | undefined;
  readonly steps: readonly ExplainedCheck[];
}

const walk = (request: Admitted, answer: DirectoryAnswer | undefined): Walk => {
  let outcome: CheckResult | undefined;
  const steps = checks.map(({ name, run, passed: tellPassed }) => {
    if (outcome !== undefined) return notReached(name);
    const said = run(request);
    outcome = said?.kind === 'question' && answer !== undefined ? said.weigh(request, answer) : said;
    return outcome === undefined ? passed(name, tellPassed(request)) : decided(name, tellOutcome(outcome, request));
  });
  return { outcome, steps };
};

const explainRoutes = (request: Admitted, heading: Heading): { decision: Concluded; step: ExplainedCheck } => {
  const decision = throughRouteTable(request, heading);
  return { decision, step: decided(routeTable, tell(decision.because, [request.rule.allowed, ...heading.because])) };
};

const explainAdmitted = (request: Admitted, answer: DirectoryAnswer | undefined): Explanation => {
  const { outcome, steps } = walk(request, answer);
  const access = passed('access', request.rule.allowed.detail);
  if (outcome !== undefined && outcome.kind !== 'heading') {
    return { decision: conclude(request, outcome), checks: [access, ...steps, notReached(routeTable)] };
  }
  const { decision, step } = explainRoutes(request, outcome ?? basicHeading(request));
  return { decision, checks: [access, ...steps, step] };
};

/** Where no rule matches, the nearest one is told too. */
const tellRefusal = (because: readonly Reason[], { source }: RequestFacts, { access }: Policy): string => {
  const nearest = access.rulesFor(source) === undefined ? nearestRule(access.rules, source) : undefined;
  return nearest === undefined ? tell(because) : `${tell(because)}; ${nearest}`;
};

/**
 * The decision of `decide` for the same values, with the verdict of each check.
 * @param answer what the directory said, where it had to be asked
 */
export const explain = (facts: RequestFacts, policy: Policy, answer?: DirectoryAnswer): Explanation => {
  const peer = knownAs(facts.source, policy);
  const request = 'kind' in peer ? peer : admit(facts, policy, peer);
  if (!('kind' in request)) return explainAdmitted(request, answer);
  const rest = [...checks.map(({ name }) => name), routeTable].map(notReached);
  return { decision: request, checks: [decided('access', tellRefusal(request.because, facts, policy)), ...rest] };
};
