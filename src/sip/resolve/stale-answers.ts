/** Serves the last answer to a DNS question while no new one comes, so that a lost datagram takes no server from a name of many. */
import type { Clock } from '../../clock.ts';
import { RecentMap } from '../recent-map.ts';
import { type DnsClient, type HostAddresses, isAbsence, type NaptrRecord, type SrvRecord } from './dns-client.ts';

/** What many questions together have left open. */
export interface Gaps {
  /** Not everything was answered. */
  hasGaps: boolean;
  /** Moment of the clock at which the oldest answer that stood in is of no use any more. */
  usableUntil: number;
}

interface Known<Answer> {
  readonly answer: Answer | undefined;
  readonly usableUntil: number;
}

const nothing = { answer: undefined, usableUntil: 0 };

/** Limit for each kind of question. */
const mostQuestions = 10_000;

/** The answers to one kind of question. */
class StaleAnswers<Answer> {
  readonly #known = new RecentMap<Known<Answer>>(mostQuestions);
  readonly #ask: (name: string) => Promise<Answer>;
  readonly #isWhole: (answer: Answer) => boolean;
  readonly #clock: Clock;
  readonly #keptMs: number;

  constructor(
    ask: (name: string) => Promise<Answer>,
    clock: Clock,
    keptMs: number,
    isWhole: (answer: Answer) => boolean = () => true,
  ) {
    this.#ask = ask;
    this.#isWhole = isWhole;
    this.#clock = clock;
    this.#keptMs = keptMs;
  }

  /** Rejects as the client does, when nothing is known that could stand in. */
  async ask(name: string, gaps: Gaps): Promise<Answer> {
    try {
      const answer = await this.#ask(name);
      if (!this.#isWhole(answer)) return this.#standIn(name, gaps) ?? answer;
      this.#known.set(name, { answer, usableUntil: this.#clock.now() + this.#keptMs });
      return answer;
    } catch (error) {
      return this.#orElse(name, error as NodeJS.ErrnoException, gaps);
    }
  }

  #orElse(name: string, error: NodeJS.ErrnoException, gaps: Gaps): Answer {
    if (isAbsence(error)) this.#known.set(name, nothing);
    const known = isAbsence(error) ? undefined : this.#standIn(name, gaps);
    if (known === undefined) throw error;
    return known;
  }

  #standIn(name: string, gaps: Gaps): Answer | undefined {
    gaps.hasGaps = true;
    const { answer, usableUntil } = this.#known.get(name) ?? nothing;
    if (this.#clock.now() >= usableUntil) return undefined;
    gaps.usableUntil = Math.min(gaps.usableUntil, usableUntil);
    return answer;
  }
}

export interface StaleServingDns {
  readonly hosts: StaleAnswers<HostAddresses>;
  readonly services: StaleAnswers<readonly SrvRecord[]>;
  readonly pointers: StaleAnswers<readonly NaptrRecord[]>;
}

/** @param keptMs how long an answer may stand in for those that do not come */
export const servingStale = (dns: DnsClient, clock: Clock, keptMs: number): StaleServingDns => ({
  hosts: new StaleAnswers(
    (host) => dns.addresses(host),
    clock,
    keptMs,
    ({ isWhole }) => isWhole,
  ),
  services: new StaleAnswers((name) => dns.services(name), clock, keptMs),
  pointers: new StaleAnswers((name) => dns.pointers(name), clock, keptMs),
});
