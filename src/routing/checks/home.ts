/** Where a user is at home, as reasons: by whom it is said, and what it means for the sender. */
import type { Reason } from '../reasons.ts';
import type { Side } from '../types.ts';

export const homeIsSender = (from: Side, source: string): Reason => ({
  code: 'home-is-the-sender',
  detail: `${source} has this user on ${from}, where the request comes from`,
});

/** Made once for each source: most requests of a site are forwarded for the same reason. */
export class HomeReasons {
  readonly #bySource = new Map<string, Readonly<Record<Side, Reason>>>();

  of(source: string, side: Side): Reason {
    const known = this.#bySource.get(source) ?? this.#add(source);
    return known[side];
  }

  #add(source: string): Readonly<Record<Side, Reason>> {
    const on = (home: Side): Reason => ({ code: 'directory-home', detail: `${source} has this user on ${home}` });
    const both = { cisco: on('cisco'), microsoft: on('microsoft') };
    this.#bySource.set(source, both);
    return both;
  }
}
