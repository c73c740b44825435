/** Goes on with a search where referrals point to (RFC 4511 §4.1.10, §4.5.3): with our own name and protection, never anonymously. */

import type { OwnedConnections } from './connections.ts';
import { depthBelow, parseDn } from './distinguished-name.ts';
import { type LdapConnection, LdapError, type LdapSearch } from './ldap.ts';

/** A referral may lead to referrals; a circle must end. */
const deepest = 3;

export class ReferralFollower {
  readonly #connections: OwnedConnections;
  /** By scheme, host and port; each is used until it ends. */
  readonly #open = new Map<string, Promise<LdapConnection>>();

  constructor(connections: OwnedConnections) {
    this.#connections = connections;
  }

  /**
   * Runs the search in every part that the referrals name.
   * @throws LdapError when one of them cannot be searched: what is not searched is not known
   */
  async follow(referrals: readonly string[], search: LdapSearch, depth = 1): Promise<void> {
    if (referrals.length === 0) return;
    if (depth > deepest) throw new LdapError('ldap-refused', `referrals lead on and on: ${referrals.join(', ')}`);
    await Promise.all(referrals.map((referral) => this.#followOne(referral, search, depth)));
  }

  async #followOne(referral: string, search: LdapSearch, depth: number): Promise<void> {
    const { server, baseDn = search.baseDn } = readReferral(referral);
    if (holdsNoUsers(baseDn, search.baseDn)) return;
    const connection = await this.#connect(server);
    const { referrals } = await connection.search({ ...search, baseDn }).done;
    await this.follow(referrals, search, depth + 1);
  }

  #connect(server: string): Promise<LdapConnection> {
    const known = this.#open.get(server);
    if (known !== undefined) return known;
    const forget = (): void => void this.#open.delete(server);
    const opened = this.#connections.openReferral(server);
    this.#open.set(server, opened);
    opened.then((connection) => connection.onClosed(forget), forget);
    return opened;
  }
}

/**
 * A domain controller answers a search of a whole domain with references to the parts of the directory beside it ([MS-ADTS]
 * 3.1.1.1.6): DNS zones and the configuration. No user is there, and often no server that can be reached.
 */
function holdsNoUsers(baseDn: string, searched: string): boolean {
  const [part, whole] = [parseDn(baseDn), parseDn(searched)];
  if (part === undefined || whole === undefined || depthBelow(whole, part) !== undefined) return false;
  return partsWithoutUsers.has(part[0] ?? '');
}

const partsWithoutUsers: ReadonlySet<string> = new Set(
  ['DC=ForestDnsZones', 'DC=DomainDnsZones', 'CN=Configuration'].flatMap((name) => parseDn(name)?.[0] ?? []),
);

/** RFC 4516 §2: `ldap://host:port/dn?attributes?scope?filter`; the search keeps its own attributes and filter. */
function readReferral(referral: string): { server: string; baseDn?: string } {
  if (!URL.canParse(referral)) throw new LdapError('ldap-refused', `the referral ${referral} is no URL`);
  const { protocol, host, pathname } = new URL(referral);
  const baseDn = decoded(pathname.slice(1));
  if (baseDn === undefined) throw new LdapError('ldap-refused', `the referral ${referral} has an escape that is none`);
  return { server: `${protocol}//${host}`, ...(baseDn === '' ? {} : { baseDn }) };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
