/** What a check of the decision is: what it is given, what it may answer, and the answers that several of them give. */
import { bracketed, hostAndPort } from '../../net/host.ts';
import type { AccessRule } from '../access/rule.ts';
import type { Policy } from '../policy.ts';
import { type Reason, refusingReason } from '../reasons.ts';
import type { Decision, DirectoryAnswer, RequestFacts, Side, UriFacts } from '../types.ts';

/** A request that an access rule has let in, with all that is known of it. */
export interface Admitted {
  readonly facts: RequestFacts;
  readonly policy: Policy;
  readonly rule: AccessRule;
  /** The asker's side. */
  readonly from: Side;
  /** The other one: where a request goes that goes on. */
  readonly to: Side;
}

/** Towards the other side by the route table, looked up for this host and user. */
export interface Heading {
  readonly kind: 'heading';
  readonly host: string;
  /** Undefined where only domain routes count. */
  readonly key: string | undefined;
  readonly because: readonly Reason[];
}

/** The directory must be asked first. */
interface Question {
  readonly kind: 'question';
  /** Key of the user. */
  readonly recipient: string;
  /** What its answer makes of the request. */
  readonly weigh: (request: Admitted, answer: DirectoryAnswer) => Verdict;
}

/** A decision behind which nobody is asked any more. */
export type Concluded = Exclude<Decision, { kind: 'ask-directory' }>;

/** What a check may say without asking anybody. */
export type Verdict = Concluded | Heading;

export type CheckResult = Verdict | Question;

export interface Check {
  readonly name: string;
  /** Undefined: nothing to say, the next check is asked. */
  readonly run: (request: Admitted) => CheckResult | undefined;
  /** What it means that the check had nothing to say; for people, and only when somebody asks for an explanation. */
  readonly passed: (request: Admitted) => string;
}

/** Refused, with the status of the reason that refuses. */
export const reject = ({ rule, policy, from }: Admitted, ...because: readonly Reason[]): Concluded => {
  const { status } = refusingReason(because);
  return {
    kind: 'reject',
    status,
    ...(status === 503 && { retryAfterS: policy.retryAfterS }),
    from,
    because: [rule.allowed, ...because],
  };
};

export const toOtherSide = ({ facts }: Admitted, ...because: readonly Reason[]): Heading => ({
  kind: 'heading',
  host: facts.requestUri.host,
  key: facts.requestUri.key,
  because,
});

export const describeUri = ({ scheme, user, host, maddr, port }: UriFacts): string => {
  const at = port === undefined ? bracketed(host) : hostAndPort(host, port);
  const place = `${at}${maddr === undefined ? '' : `;maddr=${bracketed(maddr)}`}`;
  return `${scheme}:${user === undefined ? '' : `${user}@`}${place}`;
};

/** The URI of the place that a request to this URI goes to. */
export const placeOfUri = (uri: UriFacts): UriFacts =>
  uri.maddr === undefined ? uri : { ...uri, host: uri.maddr, maddr: undefined };

/** What is signed for one side is worth nothing from the other. */
export const isInDialogThroughUs = ({ facts, from }: Admitted): boolean =>
  facts.hasToTag && (facts.ownRoute === 'both-sides' || facts.ownRoute === from);
