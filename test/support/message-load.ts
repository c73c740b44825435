/** A steady load of MESSAGE from one raw end, in which every message and every answer is counted. */
import { newBranch, newTag, requestText } from './raw-message.ts';
import type { RawEnd } from './raw-sip.ts';
import { pause } from './router-process.ts';
import { until } from './until.ts';

interface LoadResult {
  readonly sent: number;
  /** Final answers by status. */
  readonly answers: Readonly<Record<number, number>>;
  /** Messages with more than one final answer. */
  readonly twice: number;
  /** Without any. */
  readonly unanswered: number;
  /** From sent to answered, sorted. */
  readonly ms: readonly number[];
}

export class MessageLoad {
  readonly #end: RawEnd;
  readonly #uri: string;
  readonly #sentAt = new Map<string, number>();
  readonly #answered = new Set<string>();
  readonly #answers: Record<number, number> = {};
  readonly #ms: number[] = [];
  #twice = 0;
  #isStopped = false;

  constructor(end: RawEnd, uri: string) {
    this.#end = end;
    this.#uri = uri;
    end.respond((answer) => {
      this.#take(answer.header('Call-ID') ?? '', answer.status ?? 0);
      end.inbox.length = 0;
      return undefined;
    });
  }

  #take(callId: string, status: number): void {
    if (status < 200) return;
    if (this.#answered.has(callId)) this.#twice += 1;
    this.#answered.add(callId);
    this.#answers[status] = (this.#answers[status] ?? 0) + 1;
    this.#ms.push(performance.now() - (this.#sentAt.get(callId) ?? 0));
  }

  get sent(): number {
    return this.#sentAt.size;
  }

  get answered(): number {
    return this.#answered.size;
  }

  send(uri = this.#uri): string {
    const callId = newTag() + newTag();
    this.#sentAt.set(callId, performance.now());
    const via = [`${this.#end.via};branch=${newBranch()}`];
    this.#end.send(requestText({ method: 'MESSAGE', uri, via, callId, body: 'hello' }));
    return callId;
  }

  hasAnswer(callId: string): boolean {
    return this.#answered.has(callId);
  }

  /** Sends so many a second until `stop`; what the clock makes late is made up for. */
  async run(perSecond: number): Promise<void> {
    const start = performance.now();
    let sent = 0;
    while (!this.#isStopped) {
      const due = Math.floor(((performance.now() - start) / 1_000) * perSecond);
      for (; sent < due; sent++) this.send();
      await pause(5);
    }
  }

  /** Ends the sending, and resolves when all is answered or `withinMs` have passed. */
  async stop(withinMs = 10_000): Promise<LoadResult> {
    this.#isStopped = true;
    const end = performance.now() + withinMs;
    await until(() => this.#answered.size === this.#sentAt.size || performance.now() > end);
    return {
      sent: this.#sentAt.size,
      answers: this.#answers,
      twice: this.#twice,
      unanswered: this.#sentAt.size - this.#answered.size,
      ms: this.#ms.toSorted((a, b) => a - b),
    };
  }
}

/** @param sorted not empty */
export const percentile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(Math.floor(sorted.length * part), sorted.length - 1)]!;
