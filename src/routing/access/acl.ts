/**
 * Who may talk to us, and which side they are. What is not listed is denied.
 *
 * Of all rules that mean a source the most specific one speaks, in this order: an exact TLS name, then the longest partial
 * name, then none; among these the longest address prefix, then `all`; among these one transport, then any. Names come first
 * because a certificate says who the peer is, and an address only where it stands. Of equal rules the one speaks that asks
 * most of the request (From domain before method), and of equal ones still the first in the list. A less specific rule is
 * never asked: the most specific one says all that its peer may do.
 */

import { type IpAddress, type IpNetwork, parseIp } from '../../net/ip-address.ts';
import type { Transport } from '../../net/ports.ts';
import type { AccessRuleInput } from '../policy-input.ts';
import type { RequestSource, Side } from '../types.ts';
import { NetworkTable } from './network-table.ts';
import type { NamePattern } from './pattern.ts';
import { CompiledRule, type PeerMatch, PeerRules, peerMatchOf } from './rule.ts';

/** The rules of one name and network. */
type Leaf = Partial<Record<Transport | 'any', PeerRules>>;

/** Rules by address, then by transport. */
class AddressTable {
  readonly #networks = new NetworkTable<Leaf>();

  add(network: IpNetwork | undefined, transport: Transport | undefined, rule: CompiledRule): void {
    const leaf = this.#networks.at(network, () => ({}));
    leaf[transport ?? 'any'] ??= new PeerRules();
    leaf[transport ?? 'any']?.add(rule);
  }

  best(address: IpAddress | undefined, transport: Transport): PeerRules | undefined {
    return this.#networks.longest(address, (leaf) => leaf[transport] ?? leaf.any);
  }
}

const prefixOf = (rules: PeerRules): number => peerMatchOf(rules.first.input).network?.prefix ?? -1;

/** Of two names that one certificate proves and that are equally specific. */
const moreSpecific = (a: PeerRules | undefined, b: PeerRules | undefined): PeerRules | undefined => {
  if (a === undefined || b === undefined) return a ?? b;
  const transports = Number(a.first.input.transport !== undefined) - Number(b.first.input.transport !== undefined);
  const difference = prefixOf(a) - prefixOf(b) || transports || b.first.input.index - a.first.input.index;
  return difference >= 0 ? a : b;
};

const tableAt = (tables: Map<string, AddressTable>, key: string): AddressTable => {
  const table = tables.get(key) ?? new AddressTable();
  tables.set(key, table);
  return table;
};

/** Rules by name of the peer's certificate. */
class NameTable {
  readonly #exact = new Map<string, AddressTable>();
  /** By domain, for the names below it; and for the domain itself, where that is meant too. */
  readonly #below = new Map<string, AddressTable>();
  readonly #domains = new Map<string, AddressTable>();

  add(name: NamePattern, { network, transport }: PeerMatch, rule: CompiledRule): void {
    if (name.kind === 'name') return tableAt(this.#exact, name.name).add(network, transport, rule);
    tableAt(this.#below, name.domain).add(network, transport, rule);
    if (name.isWithDomain) tableAt(this.#domains, name.domain).add(network, transport, rule);
  }

  best(names: readonly string[], address: IpAddress | undefined, transport: Transport): PeerRules | undefined {
    let best: PeerRules | undefined;
    for (const name of names) best = moreSpecific(best, this.#exact.get(name)?.best(address, transport));
    return best ?? this.#bestPartial(names, address, transport);
  }

  #bestPartial(names: readonly string[], address: IpAddress | undefined, transport: Transport): PeerRules | undefined {
    let best: PartialMatch | undefined;
    for (const name of names) {
      const match = this.#partial(name, address, transport);
      if (match === undefined || match.length < (best?.length ?? 0)) continue;
      const rules = match.length === best?.length ? moreSpecific(best.rules, match.rules) : match.rules;
      best = { length: match.length, rules: rules ?? match.rules };
    }
    return best?.rules;
  }

  /** The longest first: the name itself, then what stands behind each of its dots. */
  #partial(name: string, address: IpAddress | undefined, transport: Transport): PartialMatch | undefined {
    const own = this.#domains.get(name)?.best(address, transport);
    if (own !== undefined) return { length: name.length, rules: own };
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
      const domain = name.slice(dot + 1);
      const rules = this.#below.get(domain)?.best(address, transport);
      if (rules !== undefined) return { length: domain.length, rules };
    }
    return undefined;
  }
}

interface PartialMatch {
  /** Of the domain that matched. */
  readonly length: number;
  readonly rules: PeerRules;
}

export class AccessList {
  readonly #names = new NameTable();
  readonly #nameless = new AddressTable();
  /** Where names could let somebody in, and by which transport. */
  readonly #provable = new NetworkTable<true>();
  /** To whom requests may be sent by name: the certificate proves it, wherever the name leads. */
  readonly #nameTargets = new NameTable();
  /** A connection is judged once: its address and names do not change while it lives. */
  readonly #verdicts = new WeakMap<RequestSource, PeerRules | 'denied'>();

  /** In their order, for whoever explains a refusal. */
  readonly rules: readonly AccessRuleInput[];

  constructor(rules: readonly AccessRuleInput[]) {
    this.rules = rules;
    for (const rule of rules) this.#add(new CompiledRule(rule));
  }

  #add(rule: CompiledRule): void {
    const place = peerMatchOf(rule.input);
    const { name, network, transport } = place;
    if (name === undefined) return this.#nameless.add(network, transport, rule);
    this.#names.add(name, place, rule);
    if (rule.allows === undefined) return;
    this.#provable.at(network, () => true);
    this.#nameTargets.add(name, { ...place, network: undefined }, rule);
  }

  /** The rules that speak about this source; undefined when there are none, and it is denied. */
  rulesFor(source: RequestSource): PeerRules | undefined {
    let verdict = this.#verdicts.get(source);
    if (verdict === undefined) {
      verdict = this.#judge(source) ?? 'denied';
      this.#verdicts.set(source, verdict);
    }
    return verdict === 'denied' ? undefined : verdict;
  }

  /** The side of a source; undefined when nothing that comes from there is let in. */
  sideOf(source: RequestSource): Side | undefined {
    return this.rulesFor(source)?.side;
  }

  /** What an address alone says of a source: let in; let in if TLS proves its name; or not let in, whatever it proves. */
  prospectOf(remoteAddress: string, transport: Transport): 'admitted' | 'unproved' | 'stranger' {
    const address = parseIp(remoteAddress);
    if (this.#nameless.best(address, transport)?.side !== undefined) return 'admitted';
    const isProvable = transport === 'tls' && this.#provable.longest(address, (isSo) => isSo) === true;
    return isProvable ? 'unproved' : 'stranger';
  }

  /**
   * The side on which a rule makes a host a peer to which requests may be sent. A name counts over TLS only, as it does when it
   * calls us. An address counts only if a rule names it or its network: `all` makes nobody a target.
   */
  sideOfTarget(host: string, transport: Transport): Side | undefined {
    const address = parseIp(host);
    if (address === undefined) {
      return transport === 'tls' ? this.#nameTargets.best([host], undefined, transport)?.side : undefined;
    }
    const rules = this.#nameless.best(address, transport);
    return rules === undefined || prefixOf(rules) <= 0 ? undefined : rules.side;
  }

  #judge({ verifiedNames, remoteAddress, transport }: RequestSource): PeerRules | undefined {
    const address = parseIp(remoteAddress);
    return this.#names.best(verifiedNames, address, transport) ?? this.#nameless.best(address, transport);
  }
}

export const compileAccess = (rules: readonly AccessRuleInput[]): AccessList => new AccessList(rules);
