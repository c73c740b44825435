/** Whether what a sweep has found is believed, for users that are dropped by mistake lose their messages. */
import { tellBlind } from '../ldap/enabled-probe.ts';
import { LdapError } from '../ldap/ldap.ts';
import type { SweepNotes } from './report.ts';
import type { Loss } from './tables.ts';
import type { UserSource } from './user-source.ts';

/** So many users may always go, unless none may: in a small office two are a large share. */
const alwaysMayGo = 5;

/** Nobody at all is a wrong setting or a missing right: to believe it would make every user unknown. */
export function foundNobody({ baseDns, filter }: UserSource): LdapError {
  const what = `no object below ${baseDns.join(' and ')} matches ${filter}`;
  return new LdapError('ldap-schema', `${what}: is the base right, and may the account read these attributes?`);
}

/** Nobody shows who is enabled: to believe it would send everybody to the other side. */
export const isBlind = ({ users, showsEnabled }: SweepNotes, { attributes }: UserSource): boolean =>
  attributes.decides && users > 0 && !showsEnabled;

export const foundNobodyEnabled = ({ users }: SweepNotes, { attributes }: UserSource): LdapError =>
  new LdapError('ldap-schema', tellBlind(attributes, `none of ${users} users`));

/**
 * @param objects that the sweep has found
 * @param maxLoss share of all users that a sweep may drop or disable, in [0, 1]
 * @returns for people, why it is not put in force; undefined when it is believed
 */
export function disbelief(
  objects: number,
  { gone, disabled, share }: Omit<Loss, 'unshown'>,
  maxLoss: number,
): string | undefined {
  const isTooMuch = share > maxLoss && (maxLoss === 0 || gone + disabled > alwaysMayGo);
  if (objects > 0 && !isTooMuch) return undefined;
  const percent = (part: number): string => `${Math.round(part * 1_000) / 10} %`;
  const what = `it would drop ${gone} users and disable ${disabled}, ${percent(share)} of all`;
  return `${what}, where at most ${percent(maxLoss)} are believed: the users before it stay until it is confirmed`;
}
