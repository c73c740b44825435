/** Which objects of a directory have one address: a search below each base, and what it found in the order that decides. */

import type { DirectoryParts } from '../directory.ts';
import { type Claim, compareClaims, readUserEntry, schemeIsAlwaysWritten, type UserAttributes } from '../user-entry.ts';
import { type LdapServersSettings, ldapConnections } from './connections.ts';
import type { LdapControl, LdapFilter, LdapSearch } from './ldap.ts';

/** Where users are searched for, and how they are known. */
export interface UserSearch {
  /** Never empty. */
  readonly baseDns: readonly string[];
  readonly scope: 'base' | 'one' | 'sub';
  /** What a user must fulfil besides having the address (RFC 4515). */
  readonly filter: string | undefined;
  readonly attributes: UserAttributes;
}

/** An object with the address, as the server has shown it. */
export interface FoundClaim extends Claim {
  readonly showsEnabled: boolean;
}

const formsOf = (attribute: string, key: string): readonly LdapFilter[] => [
  { equal: attribute, value: `sip:${key}` },
  ...(schemeIsAlwaysWritten(attribute) ? [] : [{ equal: attribute, value: key }]),
];

/** More objects than this with one address is a mistake that no rule can mend. */
const mostClaims = 100;

/**
 * @param key from `userKey`
 * @param run resolves when the search has ended
 * @returns the object that decides first
 */
export async function claimsTo(
  key: string,
  where: UserSearch,
  controls: readonly LdapControl[],
  run: (search: LdapSearch) => Promise<unknown>,
): Promise<readonly FoundClaim[]> {
  const claims = new Map<string, FoundClaim>();
  await Promise.all(where.baseDns.map((baseDn) => run({ ...searchFor(key, where, claims), baseDn, controls })));
  return [...claims.values()].sort(compareClaims);
}

/** The user part is a value of its own in the message: no character of it can widen the search. */
function searchFor(
  key: string,
  { scope, filter, attributes }: UserSearch,
  claims: Map<string, FoundClaim>,
): Omit<LdapSearch, 'baseDn'> {
  const hasAddress: LdapFilter = { or: attributes.addresses.flatMap((attribute) => formsOf(attribute, key)) };
  return {
    scope,
    filter: filter === undefined ? hasAddress : { and: [filter, hasAddress] },
    attributes: [...attributes.addresses, attributes.enabled],
    sizeLimit: mostClaims,
    onEntry: (entry) => {
      const { dn, isEnabled, showsEnabled, addresses } = readUserEntry(entry, attributes);
      // The server compares more loosely than we do (RFC 4518: spaces, presentation forms).
      const address = addresses.find((each) => each.key === key);
      if (address !== undefined) claims.set(dn.toLowerCase(), { dn, isEnabled, showsEnabled, rank: address.rank });
    },
  };
}

/**
 * Asks on a connection of its own, which an operator's question is worth; referrals are not followed.
 * @returns distinguished names, that of the object that decides first
 * @throws LdapError when no server answers
 */
export async function namesOf(
  key: string,
  where: UserSearch,
  servers: LdapServersSettings,
  parts: DirectoryParts,
): Promise<readonly string[]> {
  const connections = ldapConnections(servers, parts);
  try {
    const connection = await connections.open('lookup');
    const claims = await claimsTo(key, where, [], (search) => connection.search(search).done);
    return claims.map(({ dn }) => dn);
  } finally {
    connections.close();
  }
}
