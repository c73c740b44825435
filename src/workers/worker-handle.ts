/** One worker as the main thread sees it: takes orders, answers each, and must not end by itself. */
import { extname } from 'node:path';
import { type MessagePort, Worker } from 'node:worker_threads';
import { RouterError } from '../router-error.ts';
import type { Failure, FromWorker, Order, ToWorker, WorkerOrder } from './orders.ts';

// As source the file is TypeScript, as package JavaScript.
const threadFile = new URL(`./worker-thread${extname(import.meta.filename)}`, import.meta.url);

interface WorkerHandler {
  /** A message that answers no order. */
  onNews(news: FromWorker & { readonly kind: 'hop' | 'log' }): void;
  onDeath(why: string): void;
}

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

export class WorkerHandle {
  readonly #number: number;
  readonly #worker: Worker;
  readonly #handler: WorkerHandler;
  readonly #present = Promise.withResolvers<void>();
  readonly #waiting = new Map<number, Waiting>();
  #orders = 0;
  #isClosing = false;
  #hasAnswered = true;
  #why: string | undefined;

  constructor(order: WorkerOrder, handler: WorkerHandler) {
    this.#number = order.place.number;
    this.#handler = handler;
    const transferList = [...order.others.values()];
    this.#worker = new Worker(threadFile, { workerData: order, transferList, name: `worker ${this.#number}` });
    this.#worker.on('message', (message: FromWorker) => this.#hear(message));
    this.#worker.on('error', (error) => {
      this.#why = error instanceof Error ? error.message : String(error);
    });
    this.#worker.once('exit', (code) => this.#onExit(code));
  }

  /** Resolves when it waits for orders. */
  get present(): Promise<void> {
    return this.#present.promise;
  }

  /** Resolves with its answer when it is done; rejects with the RouterError that it met, or when it dies. */
  ask(order: Order, handOver: readonly MessagePort[] = []): Promise<unknown> {
    const id = this.#orders++;
    const { promise, ...waiting } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    this.tell({ kind: 'order', id, order }, handOver);
    return promise;
  }

  tell(message: ToWorker, handOver: readonly MessagePort[] = []): void {
    this.#worker.postMessage(message, [...handOver]);
  }

  /** Whether it has answered since this was asked last. */
  isAlive(): boolean {
    const hasAnswered = this.#hasAnswered;
    this.#hasAnswered = false;
    const note = () => {
      this.#hasAnswered = true;
    };
    this.ask({ do: 'load' }).then(note, () => undefined);
    return hasAnswered;
  }

  async close(): Promise<void> {
    await this.ask({ do: 'close' });
    this.#isClosing = true;
    await this.#worker.terminate();
  }

  #hear(message: FromWorker): void {
    switch (message.kind) {
      case 'present':
        return this.#present.resolve();
      case 'done':
        return this.#take(message.id)?.resolve(message.answer);
      case 'failed':
        return this.#take(message.id)?.reject(errorOf(message.failure));
      case 'hop':
      case 'log':
        return this.#handler.onNews(message);
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  #onExit(code: number): void {
    if (this.#isClosing) return;
    const why = `worker ${this.#number} has ended: ${this.#why ?? `exit code ${code}`}`;
    const error = new RouterError('worker-died', why);
    this.#present.reject(error);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#handler.onDeath(why);
  }
}

const errorOf = ({ code, message }: Failure): Error =>
  code === undefined ? new Error(message) : new RouterError(code, message);
