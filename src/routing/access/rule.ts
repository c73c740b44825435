/** One access rule made ready: whom it means, what it says, and what of a request it asks for besides. */

import type { IpNetwork } from '../../net/ip-address.ts';
import type { Transport } from '../../net/ports.ts';
import { DomainSet } from '../domain-set.ts';
import type { AccessRuleInput } from '../policy-input.ts';
import type { Reason } from '../reasons.ts';
import type { RequestFacts, Side } from '../types.ts';
import type { NamePattern } from './pattern.ts';

/** A rule that lets somebody in. */
export interface AccessRule {
  readonly side: Side;
  readonly allowed: Reason;
}

/** Whom a rule means: all that is asked for must be so. */
export interface PeerMatch {
  /** Undefined: every address. */
  readonly network: IpNetwork | undefined;
  /** Undefined: no name is asked for. */
  readonly name: NamePattern | undefined;
  readonly transport: Transport | undefined;
}

export const peerMatchOf = ({ from, tlsName, transport }: AccessRuleInput): PeerMatch => ({
  network: from.kind === 'network' ? from.network : undefined,
  name: from.kind === 'name' || from.kind === 'names-below' ? from : tlsName,
  transport,
});

export const nameText = (pattern: NamePattern): string =>
  pattern.kind === 'name' ? pattern.name : `.${pattern.domain}`;

/** One key per set of addresses. */
export const networkKey = ({ network }: PeerMatch): string =>
  network === undefined ? 'all' : `${network.address.family} ${network.address.value}/${network.prefix}`;

export const nameKey = ({ name }: PeerMatch): string => (name === undefined ? '' : nameText(name));

/** Rules with one key mean the same sources. */
export const peerMatchKey = (match: PeerMatch): string =>
  `${nameKey(match)} ${networkKey(match)} ${match.transport ?? 'any'}`;

/** `access[3] "pool"`: the rule's name in every log line and explanation. */
export const ruleLabel = ({ index, name }: Pick<AccessRuleInput, 'index' | 'name'>): string =>
  name === undefined ? `access[${index}]` : `access[${index}] "${name}"`;

/** `fe1.example.com at 192.0.2.0/24 over tls` */
export const peerMatchText = ({ from, text, tlsName, transport }: AccessRuleInput): string => {
  const asked = tlsName === undefined ? [text] : [nameText(tlsName), ...(from.kind === 'all' ? [] : [`at ${text}`])];
  return [...asked, ...(transport === undefined ? [] : [`over ${transport}`])].join(' ');
};

/** An ACK and a CANCEL belong to their INVITE (RFC 3261 §9, §13.2.2.4). */
const compileMethods = (methods: readonly string[]): ReadonlySet<string> =>
  new Set(methods.includes('INVITE') ? [...methods, 'ACK', 'CANCEL'] : methods);

/** What a rule asks of a request, beyond its source. */
type Asked = Pick<RequestFacts, 'method' | 'fromDomain'>;

export class CompiledRule {
  readonly input: AccessRuleInput;
  /** Undefined: what this rule means is denied. */
  readonly allows: AccessRule | undefined;
  readonly denied: Reason;
  readonly #methods: ReadonlySet<string> | undefined;
  readonly #fromDomains: DomainSet | undefined;

  constructor(input: AccessRuleInput) {
    const { side, methods, fromDomains } = input;
    const words = `${ruleLabel(input)} ${peerMatchText(input)}`;
    this.input = input;
    this.denied = { code: 'access-denied', detail: `${words} is denied` };
    this.allows = side && { side, allowed: { code: 'access-allowed', detail: `${words} is ${side}` } };
    this.#methods = methods && compileMethods(methods);
    this.#fromDomains = fromDomains && new DomainSet(fromDomains);
  }

  /** How many things it asks of a request: the more, the earlier it is asked. */
  get conditions(): number {
    return (this.#fromDomains === undefined ? 0 : 2) + (this.#methods === undefined ? 0 : 1);
  }

  /** What keeps it from speaking about this request; undefined: nothing. */
  unmetBy(asked: Asked): 'method-denied' | 'from-domain-denied' | undefined {
    if (this.#methods?.has(asked.method) === false) return 'method-denied';
    if (this.#fromDomains === undefined) return undefined;
    const { fromDomain } = asked;
    return fromDomain !== undefined && this.#fromDomains.has(fromDomain) ? undefined : 'from-domain-denied';
  }

  /** Why a request of this peer is refused. */
  refusal(code: 'method-denied' | 'from-domain-denied', { method, fromDomain }: Asked): Reason {
    const { methods = [], fromDomains = [] } = this.input;
    const words = `${ruleLabel(this.input)} ${peerMatchText(this.input)} may`;
    const detail =
      code === 'method-denied'
        ? `${words} send ${methods.join(', ')}, not ${method}`
        : `${words} speak for ${fromDomains.map(nameText).join(', ')}, not for ${fromDomain ?? 'a From without domain'}`;
    return { code, detail };
  }
}

/** All rules of one and the same place, which are one side: those that ask most of a request come first. */
export class PeerRules {
  readonly #rules: CompiledRule[] = [];
  /** The one that speaks whatever is asked. */
  #only: CompiledRule | undefined;
  /** Undefined: nothing that comes from there is let in. */
  side: Side | undefined;

  add(rule: CompiledRule): void {
    this.#rules.push(rule);
    this.#rules.sort((a, b) => b.conditions - a.conditions || a.input.index - b.input.index);
    this.#only = this.first.conditions === 0 ? this.first : undefined;
    this.side = (this.#only ?? this.#allowing)?.allows?.side;
  }

  /** The first that is asked. */
  get first(): CompiledRule {
    return this.#rules[0]!;
  }

  get #allowing(): CompiledRule | undefined {
    return this.#rules.find(({ allows }) => allows !== undefined);
  }

  /** The rule that lets this request in, or why none does. */
  judge(asked: Asked): AccessRule | Reason {
    if (this.#only !== undefined) return this.#only.allows ?? this.#only.denied;
    const rule = this.#rules.find((candidate) => candidate.unmetBy(asked) === undefined);
    return rule === undefined ? this.#refusal(asked) : (rule.allows ?? rule.denied);
  }

  /** Where several rules would let something in, the first tells what it asks for. */
  #refusal(asked: Asked): Reason {
    const rule = this.#allowing ?? this.first;
    return rule.refusal(rule.unmetBy(asked) ?? 'method-denied', asked);
  }
}
