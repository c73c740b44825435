/** Counts the users of a sweep by what they are, with examples of those that an administrator should look at. */

import { readUserEntry, type UserAttributes } from '../user-entry.ts';
import type { LdapEntry } from './ldap.ts';

/** How many there are, and the first few of them in words. */
export interface Tally {
  readonly count: number;
  readonly examples: readonly string[];
}

export interface Census {
  /** Objects with at least one SIP address. */
  readonly users: number;
  readonly enabled: number;
  readonly addressOnly: number;
  /** The attribute that says who is enabled, where not one of the users shows it; else undefined. */
  readonly unseenAttribute: string | undefined;
  /** Enabled for the Microsoft side, while the account itself is disabled in Active Directory. */
  readonly accountDisabled: Tally;
  /** Objects with a value that should be a SIP address and is none. */
  readonly malformed: Tally;
  /** Addresses that several objects have. */
  readonly duplicate: Tally;
  /** Objects all of whose addresses are in domains that are not shared. */
  readonly foreignDomain: Tally;
}

/** [MS-ADTS] 2.2.16, ADS_UF_ACCOUNT_DISABLE. */
const accountDisabledBit = 2;

const mostExamples = 3;

class Found {
  #count = 0;
  readonly #examples: string[] = [];

  add(example: string): void {
    this.#count += 1;
    if (this.#examples.length < mostExamples) this.#examples.push(example);
  }

  get finding(): Tally {
    return { count: this.#count, examples: this.#examples };
  }
}

export class CensusTaker {
  readonly #attributes: UserAttributes;
  readonly #domains: ReadonlySet<string>;
  readonly #accountDisabled = new Found();
  readonly #malformed = new Found();
  readonly #duplicate = new Found();
  readonly #foreignDomain = new Found();
  /** By address: the first object that has it. */
  readonly #ownerOf = new Map<string, string>();
  #enabled = 0;
  #addressOnly = 0;
  #showsEnabled = false;

  /** @param domains that both sides share, lower case */
  constructor(attributes: UserAttributes, domains: readonly string[]) {
    this.#attributes = attributes;
    this.#domains = new Set(domains);
  }

  /** What a sweep must ask for. */
  get wanted(): readonly string[] {
    return [...this.#attributes.addresses, this.#attributes.enabled, 'userAccountControl'];
  }

  add(entry: LdapEntry): void {
    const { dn, isEnabled, addresses, malformed } = readUserEntry(entry, this.#attributes);
    if (malformed.length > 0) this.#malformed.add(`${dn} (${malformed[0]})`);
    if (addresses.length === 0) return;
    this.#showsEnabled ||= entry.has(this.#attributes.enabled);
    if (isEnabled) this.#enabled += 1;
    else this.#addressOnly += 1;
    const control = Number(entry.text('userAccountControl') ?? 0);
    if (isEnabled && (control & accountDisabledBit) !== 0) this.#accountDisabled.add(dn);
    const keys = addresses.map(({ key }) => key);
    if (!keys.some((key) => this.#domains.has(domainOf(key)))) this.#foreignDomain.add(`${keys[0]} of ${dn}`);
    for (const key of keys) this.#claim(key, dn);
  }

  get census(): Census {
    const users = this.#enabled + this.#addressOnly;
    return {
      users,
      enabled: this.#enabled,
      addressOnly: this.#addressOnly,
      unseenAttribute:
        users > 0 && this.#attributes.decides && !this.#showsEnabled ? this.#attributes.enabled : undefined,
      accountDisabled: this.#accountDisabled.finding,
      malformed: this.#malformed.finding,
      duplicate: this.#duplicate.finding,
      foreignDomain: this.#foreignDomain.finding,
    };
  }

  #claim(key: string, dn: string): void {
    const owner = this.#ownerOf.get(key);
    if (owner === undefined) this.#ownerOf.set(key, dn);
    else if (owner !== dn) this.#duplicate.add(`${key} of ${owner} and ${dn}`);
  }
}

const domainOf = (key: string): string => key.slice(key.indexOf('@') + 1);
