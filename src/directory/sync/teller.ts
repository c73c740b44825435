/**
 * Makes of an object that something has happened to what is told of it: it is read anew, as the source would find it. What an
 * object cannot show of others, for whom nothing changes but where they are or what they belong to, is told as a doubt.
 */

import { EnabledProbe } from '../ldap/enabled-probe.ts';
import { type LdapEntry, LdapError, type LdapFilter } from '../ldap/ldap.ts';
import type { FollowParts } from './follow.ts';
import { readBases } from './server-facts.ts';
import { asksForMembership, identityOf, reread } from './user-source.ts';

/** Of users and containers alike; to these each way of following adds what it needs for itself. */
export const toldBy = ['isDeleted', 'objectClass', 'hasSubordinates'] as const;

/** [MS-ADTS] 3.1.1.5.5: what is left of a deleted object. */
const isTombstone = (entry: LdapEntry): boolean => entry.text('isDeleted') === 'TRUE';

/** Classes that hold users, and those that hold these. A domain is one, too; but it changes often, and its name never. */
const containerClasses = [
  'organizationalUnit',
  'container',
  'organization',
  'locality',
  'country',
  'builtinDomain',
  'lostAndFound',
] as const;

const groupClasses = ['group', 'groupOfNames', 'groupOfUniqueNames'] as const;

const ofClasses = (classes: readonly string[]): readonly LdapFilter[] =>
  classes.map((value) => ({ equal: 'objectClass', value }));

export class Teller {
  readonly #parts: FollowParts;
  readonly #probe: EnabledProbe;
  readonly #asksForMembership: boolean;
  /** Of containers that have been seen. */
  readonly #names = new Map<string, string>();

  constructor(parts: FollowParts) {
    this.#parts = parts;
    this.#probe = new EnabledProbe(parts.source, () => parts.clock.now());
    this.#asksForMembership = asksForMembership(parts.source.filter);
  }

  /** Of objects that are no users those whose changes must be heard of. */
  get others(): readonly LdapFilter[] {
    const groups = this.#asksForMembership ? ofClasses(groupClasses) : [];
    if (this.#parts.server.kind === 'active-directory') return [...ofClasses(containerClasses), ...groups];
    return [{ equal: 'hasSubordinates', value: 'TRUE' }, ...groups];
  }

  /** @param entry with its identity and the attributes `toldBy` */
  async tell(entry: LdapEntry): Promise<void> {
    const { connection, server, source, listener } = this.#parts;
    await this.tellOfOthers(entry);
    const id = identityOf(entry, server);
    if (isTombstone(entry)) return listener.gone(id);
    const now = await reread(connection, source, server, entry.dn);
    if (now !== undefined) return this.changed(id, now);
    // Below a base that is called otherwise now nobody is found, and nobody is gone. A server tells in no certain order.
    await this.#refuseOtherBases();
    listener.gone(id);
  }

  /** A user as it is now, whole. */
  async changed(id: string, entry: LdapEntry): Promise<void> {
    const { connection, source, listener } = this.#parts;
    // That the attribute is not there may be said of the account rather than of the user: a sweep sees which.
    const isBlind =
      !entry.has(source.attributes.enabled) && (await this.#probe.isBlind((search) => connection.search(search).done));
    if (isBlind) listener.doubted();
    else listener.changed(id, entry);
  }

  /** With a container all below it are renamed, who do not change themselves; and so it is with the members of a group. */
  async tellOfOthers(entry: LdapEntry): Promise<void> {
    const { server, listener } = this.#parts;
    const classes = entry.texts('objectClass').map((each) => each.toLowerCase());
    const isOf = (wanted: readonly string[]): boolean => wanted.some((each) => classes.includes(each.toLowerCase()));
    if (this.#asksForMembership && isOf(groupClasses)) listener.doubted();
    const isContainer =
      server.kind === 'active-directory' ? isOf(containerClasses) : entry.text('hasSubordinates') === 'TRUE';
    if (isContainer && this.#isNewName(entry)) await this.#renamed();
  }

  /** What it was called before is not known of one that is seen for the first time. */
  #isNewName(entry: LdapEntry): boolean {
    const id = identityOf(entry, this.#parts.server);
    const before = this.#names.get(id);
    this.#names.set(id, entry.dn);
    return before !== entry.dn;
  }

  async #renamed(): Promise<void> {
    await this.#refuseOtherBases();
    this.#parts.listener.doubted();
  }

  /** Whoever lies below a base that is not called so any more would seem to be gone. */
  async #refuseOtherBases(): Promise<void> {
    const { connection, server, source } = this.#parts;
    const { bases, missingBases } = await readBases(connection, source.baseDns);
    refuseMissing(missingBases, connection.server);
    const renamed = bases.find((base, place) => base !== server.bases[place]);
    if (renamed !== undefined)
      throw new LdapError('ldap-refused', `a base is called ${renamed} now: all users are read anew`);
  }
}

/** @throws LdapError where a base is not there: without it nobody can be told from those who are gone */
export function refuseMissing(missingBases: readonly string[], server: string): void {
  if (missingBases.length === 0) return;
  const what = `${server} has no ${missingBases.join(' and no ')}, or the account may not see it`;
  throw new LdapError('ldap-refused', `${what}: was the base renamed or moved? Who is known stays known for now`, 32);
}
