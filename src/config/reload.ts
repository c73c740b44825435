/** Puts one configuration in the place of another: read as a whole, made ready by every part, then in force at once or not at all. */
import { RouterError } from '../router-error.ts';
import { formatProblem } from '../settings/problem.ts';
import type { FileReading } from '../settings/text-file.ts';
import type { Loaded, Snapshot } from './snapshot.ts';

/** What a part of the router has made ready. Neither may fail. */
export interface Change {
  /** What an operator should hear of it when it is in force: lines as `check` prints them. */
  readonly warnings?: readonly string[];
  /** In force in this thread when it returns, in all others when it resolves. */
  commit(): void | Promise<void>;
  abandon(): void;
}

/** A part of the router that is built from a snapshot. */
export interface Part {
  /** Rejects with a RouterError when it cannot be built from `next`; then it is as it was. */
  prepare(next: Snapshot): Promise<Change>;
}

type ReloadCause = 'SIGHUP' | 'command' | 'file changed';

/** The outcome of one try, fit for JSON. */
export interface ReloadResult {
  readonly outcome: 'applied' | 'refused';
  /** Of the configuration that is in force now: the new one, or the one that was kept. */
  readonly number: number;
  readonly cause: ReloadCause;
  /** Lines as `check` prints them: warnings, or what is wrong. */
  readonly problems: readonly string[];
  /** ISO 8601. */
  readonly at: string;
  readonly ms: number;
}

interface ReloaderParts {
  /** @param former the configuration in force: what has not changed of it need not be read anew */
  load(number: number, former: Snapshot): Loaded;
  /** In this order; all commit in one turn. */
  readonly parts: readonly Part[];
  /** Told of every try, and of all files as it found them. */
  onResult(result: ReloadResult, files: readonly FileReading[]): void;
}

/** A bug must not cost the configuration that works: it is told with its origin, and nothing has changed. */
const whyNot = (error: unknown): string => {
  if (error instanceof RouterError) return error.message;
  return `this should not happen: ${error instanceof Error ? error.stack : error}`;
};

export class Reloader {
  readonly #parts: ReloaderParts;
  #snapshot: Snapshot;
  #inForceSince = new Date();
  #last: ReloadResult | undefined;
  #running: Promise<ReloadResult> | undefined;
  #waiting: Promise<ReloadResult> | undefined;

  constructor(first: Snapshot, parts: ReloaderParts) {
    this.#snapshot = first;
    this.#parts = parts;
  }

  /** The one in force. */
  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  get inForceSince(): Date {
    return this.#inForceSince;
  }

  get last(): ReloadResult | undefined {
    return this.#last;
  }

  /** Never rejects. Who asks while a reload is under way shares the next one. */
  reload(cause: ReloadCause): Promise<ReloadResult> {
    if (this.#running === undefined) return this.#run(cause);
    this.#waiting ??= this.#running.then(() => {
      this.#waiting = undefined;
      return this.#run(cause);
    });
    return this.#waiting;
  }

  #run(cause: ReloadCause): Promise<ReloadResult> {
    const running = this.#try(cause).finally(() => {
      this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  async #try(cause: ReloadCause): Promise<ReloadResult> {
    const startMs = performance.now();
    const loaded = this.#parts.load(this.#snapshot.number + 1, this.#snapshot);
    const problems = loaded.problems.map(formatProblem);
    const put = loaded.snapshot === undefined ? undefined : await this.#put(loaded.snapshot);
    const isApplied = put?.isInForce === true;
    const result: ReloadResult = {
      outcome: isApplied ? 'applied' : 'refused',
      number: this.#snapshot.number,
      cause,
      problems: [...problems, ...(put?.told ?? [])],
      at: new Date().toISOString(),
      ms: Math.round(performance.now() - startMs),
    };
    this.#last = result;
    this.#parts.onResult(result, loaded.files);
    return result;
  }

  /** @returns what is told of it: why it cannot be in force, or what to know when it is */
  async #put(next: Snapshot): Promise<{ readonly isInForce: boolean; readonly told: readonly string[] }> {
    const changes: Change[] = [];
    try {
      for (const part of this.#parts.parts) changes.push(await part.prepare(next));
    } catch (error) {
      for (const change of changes) change.abandon();
      return { isInForce: false, told: [`${next.file}: error: ${whyNot(error)}`] };
    }
    await Promise.all(changes.map((change) => change.commit()));
    this.#snapshot = next;
    this.#inForceSince = new Date();
    return { isInForce: true, told: changes.flatMap(({ warnings = [] }) => warnings) };
  }
}
