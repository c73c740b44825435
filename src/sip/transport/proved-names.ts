/** What the peer of a connection has proved to be called; nothing over TCP. */
import { type CertificateNames, matchesName, type NameBasis, nobody } from '../../certificates/names.ts';

export class ProvedNames {
  #names: CertificateNames = nobody;
  #list: readonly string[] = [];
  /** The last answer is kept: every request for the connection asks, and nearly all for one name. */
  #lastAsked: string | undefined;
  #lastAnswer = false;

  get list(): readonly string[] {
    return this.#list;
  }

  get basis(): NameBasis {
    return this.#names.basis;
  }

  /** Replaces what was proved before. */
  learn(names: CertificateNames): void {
    this.#names = names;
    this.#list = names.wildcards.length === 0 ? names.hosts : [...names.hosts, ...names.wildcards];
    this.#lastAsked = undefined;
  }

  /** RFC 5922 §7.2. */
  has(name: string): boolean {
    if (name !== this.#lastAsked) {
      this.#lastAsked = name;
      this.#lastAnswer = matchesName(this.#names, name);
    }
    return this.#lastAnswer;
  }
}
