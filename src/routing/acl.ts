/**
 * Who may talk to us, and which side they are. What is not listed is denied.
 *
 * Of all rules that match a source the most specific one speaks: an exact TLS name, then the longest partial name, then the
 * longest address prefix, then `all`. Names come first because a certificate says who the peer is, and an address only
 * where it stands. Of two equal rules the first in the list speaks.
 */
import { type IpAddress, type IpNetwork, masked, parseIp } from './ip-address.ts';
import type { AccessRuleInput } from './policy-input.ts';
import type { Reason, RequestSource, Side, Transport } from './types.ts';

export interface AccessRule {
  readonly side: Side;
  /** Matches every address: good to let somebody in, too little to send somewhere. */
  readonly isForAll: boolean;
  readonly allowed: Reason;
}

const compileRule = ({ index, side, from, text }: AccessRuleInput): AccessRule => ({
  side,
  isForAll: from.kind === 'all' || (from.kind === 'network' && from.network.prefix === 0),
  allowed: { code: 'access-allowed', detail: `access[${index}] ${text} is ${side}` },
});

const setIfAbsent = <K>(rules: Map<K, AccessRule>, key: K, rule: AccessRule): void => {
  if (!rules.has(key)) rules.set(key, rule);
};

/** Networks of one address family: one hash table per prefix length that occurs, longest first. */
class NetworkTable {
  readonly #byPrefix: { readonly prefix: number; readonly rules: Map<number | bigint, AccessRule> }[] = [];

  add({ address, prefix }: IpNetwork, rule: AccessRule): void {
    let level = this.#byPrefix.find((known) => known.prefix === prefix);
    if (level === undefined) {
      level = { prefix, rules: new Map() };
      this.#byPrefix.push(level);
      this.#byPrefix.sort((a, b) => b.prefix - a.prefix);
    }
    setIfAbsent(level.rules, masked(address, prefix), rule);
  }

  longestMatch(address: IpAddress): AccessRule | undefined {
    for (const { prefix, rules } of this.#byPrefix) {
      const rule = rules.get(masked(address, prefix));
      if (rule !== undefined) return rule;
    }
    return undefined;
  }
}

/** Rules by name of the peer's certificate. */
class NameTable {
  readonly #exact = new Map<string, AccessRule>();
  readonly #below = new Map<string, AccessRule>();

  addName(name: string, rule: AccessRule): void {
    setIfAbsent(this.#exact, name, rule);
  }

  addNamesBelow(domain: string, rule: AccessRule): void {
    setIfAbsent(this.#below, domain, rule);
  }

  bestMatch(names: readonly string[]): AccessRule | undefined {
    for (const name of names) {
      const rule = this.#exact.get(name);
      if (rule !== undefined) return rule;
    }
    return this.#longestBelow(names);
  }

  #longestBelow(names: readonly string[]): AccessRule | undefined {
    let best: { readonly length: number; readonly rule: AccessRule } | undefined;
    for (const name of names) {
      for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
        const rule = this.#below.get(name.slice(dot + 1));
        if (rule === undefined) continue;
        const length = name.length - dot;
        if (best === undefined || length > best.length) best = { length, rule };
        break;
      }
    }
    return best?.rule;
  }
}

export class AccessList {
  readonly #names = new NameTable();
  readonly #ipv4 = new NetworkTable();
  readonly #ipv6 = new NetworkTable();
  #everybody: AccessRule | undefined;
  /** A connection is judged once: its address and names do not change while it lives. */
  readonly #verdicts = new WeakMap<RequestSource, AccessRule | 'denied'>();

  constructor(rules: readonly AccessRuleInput[]) {
    for (const rule of rules) this.#add(rule.from, compileRule(rule));
  }

  #add(from: AccessRuleInput['from'], rule: AccessRule): void {
    switch (from.kind) {
      case 'all':
        this.#everybody ??= rule;
        return;
      case 'network':
        (from.network.address.family === 4 ? this.#ipv4 : this.#ipv6).add(from.network, rule);
        return;
      case 'name':
        this.#names.addName(from.name, rule);
        return;
      case 'names-below':
        this.#names.addNamesBelow(from.domain, rule);
    }
  }

  /** The rule that lets this source in; undefined when it is denied. */
  ruleFor(source: RequestSource): AccessRule | undefined {
    let verdict = this.#verdicts.get(source);
    if (verdict === undefined) {
      verdict = this.#judge(source) ?? 'denied';
      this.#verdicts.set(source, verdict);
    }
    return verdict === 'denied' ? undefined : verdict;
  }

  /** The rule that makes a host a peer to which a request may be sent. A name is one by TLS only, as it is when it calls us. */
  ruleForTarget(host: string, transport: Transport): AccessRule | undefined {
    const address = parseIp(host);
    if (address === undefined) return transport === 'tls' ? this.#names.bestMatch([host]) : undefined;
    const rule = this.#longestMatch(address);
    return rule?.isForAll === true ? undefined : rule;
  }

  #judge({ verifiedNames, remoteAddress }: RequestSource): AccessRule | undefined {
    const address = parseIp(remoteAddress);
    return (
      this.#names.bestMatch(verifiedNames) ??
      (address === undefined ? undefined : this.#longestMatch(address)) ??
      this.#everybody
    );
  }

  #longestMatch(address: IpAddress): AccessRule | undefined {
    return (address.family === 4 ? this.#ipv4 : this.#ipv6).longestMatch(address);
  }
}

export const compileAccess = (rules: readonly AccessRuleInput[]): AccessList => new AccessList(rules);
