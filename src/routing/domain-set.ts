/** Host names, and domains with all names below them: `example.com`, `.example.com`. */

import { hostKey } from '../net/ip-address.ts';
import type { NamePattern } from './access/pattern.ts';

export class DomainSet {
  readonly #hosts = new Set<string>();
  readonly #below = new Set<string>();

  constructor(patterns: readonly NamePattern[]) {
    for (const pattern of patterns) {
      if (pattern.kind === 'name') this.#hosts.add(hostKey(pattern.name));
      else this.#below.add(pattern.domain);
      if (pattern.kind === 'names-below' && pattern.isWithDomain) this.#hosts.add(pattern.domain);
    }
  }

  /** @param host lower case, an IPv6 address without brackets */
  has(host: string): boolean {
    if (this.#hosts.has(hostKey(host))) return true;
    if (this.#below.size === 0) return false;
    for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
      if (this.#below.has(host.slice(dot + 1))) return true;
    }
    return false;
  }
}
