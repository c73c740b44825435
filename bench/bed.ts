/** The test bed of one transport: load generator and sink, each a process of its own, round the programs that are measured. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConnectOrder, ListenOrder, TurnOrder, TurnResult } from './load/load.ts';
import type { HoldOrder, SinkOrder } from './load/sink.ts';
import type { Identity, Transport } from './load/wire.ts';
import { memoryBytes, processorUs } from './programs/processes.ts';
import { type Program, placesOf } from './programs/program.ts';

export interface Measured extends TurnResult {
  /** Processor time of all processes of the program, user and system, per transaction that ended well; microseconds. */
  readonly programUs: number;
  /** The same of load generator and sink. */
  readonly loadUs: number;
  readonly sinkUs: number;
  /** Resident memory of the program after the turn. */
  readonly memoryMib: number;
}

export class Bed {
  readonly #sink: ChildProcess;
  readonly #load: ChildProcess;

  private constructor() {
    this.#sink = begin('load/sink.ts');
    this.#load = begin('load/load.ts');
  }

  /** @param certificates a folder made by certs/make-dev-certs.sh */
  static async open(transport: Transport, certificates: string): Promise<Bed> {
    const bed = new Bed();
    const [sink, listen] = [placesOf('microsoft', transport), placesOf('cisco', transport)];
    await ask(bed.#sink, {
      transport,
      at: sink,
      identity: identity(certificates, 'fe1'),
    } satisfies SinkOrder);
    await ask(bed.#load, {
      transport,
      listen,
      identity: identity(certificates, 'imp1'),
      sink: sink[0],
    } satisfies ListenOrder);
    return bed;
  }

  async connect(order: ConnectOrder): Promise<void> {
    await ask(this.#load, order);
  }

  async hold(order: HoldOrder): Promise<void> {
    await ask(this.#sink, order);
  }

  async measure(program: Program, turn: TurnOrder): Promise<Measured> {
    const watched = [program.pids(), [this.#load.pid!], [this.#sink.pid!]];
    const before = watched.map(processorUs);
    const result = await ask<TurnResult>(this.#load, turn);
    const [programUs, loadUs, sinkUs] = watched.map(
      (pids, index) => (processorUs(pids) - before[index]!) / result.answered,
    );
    const memoryMib = memoryBytes(program.pids()) / 2 ** 20;
    return { ...result, programUs: programUs!, loadUs: loadUs!, sinkUs: sinkUs!, memoryMib };
  }

  async close(): Promise<void> {
    for (const child of [this.#load, this.#sink]) {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
  }
}

function begin(file: string): ChildProcess {
  const child = fork(join(import.meta.dirname, file), { silent: true });
  child.stderr?.pipe(process.stderr);
  return child;
}

/** Sends a message to a child and resolves with the next one that it sends; rejects when it ends instead. */
function ask<Answer>(child: ChildProcess, question: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`${child.spawnfile} ended with ${code}`));
    child.once('exit', onExit);
    child.once('message', (answer) => {
      child.off('exit', onExit);
      resolve(answer as Answer);
    });
    child.send(question);
  });
}

function identity(folder: string, name: string): Identity {
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
  return { cert: read(`${name}.crt`), key: read(`${name}.key`), ca: read('ca.crt') };
}
