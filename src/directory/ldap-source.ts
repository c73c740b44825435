/** The look-up mode of an LDAP source: every question becomes a search, on one connection that is kept ready. */
import type { DirectoryAnswer } from '../routing/types.ts';
import type { Directory, DirectoryDescription } from './directory.ts';
import { KeptConnection } from './kept-connection.ts';
import { type LdapConnection, LdapError, type LdapFilter, type LdapResult, type LdapSearch } from './ldap.ts';
import type { LdapLog, LdapParts, OwnedConnections } from './ldap-connections.ts';
import { controlOids, plainControl } from './ldap-controls.ts';
import { Once } from './once.ts';
import { ReferralFollower } from './referrals.ts';
import { SearchSlots } from './search-slots.ts';
import { type Claim, compareClaims, readUserEntry, type UserAttributes } from './user-entry.ts';

export interface LookupSettings {
  /** As it stands in answers: `ldap corp`. */
  readonly source: string;
  /** Never empty. */
  readonly baseDns: readonly string[];
  readonly scope: 'base' | 'one' | 'sub';
  /** What a user must fulfil besides having the address (RFC 4515). */
  readonly filter: string | undefined;
  readonly attributes: UserAttributes;
  readonly maxSearches: number;
  /** How long a question may wait for one of these. */
  readonly longestWaitMs: number;
  readonly followReferrals: boolean;
}

export interface OpenSource extends Directory {
  /** Resolves when the source has been tried for the first time, well or not. */
  ready(): Promise<void>;
  close(): void | Promise<void>;
}

/** In these the scheme is always written; who fills others may have left it out. */
const alwaysWithScheme = /^(?:msRTCSIP-PrimaryUserAddress|proxyAddresses)$/i;

export const schemeIsAlwaysWritten = (attribute: string): boolean => alwaysWithScheme.test(attribute);

const formsOf = (attribute: string, key: string): readonly LdapFilter[] => [
  { equal: attribute, value: `sip:${key}` },
  ...(schemeIsAlwaysWritten(attribute) ? [] : [{ equal: attribute, value: key }]),
];

/** What is ignored need not be sent; a server that does not know the control ignores it in turn (RFC 4511 §4.1.11). */
const withoutReferences = [plainControl(controlOids.domainScope, false)];

/** More objects than this with one address is a mistake that no rule can mend. */
const mostClaims = 100;

export class LookupSource implements OpenSource {
  readonly #settings: LookupSettings;
  readonly #connections: OwnedConnections;
  readonly #kept: KeptConnection;
  readonly #referrals: ReferralFollower | undefined;
  readonly #slots: SearchSlots;
  readonly #log: LdapLog;
  readonly #ready: Promise<void>;
  readonly #once = new Once();

  constructor(settings: LookupSettings, connections: OwnedConnections, { clock, log }: LdapParts) {
    this.#settings = settings;
    this.#connections = connections;
    this.#log = log;
    this.#kept = new KeptConnection(connections, clock);
    this.#referrals = settings.followReferrals ? new ReferralFollower(connections) : undefined;
    this.#slots = new SearchSlots(settings.maxSearches, settings.longestWaitMs, () => clock.now());
    this.#ready = this.#kept.start();
  }

  async lookup(recipientKey: string): Promise<DirectoryAnswer> {
    try {
      const answer = await this.#slots.run(() => this.#ask(recipientKey));
      return answer ?? { kind: 'unavailable', why: `${this.#settings.source}: too many look-ups are under way` };
    } catch (error) {
      return { kind: 'unavailable', why: `${this.#settings.source}: ${(error as Error).message}` };
    }
  }

  describe(): DirectoryDescription {
    const { source, attributes } = this.#settings;
    const inUse = this.#connections.servers().find(({ isInUse }) => isInUse)?.url;
    const state =
      this.#kept.whyNone === undefined ? `asked at ${inUse}` : `cannot be asked: ${this.#kept.whyNone.message}`;
    return { source, summary: `${state}; users by ${attributes.addresses.join(', ')}` };
  }

  ready(): Promise<void> {
    return this.#ready;
  }

  close(): void {
    this.#kept.stop();
    this.#connections.close();
  }

  /** A connection that ends under a search says nothing about the user: the next one is asked, once. */
  async #ask(key: string): Promise<DirectoryAnswer> {
    try {
      return this.#answer(key, await this.#claims(await this.#kept.get(), key));
    } catch (error) {
      if (!(error instanceof LdapError) || error.code !== 'ldap-closed') throw error;
      return this.#answer(key, await this.#claims(await this.#kept.get(), key));
    }
  }

  async #claims(connection: LdapConnection, key: string): Promise<readonly Claim[]> {
    const claims = new Map<string, Claim>();
    const searches = this.#settings.baseDns.map((baseDn) =>
      this.#search(connection, this.#searchFor(baseDn, key, claims)),
    );
    await Promise.all(searches);
    return [...claims.values()].sort(compareClaims);
  }

  async #search(connection: LdapConnection, search: LdapSearch): Promise<void> {
    const { done } = connection.search(search);
    if (this.#referrals === undefined) await done;
    else await this.#referrals.follow((await done.catch(referralOf)).referrals, search);
  }

  /** The user part is a value of its own in the message: no character of it can widen the search. */
  #searchFor(baseDn: string, key: string, claims: Map<string, Claim>): LdapSearch {
    const { scope, filter, attributes } = this.#settings;
    const hasAddress: LdapFilter = { or: attributes.addresses.flatMap((attribute) => formsOf(attribute, key)) };
    return {
      baseDn,
      scope,
      filter: filter === undefined ? hasAddress : { and: [filter, hasAddress] },
      attributes: [...attributes.addresses, attributes.enabled],
      sizeLimit: mostClaims,
      controls: this.#referrals === undefined ? withoutReferences : [],
      onEntry: (entry) => {
        const { dn, isEnabled, addresses } = readUserEntry(entry, attributes);
        // The server compares more loosely than we do (RFC 4518: spaces, presentation forms).
        const address = addresses.find((each) => each.key === key);
        if (address !== undefined) claims.set(dn.toLowerCase(), { dn, isEnabled, rank: address.rank });
      },
    };
  }

  #answer(key: string, claims: readonly Claim[]): DirectoryAnswer {
    const { source } = this.#settings;
    const [first, ...others] = claims;
    if (first === undefined) return { kind: 'unknown-user', source, ageMs: 0 };
    if (others.length > 0) this.#report(key, claims);
    return { kind: 'home', side: 'microsoft', addressOnly: !first.isEnabled, freshness: 'fresh', source, ageMs: 0 };
  }

  #report(key: string, claims: readonly Claim[]): void {
    const objects = claims.map(({ dn }) => dn);
    const what = 'one address on several objects of the directory: the first object decides';
    this.#once.tell(key, () => this.#log.warn({ user: key, objects }, what));
  }
}

/** Result code 10: the whole search belongs elsewhere. Where nobody follows it, it stays the refusal that it is. */
function referralOf(error: unknown): LdapResult {
  if (error instanceof LdapError && error.referrals.length > 0) return { controls: [], referrals: error.referrals };
  throw error;
}
