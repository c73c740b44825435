/** What one object of the directory says about a user: his addresses, and whether he is enabled on the Microsoft side. */
import { keyOfAddress } from '../routing/user-key.ts';
import type { LdapEntry } from './ldap.ts';

export interface UserAttributes {
  /** Attributes with SIP addresses, the one that counts most first: `msRTCSIP-PrimaryUserAddress`, `proxyAddresses`. */
  readonly addresses: readonly string[];
  /** An LDAP Boolean; only TRUE makes a Microsoft user of him who has an address. */
  readonly enabled: string;
}

export interface UserAddress {
  /** As `userKey` makes it. */
  readonly key: string;
  /** Place of its attribute in `UserAttributes.addresses`; 0 counts most. */
  readonly rank: number;
}

export interface UserEntry {
  readonly dn: string;
  readonly isEnabled: boolean;
  /** Each key once, with its best rank. */
  readonly addresses: readonly UserAddress[];
  /** Values that should be SIP addresses and are not; with attribute, for the report. */
  readonly malformed: readonly string[];
}

/** `proxyAddresses` holds addresses of many kinds; who writes a SIP address elsewhere may leave out the scheme. */
const isOfOtherScheme = (value: string): boolean => /^(?!sips?:)[a-z][a-z0-9.+-]*:/i.test(value);

export function readUserEntry(entry: LdapEntry, { addresses: names, enabled }: UserAttributes): UserEntry {
  const addresses = new Map<string, UserAddress>();
  const malformed: string[] = [];
  for (const [rank, name] of names.entries()) {
    for (const value of entry.texts(name)) {
      if (isOfOtherScheme(value)) continue;
      const key = keyOfAddress(value);
      if (key === undefined) malformed.push(`${name}: ${JSON.stringify(value)}`);
      else if (!addresses.has(key)) addresses.set(key, { key, rank });
    }
  }
  return { dn: entry.dn, isEnabled: entry.text(enabled) === 'TRUE', addresses: [...addresses.values()], malformed };
}

/** One of several objects that have the same address. */
export interface Claim {
  readonly dn: string;
  readonly isEnabled: boolean;
  /** Of the attribute that holds the address. */
  readonly rank: number;
}

/**
 * The order in which objects with one address count, the first decides: an enabled one before the others, then the attribute
 * that counts more, then the name. It depends on nothing but the objects, so that every node and every run decides alike.
 */
export const compareClaims = (a: Claim, b: Claim): number =>
  Number(b.isEnabled) - Number(a.isEnabled) || a.rank - b.rank || compareNames(a.dn.toLowerCase(), b.dn.toLowerCase());

/** By code units: a locale would differ between machines. */
const compareNames = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
