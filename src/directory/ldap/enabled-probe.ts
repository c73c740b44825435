/** Whether the router's account may read who is enabled: if not, every user looks as if they had moved to the other side. */

import type { UserAttributes } from '../user-entry.ts';
import type { LdapFilter, LdapSearch } from './ldap.ts';
import { resultCodes } from './result-code.ts';

interface EnabledSearch {
  readonly baseDns: readonly string[];
  readonly scope: 'base' | 'one' | 'sub';
  readonly filter: LdapFilter | undefined;
  readonly attributes: UserAttributes;
}

/** How long it is believed that the account can read the attribute. */
const believedMs = 60_000;

/** In words for an administrator. */
export const tellBlind = ({ enabled }: UserAttributes, who = 'nobody'): string =>
  `${who} shows ${enabled}: may the account read it? Who has an address but no ${enabled} counts as not enabled, so all would be at home on the other side (routing: microsoft-user: address is for a directory without it)`;

export class EnabledProbe {
  readonly #where: EnabledSearch;
  /** Milliseconds, never going backwards. */
  readonly #now: () => number;
  #shownAtMs: number | undefined;

  constructor(where: EnabledSearch, now: () => number) {
    this.#where = where;
    this.#now = now;
  }

  /**
   * Whether the attribute decides and cannot be read: a search for entries that have it then finds none, because a filter on
   * an attribute that may not be read matches nothing (RFC 4511 §4.5.1.7). Ask when an entry lacks the attribute.
   * @param run resolves when the search has ended
   */
  async isBlind(run: (search: LdapSearch) => Promise<unknown>): Promise<boolean> {
    return this.#where.attributes.decides && !(await this.#isShown(run));
  }

  async #isShown(run: (search: LdapSearch) => Promise<unknown>): Promise<boolean> {
    if (this.#shownAtMs !== undefined && this.#now() - this.#shownAtMs < believedMs) return true;
    for (const baseDn of this.#where.baseDns) {
      if (!(await this.#isShownBelow(baseDn, run))) continue;
      this.#shownAtMs = this.#now();
      return true;
    }
    return false;
  }

  async #isShownBelow(baseDn: string, run: (search: LdapSearch) => Promise<unknown>): Promise<boolean> {
    const { scope, filter, attributes } = this.#where;
    const { enabled } = attributes;
    const shows: LdapFilter = { present: enabled };
    let isShown = false;
    const search: LdapSearch = {
      baseDn,
      scope,
      filter: filter === undefined ? shows : { and: [filter, shows] },
      attributes: [enabled],
      sizeLimit: 1,
      onEntry: (entry) => {
        isShown ||= entry.has(enabled);
      },
    };
    await run(search).catch((error: { readonly resultCode?: number }) => {
      if (error.resultCode !== resultCodes.sizeLimitExceeded) throw error;
    });
    return isShown;
  }
}
