/**
 * A cache round any directory: answers have a life, one question per user is under way at a time, and no request waits
 * longer than its budget. When an answer is fresh, stale or gone is decided here, by the clock handed in.
 *
 * Two stores work together. lru-cache holds the answers and says who goes when it is full. `AnswerIndex` holds, for the same
 * users, the little that a hit needs (which answer, true since when), outside of the heap: where memory is cold, a hit
 * of it took 290 ns, and one of lru-cache 1,300 ns. So a hit looks at the index
 * alone and sets its used bit; order in the LRU list is mended when room is needed: an oldest entry whose bit is set goes back
 * to the end of the list instead ("second chance"). Each `set` of the one goes with a `put` of the other, and each eviction with
 * a `remove`; an answer that is not fresh is looked up in lru-cache.
 */
import { isDeepStrictEqual } from 'node:util';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import { randomSeed } from '../hash/keyed-hash.ts';
import type { DirectoryAnswer } from '../routing/types.ts';
import type { ObjectOf } from '../settings/declared.ts';
import { called, withDefault } from '../settings/reader.ts';
import { DAY, HOUR, SECOND } from '../settings/units.ts';
import { duration, integer } from '../settings/values.ts';
import { AnswerIndex } from './answer-index.ts';
import type { Directory, DirectoryDescription } from './directory.ts';

export const cacheFields = {
  /** Users kept; those asked for longest ago go first. */
  size: withDefault(integer(1, 10_000_000), 100_000),
  /** How long a home is believed. */
  foundMs: called('found', withDefault(duration(0, DAY), 30 * SECOND)),
  /** How long "no such user" is believed; short, because a user who was just made wants to be reached. */
  unknownMs: called('unknown', withDefault(duration(0, HOUR), 5 * SECOND)),
  /** Age up to which a home still serves, marked stale, while the directory cannot answer. */
  staleMs: called('stale', withDefault(duration(0, 30 * DAY), DAY)),
  /** How long one request waits for the directory: far below T1, and enough for a round trip or two. */
  budgetMs: called('budget', withDefault(duration(10, 10 * SECOND), 150)),
};

export type CacheSettings = ObjectOf<typeof cacheFields>;

/** A known answer; `unavailable` is never kept. */
type Known = Exclude<DirectoryAnswer, { kind: 'unavailable' }>;

interface Entry {
  readonly answer: Known;
  /** When the answer was true: the moment of storing less the age it had then. */
  readonly trueAtMs: number;
}

/** So many entries at most go back to the end of the LRU list for one new user. */
const secondChances = 16;

/** Written out, because it is done for every request: a spread costs several times as much. */
const aged = (answer: Known, ageMs: number): Known => {
  if (answer.kind !== 'home') return { kind: 'unknown-user', source: answer.source, ageMs };
  const { side, addressOnly, freshness, source } = answer;
  return { kind: 'home', side, addressOnly, freshness, source, ageMs };
};

const whyOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export class CachedDirectory implements Directory {
  readonly #inner: Directory;
  #settings: CacheSettings;
  readonly #clock: Clock;
  #entries: LRUCache<string, Entry>;
  #index: AnswerIndex;
  /** All that differ by more than their age: side, state and source. */
  readonly #answers: Known[] = [];
  /** Questions under way, so that a burst of requests for one user asks once. */
  readonly #flights = new Map<string, Promise<DirectoryAnswer>>();

  constructor(inner: Directory, settings: CacheSettings, clock: Clock) {
    this.#inner = inner;
    this.#settings = settings;
    this.#clock = clock;
    this.#index = new AnswerIndex(settings.size, randomSeed());
    this.#entries = this.#newEntries(settings.size);
  }

  /** Goes on with other settings, and with as many of its users as it then has room for. */
  change(settings: CacheSettings): void {
    const { size } = this.#settings;
    this.#settings = settings;
    if (settings.size === size) return;
    const before = [...this.#entries.rentries()];
    this.#index = new AnswerIndex(settings.size, randomSeed());
    this.#entries = this.#newEntries(settings.size);
    for (const [key, entry] of before.slice(-settings.size) as [string, Entry][]) {
      this.#entries.set(key, entry);
      this.#index.put(key, this.#numberOf(entry.answer), entry.trueAtMs);
    }
  }

  #newEntries(size: number): LRUCache<string, Entry> {
    return new LRUCache({ max: size, dispose: (_entry, key, why) => why === 'evict' && this.#index.remove(key) });
  }

  lookup(key: string): DirectoryAnswer | Promise<DirectoryAnswer> {
    const fresh = this.#fresh(key);
    if (fresh !== undefined) return fresh;
    const answer = this.#flights.get(key) ?? this.#ask(key);
    return answer instanceof Promise ? this.#withinBudget(key, answer) : this.#orStale(key, answer);
  }

  /** For the hot path: looks at no entry. */
  #fresh(key: string): Known | undefined {
    const place = this.#index.find(key);
    if (place < 0) return undefined;
    this.#index.use(place);
    const answer = this.#answers[this.#index.answer(place)]!;
    const ageMs = this.#clock.now() - this.#index.trueAtMs(place);
    return ageMs < this.#lifeMs(answer) ? aged(answer, ageMs) : undefined;
  }

  describe(): DirectoryDescription {
    const { source, summary } = this.#inner.describe();
    return { source, summary: `${summary}; ${this.#entries.size} of at most ${this.#settings.size} answers cached` };
  }

  #age({ trueAtMs }: Entry): number {
    return this.#clock.now() - trueAtMs;
  }

  #lifeMs({ kind }: Known): number {
    return kind === 'home' ? this.#settings.foundMs : this.#settings.unknownMs;
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
    const trueAtMs = this.#clock.now() - answer.ageMs;
    if (!this.#entries.has(key)) this.#makeRoom();
    this.#entries.set(key, { answer, trueAtMs });
    this.#index.put(key, this.#numberOf(answer), trueAtMs);
    return answer;
  }

  /** Finds who goes for the next one. */
  #makeRoom(): void {
    if (this.#entries.size < this.#settings.size) return;
    for (let chance = 0; chance < secondChances; chance += 1) {
      const { value: oldest } = this.#entries.rkeys().next();
      if (oldest === undefined || !this.#index.takeUsed(oldest)) return;
      this.#entries.get(oldest);
    }
  }

  #numberOf(answer: Known): number {
    const known = this.#answers.findIndex((other) => isDeepStrictEqual(aged(other, 0), aged(answer, 0)));
    return known < 0 ? this.#answers.push(answer) - 1 : known;
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
    return answer.kind === 'unavailable' ? (this.lastKnown(key) ?? answer) : answer;
  }

  /** Asks nobody. */
  lastKnown(key: string): DirectoryAnswer | undefined {
    const entry = this.#entries.peek(key);
    if (entry?.answer.kind !== 'home' || this.#age(entry) > this.#settings.staleMs) return undefined;
    return { ...entry.answer, freshness: 'stale', ageMs: this.#age(entry) };
  }
}

export const cached = (inner: Directory, settings: CacheSettings, clock: Clock): Directory =>
  new CachedDirectory(inner, settings, clock);
