/** Finds the patterns that match a host or a user part without trying them all, the most specific first. */
import {
  type HostPattern,
  type HostWildcard,
  literalStart,
  matchesHost,
  matchesUser,
  specificity,
  type UserPattern,
  type UserWildcard,
} from './route-pattern.ts';

interface Entry<T> {
  readonly specificity: number;
  readonly value: T;
}

const bySpecificity = (a: Entry<unknown>, b: Entry<unknown>): number => b.specificity - a.specificity;

/** What is keyed on one domain name: for the host itself, and for hosts below it. */
interface DomainNode<T> {
  exact?: Entry<T>;
  below?: Entry<T>;
  domainAndBelow?: Entry<T>;
}

/** Costs one hash look-up per label of the host, plus one comparison per pattern with a wildcard inside. */
export class HostIndex<T> {
  readonly #domains = new Map<string, DomainNode<T>>();
  readonly #wildcards: { readonly pattern: HostWildcard; readonly entry: Entry<T> }[] = [];

  /** A pattern is added once; a second value would replace the first. */
  add(pattern: HostPattern, value: T): void {
    const entry = { specificity: specificity(pattern), value };
    switch (pattern.kind) {
      case 'domain':
        this.#node(pattern.domain).exact = entry;
        return;
      case 'below':
        this.#node(pattern.domain).below = entry;
        return;
      case 'domain-and-below':
        this.#node(pattern.domain).domainAndBelow = entry;
        return;
      case 'host-wildcard':
        this.#wildcards.push({ pattern, entry });
    }
  }

  hasExact(host: string): boolean {
    return this.#domains.get(host)?.exact !== undefined;
  }

  /** Values of all patterns that match, the most specific first. */
  matches(host: string): T[] {
    const found = this.#byLabels(host);
    for (const { pattern, entry } of this.#wildcards) if (matchesHost(pattern, host)) found.push(entry);
    return found.sort(bySpecificity).map(({ value }) => value);
  }

  #node(domain: string): DomainNode<T> {
    let node = this.#domains.get(domain);
    if (node === undefined) {
      node = {};
      this.#domains.set(domain, node);
    }
    return node;
  }

  #byLabels(host: string): Entry<T>[] {
    const itself = this.#domains.get(host);
    const found = [itself?.exact, itself?.domainAndBelow];
    for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
      const parent = this.#domains.get(host.slice(dot + 1));
      found.push(parent?.below, parent?.domainAndBelow);
    }
    return found.filter((entry) => entry !== undefined);
  }
}

/** Costs one hash look-up per distinct length of the patterns' literal starts. */
export class UserIndex<T> {
  readonly #exact = new Map<string, T>();
  readonly #byStart = new Map<string, { readonly pattern: UserWildcard; readonly entry: Entry<T> }[]>();
  readonly #startLengths = new Set<number>();

  get isEmpty(): boolean {
    return this.#exact.size === 0 && this.#byStart.size === 0;
  }

  /** A pattern is added once; a second value would replace or follow the first. */
  add(pattern: UserPattern, value: T): void {
    if (pattern.kind === 'user') {
      this.#exact.set(pattern.user, value);
      return;
    }
    const start = literalStart(pattern);
    const sameStart = this.#byStart.get(start) ?? [];
    sameStart.push({ pattern, entry: { specificity: specificity(pattern), value } });
    this.#byStart.set(start, sameStart);
    this.#startLengths.add(start.length);
  }

  /** Values of all patterns that match, the most specific first. */
  matches(user: string): T[] {
    const found: Entry<T>[] = [];
    for (const length of this.#startLengths) {
      for (const { pattern, entry } of this.#byStart.get(user.slice(0, length)) ?? []) {
        if (matchesUser(pattern, user)) found.push(entry);
      }
    }
    const exact = this.#exact.get(user);
    const wild = found.sort(bySpecificity).map(({ value }) => value);
    return exact === undefined ? wild : [exact, ...wild];
  }
}
