/**
 * A cache round any directory: answers have a life, one question per user is under way at a time, and no request waits
 * longer than its budget. lru-cache only stores; when an answer is fresh, stale or gone is decided here, by the clock
 * handed in.
 */
import { LRUCache } from 'lru-cache';
import type { DirectoryAnswer } from '../routing/types.ts';
import type { Directory, DirectoryDescription } from './directory.ts';

export interface CacheSettings {
  /** Users kept; the one asked for longest ago goes first. */
  readonly size: number;
  /** How long a home is believed. */
  readonly foundMs: number;
  /** How long "no such user" is believed; short, because a user who was just made wants to be reached. */
  readonly unknownMs: number;
  /** Age up to which a home still serves, marked stale, while the directory cannot answer. */
  readonly staleMs: number;
  /** How long one request waits for the directory. Default 150. */
  readonly budgetMs?: number;
}

/** What the cache needs of time. */
export interface CacheClock {
  /** Milliseconds, never going backwards. */
  now(): number;
  after(ms: number, run: () => void): { cancel(): void };
}

/** A known answer; `unavailable` is never kept. */
type Known = Exclude<DirectoryAnswer, { kind: 'unavailable' }>;

interface Entry {
  readonly answer: Known;
  /** When the answer was true: the moment of storing less the age it had then. */
  readonly trueAtMs: number;
}

/** A SIP request must not hang on a slow domain controller: far below T1, and enough for a round trip or two. */
const defaultBudgetMs = 150;

/** Written out, because it is done for every request: a spread costs several times as much. */
const aged = (answer: Known, ageMs: number): Known => {
  if (answer.kind !== 'home') return { kind: 'unknown-user', source: answer.source, ageMs };
  const { side, addressOnly, freshness, source } = answer;
  return { kind: 'home', side, addressOnly, freshness, source, ageMs };
};

const whyOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

class CachedDirectory implements Directory {
  readonly #inner: Directory;
  readonly #settings: CacheSettings & { readonly budgetMs: number };
  readonly #clock: CacheClock;
  readonly #entries: LRUCache<string, Entry>;
  /** Questions under way, so that a burst of requests for one user asks once. */
  readonly #flights = new Map<string, Promise<DirectoryAnswer>>();

  constructor(inner: Directory, settings: CacheSettings, clock: CacheClock) {
    this.#inner = inner;
    this.#settings = { budgetMs: defaultBudgetMs, ...settings };
    this.#clock = clock;
    this.#entries = new LRUCache({ max: settings.size });
  }

  lookup(key: string): DirectoryAnswer | Promise<DirectoryAnswer> {
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      const ageMs = this.#age(entry);
      if (ageMs < this.#lifeMs(entry)) return aged(entry.answer, ageMs);
    }
    const answer = this.#flights.get(key) ?? this.#ask(key);
    return answer instanceof Promise ? this.#withinBudget(key, answer) : this.#orStale(key, answer);
  }

  describe(): DirectoryDescription {
    const { source, summary } = this.#inner.describe();
    return { source, summary: `${summary}; ${this.#entries.size} of at most ${this.#settings.size} answers cached` };
  }

  #age({ trueAtMs }: Entry): number {
    return this.#clock.now() - trueAtMs;
  }

  #lifeMs({ answer }: Entry): number {
    return answer.kind === 'home' ? this.#settings.foundMs : this.#settings.unknownMs;
  }

  /** Asks once; what is known at once is given at once. */
  #ask(key: string): DirectoryAnswer | Promise<DirectoryAnswer> {
    try {
      const answer = this.#inner.lookup(key);
      return answer instanceof Promise ? this.#fly(key, answer) : this.#keep(key, answer);
    } catch (error) {
      return { kind: 'unavailable', why: whyOf(error) };
    }
  }

  /** The flight goes on, and its answer is kept, also when nobody waits for it any more. */
  #fly(key: string, asked: Promise<DirectoryAnswer>): Promise<DirectoryAnswer> {
    const flight = asked
      .then(
        (answer) => this.#keep(key, answer),
        (error: unknown): DirectoryAnswer => ({ kind: 'unavailable', why: whyOf(error) }),
      )
      .finally(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    return flight;
  }

  /** Keeps first-hand answers only: a stale one of a source below stays stale. */
  #keep(key: string, answer: DirectoryAnswer): DirectoryAnswer {
    if (answer.kind === 'unavailable' || (answer.kind === 'home' && answer.freshness === 'stale')) return answer;
    this.#entries.set(key, { answer, trueAtMs: this.#clock.now() - answer.ageMs });
    return answer;
  }

  #withinBudget(key: string, flight: Promise<DirectoryAnswer>): Promise<DirectoryAnswer> {
    const { budgetMs } = this.#settings;
    return new Promise((resolve) => {
      const timer = this.#clock.after(budgetMs, () =>
        resolve(this.#orStale(key, { kind: 'unavailable', why: `no answer within ${budgetMs} ms` })),
      );
      void flight.then((answer) => {
        timer.cancel();
        resolve(this.#orStale(key, answer));
      });
    });
  }

  /** The last known home, if it is young enough, in place of no answer. That a user was unknown long ago says nothing now. */
  #orStale(key: string, answer: DirectoryAnswer): DirectoryAnswer {
    if (answer.kind !== 'unavailable') return answer;
    const entry = this.#entries.get(key);
    if (entry?.answer.kind !== 'home' || this.#age(entry) > this.#settings.staleMs) return answer;
    return { ...entry.answer, freshness: 'stale', ageMs: this.#age(entry) };
  }
}

export const cached = (inner: Directory, settings: CacheSettings, clock: CacheClock): Directory =>
  new CachedDirectory(inner, settings, clock);
