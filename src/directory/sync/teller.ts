/**
 * Turns the change of an object into what the listener is told: the object is read anew, as the source would find it. A change of
 * a container or of a group may concern users whose own entries stay as they are: that is told as a doubt.
 */

import { EnabledProbe } from '../ldap/enabled-probe.ts';
import { type LdapEntry, LdapError, type LdapFilter } from '../ldap/ldap.ts';
import type { FollowParts } from './follow.ts';
import { readBases } from './server-facts.ts';
import { asksForMembership, identityOf, reread, rereadByIdentity } from './user-source.ts';

/** Attributes that `tell` needs of every object; each way of following adds its own. */
export const toldBy = ['isDeleted', 'objectClass', 'hasSubordinates'] as const;

/** [MS-ADTS] 3.1.1.5.5: what is left of a deleted object. */
const isTombstone = (entry: LdapEntry): boolean => entry.text('isDeleted') === 'TRUE';

/** Classes of the objects above users. A domain is left out: it changes often, but its name never does. */
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
  /** The DN of each container seen so far, by identity. */
  readonly #names = new Map<string, string>();

  constructor(parts: FollowParts) {
    this.#parts = parts;
    this.#probe = new EnabledProbe(parts.source, () => parts.clock.now());
    this.#asksForMembership = asksForMembership(parts.source.filter);
  }

  /** Objects other than users whose changes matter. */
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
    const now = (await reread(connection, source, server, id, entry.dn)) ?? (await this.#foundAgain(id));
    if (now !== undefined) return this.changed(id, now);
    if (isTombstone(entry)) return listener.gone(id);
    // Below a base that was renamed nobody is found, though nobody is gone; and the renaming may be told after this change.
    await this.#refuseOtherBases();
    listener.gone(id);
  }

  /** Somebody known is not gone because the word that was heard is old: renamed or moved since, or deleted and restored. */
  async #foundAgain(id: string): Promise<LdapEntry | undefined> {
    const { connection, server, source, listener } = this.#parts;
    return listener.knows(id) ? rereadByIdentity(connection, source, server, id) : undefined;
  }

  /** A user as it is now, whole. */
  async changed(id: string, entry: LdapEntry): Promise<void> {
    const { connection, source, listener } = this.#parts;
    // Without the attribute the user may be disabled, or the account may not be allowed to read it: a sweep tells which.
    const isBlind =
      !entry.has(source.attributes.enabled) && (await this.#probe.isBlind((search) => connection.search(search).done));
    if (isBlind) listener.doubted();
    else listener.changed(id, entry);
  }

  /** Renaming a container moves the users below it without changing their entries; so does a change of a group for its members. */
  async tellOfOthers(entry: LdapEntry): Promise<void> {
    const { server, listener } = this.#parts;
    const classes = entry.texts('objectClass').map((each) => each.toLowerCase());
    const isOf = (wanted: readonly string[]): boolean => wanted.some((each) => classes.includes(each.toLowerCase()));
    if (this.#asksForMembership && isOf(groupClasses)) listener.doubted();
    const isContainer =
      server.kind === 'active-directory' ? isOf(containerClasses) : entry.text('hasSubordinates') === 'TRUE';
    if (isContainer && this.#isNewName(entry)) await this.#renamed();
  }

  /** True also for a container that is seen for the first time: its former name is not known. */
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

  /** @throws LdapError where a base was renamed: all users below its old name would seem to be gone */
  async #refuseOtherBases(): Promise<void> {
    const { connection, server, source } = this.#parts;
    const { bases, missingBases } = await readBases(connection, source.baseDns);
    refuseMissing(missingBases, connection.server);
    const renamed = bases.find((base, place) => base !== server.bases[place]);
    if (renamed !== undefined)
      throw new LdapError('ldap-refused', `a base is called ${renamed} now: all users are read anew`);
  }
}

/** @throws LdapError where a base is missing: whether its users are gone cannot be known */
export function refuseMissing(missingBases: readonly string[], server: string): void {
  if (missingBases.length === 0) return;
  const what = `${server} has no ${missingBases.join(' and no ')}, or the account may not see it`;
  throw new LdapError('ldap-refused', `${what}: was the base renamed or moved? Who is known stays known for now`, 32);
}
