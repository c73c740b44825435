/** The look-up mode of an LDAP source: every question becomes a search, on one connection that is kept ready. */
import type { DirectoryAnswer } from '../../routing/types.ts';
import type { Directory, DirectoryDescription, DirectoryParts } from '../directory.ts';
import { Once } from '../once.ts';
import type { Claim } from '../user-entry.ts';
import { claimsTo, type FoundClaim, type UserSearch } from './claims.ts';
import type { OwnedConnections } from './connections.ts';
import { controlOids, plainControl } from './controls.ts';
import { EnabledProbe, tellBlind } from './enabled-probe.ts';
import { KeptConnection } from './kept-connection.ts';
import { type LdapConnection, LdapError, type LdapResult, type LdapSearch, type LdapServerState } from './ldap.ts';
import { ReferralFollower } from './referrals.ts';
import { SearchSlots } from './search-slots.ts';

interface LookupSettings extends UserSearch {
  /** As it stands in answers: `ldap corp`. */
  readonly source: string;
  readonly maxSearches: number;
  /** How long a question may wait for one of these. */
  readonly longestWaitMs: number;
  readonly followReferrals: boolean;
}

interface OpenSource extends Directory {
  /** Resolves when the source has been tried for the first time, well or not. */
  ready(): Promise<void>;
  close(): void | Promise<void>;
}

/** What is ignored need not be sent; a server that does not know the control ignores it in turn (RFC 4511 §4.1.11). */
const withoutReferences = [plainControl(controlOids.domainScope, false)];

export class LookupSource implements OpenSource {
  readonly #settings: LookupSettings;
  readonly #connections: OwnedConnections;
  readonly #kept: KeptConnection;
  readonly #referrals: ReferralFollower | undefined;
  readonly #slots: SearchSlots;
  readonly #probe: EnabledProbe;
  readonly #log: DirectoryParts['log'];
  readonly #ready: Promise<void>;
  readonly #once = new Once();

  constructor(settings: LookupSettings, connections: OwnedConnections, { clock, log }: DirectoryParts) {
    this.#settings = settings;
    this.#connections = connections;
    this.#log = log;
    this.#kept = new KeptConnection(connections, clock);
    this.#referrals = settings.followReferrals ? new ReferralFollower(connections) : undefined;
    this.#probe = new EnabledProbe(settings, () => clock.now());
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

  servers(): readonly LdapServerState[] {
    return this.#connections.servers();
  }

  /**
   * On the connection of the look-ups: a password that was refused is not offered again by an operator's question.
   * @returns distinguished names of the objects with this address, that of the one that decides first
   * @throws LdapError when no server answers
   */
  async namesOf(recipientKey: string): Promise<readonly string[]> {
    const claims = await this.#claims(await this.#kept.get(), recipientKey);
    return claims.map(({ dn }) => dn);
  }

  /** Tries its servers now if there is no connection, whatever they rest for. */
  refresh(): void {
    this.#kept.tryAtOnce();
  }

  ready(): Promise<void> {
    return this.#ready;
  }

  close(): void {
    this.#kept.stop();
    this.#connections.close();
  }

  /** A connection that ends under a search, be it by silence, says nothing about the user: the next one is asked, once. */
  async #ask(key: string): Promise<DirectoryAnswer> {
    const connection = await this.#kept.get();
    try {
      return await this.#askBy(connection, key);
    } catch (error) {
      if (connection.closedBecause === undefined) throw error;
      return await this.#askBy(await this.#kept.get(), key);
    }
  }

  async #askBy(connection: LdapConnection, key: string): Promise<DirectoryAnswer> {
    const claims = await this.#claims(connection, key);
    const { source, attributes } = this.#settings;
    const isEnabled = claims.some((claim) => claim.isEnabled);
    const unseen = isEnabled ? undefined : claims.find(({ showsEnabled }) => !showsEnabled);
    if (unseen !== undefined && (await this.#probe.isBlind((search) => this.#search(connection, search)))) {
      return { kind: 'unavailable', why: `${source}: ${tellBlind(attributes)}` };
    }
    return this.#answer(key, claims);
  }

  #claims(connection: LdapConnection, key: string): Promise<readonly FoundClaim[]> {
    const controls = this.#referrals === undefined ? withoutReferences : [];
    return claimsTo(key, this.#settings, controls, (search) => this.#search(connection, search));
  }

  async #search(connection: LdapConnection, search: LdapSearch): Promise<void> {
    const { done } = connection.search(search);
    if (this.#referrals === undefined) await done;
    else await this.#referrals.follow((await done.catch(referralOf)).referrals, search);
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
    const others = '; others like it are not told any more, see pif-router directory check';
    this.#once.tell(key, (isLast) => this.#log.warn({ user: key, objects }, isLast ? what + others : what));
  }
}

/** Result code 10: the whole search belongs elsewhere. Where nobody follows it, it stays the refusal that it is. */
function referralOf(error: unknown): LdapResult {
  if (error instanceof LdapError && error.referrals.length > 0) return { controls: [], referrals: error.referrals };
  throw error;
}
