/** What is wrong between access rules that are each sound. */

import type { AccessRuleInput } from '../policy-input.ts';
import { nameText, peerMatchKey, peerMatchOf, ruleLabel } from './rule.ts';

interface AccessProblem {
  readonly list: 'access';
  readonly index: number;
  readonly problem: string;
}

const conditionsKey = ({ methods, fromDomains }: AccessRuleInput): string =>
  JSON.stringify([methods?.toSorted(), fromDomains?.map(nameText).toSorted()]);

const wordOf = ({ side }: AccessRuleInput): string => side ?? 'deny';

const problem = (rule: AccessRuleInput, what: string): AccessProblem => ({
  list: 'access',
  index: rule.index,
  problem: what,
});

/** Rows that say again what an earlier one said: they would never be looked at. */
const repetitions = (rules: readonly AccessRuleInput[]): AccessProblem[] =>
  [...Map.groupBy(rules, conditionsKey).values()].flatMap(([first, ...rest]) =>
    rest.map((rule) => {
      const words = wordOf(rule) === wordOf(first!) ? 'the same' : `${wordOf(first!)} instead of ${wordOf(rule)}`;
      return problem(rule, `repeats ${ruleLabel(first!)}, which says ${words}`);
    }),
  );

/** A peer is one side, whatever it sends: else it could speak for both. */
const mixedSides = (rules: readonly AccessRuleInput[]): AccessProblem[] => {
  const first = rules.find(({ side }) => side !== undefined);
  return rules
    .filter(({ side }) => side !== undefined && side !== first?.side)
    .filter((rule) => conditionsKey(rule) !== conditionsKey(first!))
    .map((rule) =>
      problem(rule, `means the peers of ${ruleLabel(first!)}, which are ${first?.side}: a peer has one side`),
    );
};

const isConditional = ({ methods, fromDomains }: AccessRuleInput): boolean =>
  methods !== undefined || fromDomains !== undefined;

/** Less specific rules are not asked, so nothing at all would be let in from there. */
const lonelyDenials = (rules: readonly AccessRuleInput[]): AccessProblem[] => {
  if (rules.some(({ side }) => side !== undefined)) return [];
  const what =
    'denies some requests of peers of whom no rule with the same from, tls-name and transport lets in the rest';
  return rules.filter(isConditional).map((rule) => problem(rule, what));
};

/** In the order of the list. */
export const accessProblems = (rules: readonly AccessRuleInput[]): readonly AccessProblem[] =>
  [...Map.groupBy(rules, (rule) => peerMatchKey(peerMatchOf(rule))).values()]
    .flatMap((same) => [...repetitions(same), ...mixedSides(same), ...lonelyDenials(same)])
    .toSorted((a, b) => a.index - b.index);
