/** What one object of the directory says about a user: addresses, and whether the user is enabled on the Microsoft side. */
import { keyOfAddress } from '../routing/user-key.ts';
import type { LdapEntry } from './ldap/ldap.ts';

export interface UserAttributes {
  /** Attributes with SIP addresses, the one that counts most first: `msRTCSIP-PrimaryUserAddress`, `proxyAddresses`. */
  readonly addresses: readonly string[];
  /** An LDAP Boolean; only TRUE, in whatever case, makes a Microsoft user of an object with an address. */
  readonly enabled: string;
  /** Whether it does: where the address alone makes a Microsoft user, nobody need have the attribute. */
  readonly decides: boolean;
}

interface UserAddress {
  /** As `userKey` makes it. */
  readonly key: string;
  /** Place of its attribute in `UserAttributes.addresses`; 0 counts most. */
  readonly rank: number;
}

interface UserEntry {
  readonly dn: string;
  readonly isEnabled: boolean;
  /** Whether it says anything of it. */
  readonly showsEnabled: boolean;
  /** Each key once, with its best rank. */
  readonly addresses: readonly UserAddress[];
  /** Values that should be SIP addresses and are not; with attribute, for the report. */
  readonly malformed: readonly string[];
}

/** In these the scheme is always written; who fills others may have left it out. */
const alwaysWithScheme = /^(?:msRTCSIP-PrimaryUserAddress|proxyAddresses)$/i;

export const schemeIsAlwaysWritten = (attribute: string): boolean => alwaysWithScheme.test(attribute);

/** Addresses of all kinds stand beside each other there, and one without a scheme is a mail address. */
const holdsAllKinds = (attribute: string): boolean => attribute.toLowerCase() === 'proxyaddresses';

const malformed = Symbol('should be a SIP address, and is none');

/**
 * What a value of an attribute says. A look-up asks for `sip:user@host`, or for that without its scheme: so no value counts
 * that has more, however it was read.
 * @returns the key of a user; undefined for an address of another kind
 */
function readAddress(attribute: string, value: string): string | typeof malformed | undefined {
  const [, scheme, rest = ''] = /^(?:([a-z][a-z0-9.+-]*):)?(.*)$/is.exec(value) ?? [];
  const kind = scheme?.toLowerCase();
  if (kind === undefined && holdsAllKinds(attribute)) return undefined;
  if (kind !== undefined && kind !== 'sip' && kind !== 'sips') return undefined;
  const hasMore = /[;?]|:\d*$/.test(rest.replace(/\[[^\]]*\]$/, ''));
  if (hasMore || kind === 'sips' || (kind === undefined && schemeIsAlwaysWritten(attribute))) return malformed;
  return keyOfAddress(`sip:${rest}`) ?? malformed;
}

/** The key of a user whose address an attribute has; undefined for a value that is no SIP address. */
export function keyIn(attribute: string, value: string): string | undefined {
  const read = readAddress(attribute, value);
  return read === malformed ? undefined : read;
}

/** A Boolean is TRUE or FALSE (RFC 4517 §3.3.3); scripts that make an export, or fill an attribute that is text, write True. */
export function readEnabled(value: string): boolean | undefined {
  if (/^true$/i.test(value)) return true;
  return /^false$/i.test(value) ? false : undefined;
}

export function readUserEntry(entry: LdapEntry, { addresses: names, enabled }: UserAttributes): UserEntry {
  const addresses = new Map<string, UserAddress>();
  const wrong: string[] = [];
  for (const [rank, name] of names.entries()) {
    for (const value of entry.texts(name)) {
      const key = readAddress(name, value);
      if (key === malformed) wrong.push(`${name}: ${JSON.stringify(value)}`);
      else if (key !== undefined && !addresses.has(key)) addresses.set(key, { key, rank });
    }
  }
  const isEnabled = readEnabled(entry.text(enabled) ?? '') === true;
  return {
    dn: entry.dn,
    isEnabled,
    showsEnabled: entry.has(enabled),
    addresses: [...addresses.values()],
    malformed: wrong,
  };
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
