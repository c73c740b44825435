/** Both sides' servers as one process in a network namespace of their own, and how a test tells it what to do. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Address, responseText } from '../../support/raw-message.ts';
import { openEnd } from '../../support/raw-sip.ts';
import { type Dialog, goOn, openDialog } from './dialog.ts';
import { addresses, type Network } from './network.ts';
import { PeerLoad, type PeerLoadResult } from './peer-load.ts';

export interface LoadReport {
  readonly result: PeerLoadResult;
  /** Messages that the callee has got, though their sender has had no answer. */
  readonly arrived: number;
  /** Messages that the callee has got more than once. */
  readonly twice: number;
}

/** What the process can do; arguments and results are plain values. */
interface Actions {
  /** @returns the Record-Route that the caller was given */
  openDialog(place: Address): Promise<string | undefined>;
  /** A request within the dialog that was opened last; rejects when it or its answer does not arrive. */
  goOn(place: Address, method: string, cseq: number): Promise<void>;
  startLoad(places: readonly Address[], perSecond: number): Promise<void>;
  /** @returns how many have been answered, when there are so many more */
  awaitAnswers(more: number): Promise<number>;
  stopLoad(): Promise<LoadReport>;
}

type Call = {
  [Name in keyof Actions]: { readonly name: Name; readonly args: Parameters<Actions[Name]> };
}[keyof Actions];

type Answer = { readonly value: unknown } | { readonly error: string };

/** The process, from outside; one call at a time. */
export class Peers {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(network: Network): Promise<Peers> {
    const [program, ...args] = [...network.on('peers'), process.execPath, import.meta.filename];
    const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const [told] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
    if (told !== 'ready') throw new Error(`the peers did not start: ${told}`);
    return new Peers(child);
  }

  openDialog(place: Address): Promise<string | undefined> {
    return this.#call({ name: 'openDialog', args: [place] }) as Promise<string | undefined>;
  }

  async goOn(place: Address, method: string, cseq: number): Promise<void> {
    await this.#call({ name: 'goOn', args: [place, method, cseq] });
  }

  async startLoad(places: readonly Address[], perSecond: number): Promise<void> {
    await this.#call({ name: 'startLoad', args: [places, perSecond] });
  }

  async awaitAnswers(more: number): Promise<void> {
    await this.#call({ name: 'awaitAnswers', args: [more] });
  }

  stopLoad(): Promise<LoadReport> {
    return this.#call({ name: 'stopLoad', args: [] }) as Promise<LoadReport>;
  }

  async stop(): Promise<void> {
    this.#child.kill();
    await once(this.#child, 'close');
  }

  async #call(call: Call): Promise<unknown> {
    this.#child.send(call);
    const [answer] = (await once(this.#child, 'message')) as [Answer];
    if ('error' in answer) throw new Error(answer.error);
    return answer.value;
  }
}

async function makeActions(): Promise<Actions> {
  const delivered = new Map<string, number>();
  const callee = await openEnd({ transport: 'tcp', address: addresses.microsoft, port: 5060 });
  callee.respond((request) => {
    if (request.method !== 'MESSAGE') return undefined;
    callee.inbox.length = 0;
    const callId = request.header('Call-ID') ?? '';
    delivered.set(callId, (delivered.get(callId) ?? 0) + 1);
    return responseText(request, 200);
  });
  let dialog: Dialog | undefined;
  let load: PeerLoad | undefined;
  let done: Promise<PeerLoadResult> | undefined;
  return {
    async openDialog(place) {
      dialog = await openDialog(place, callee);
      return dialog.answer.header('Record-Route');
    },
    goOn: (place, method, cseq) => goOn(place, callee, dialog!, method, cseq),
    async startLoad(places, perSecond) {
      load = new PeerLoad({ localAddress: addresses.cisco, uri: 'sip:bob@tcp.example.com', places });
      done = load.run(perSecond);
    },
    async awaitAnswers(more) {
      const wanted = load!.answered + more;
      while (load!.answered < wanted) await new Promise((resolve) => setTimeout(resolve, 5));
      return load!.answered;
    },
    async stopLoad() {
      load?.stop();
      const result = await done!;
      const arrived = result.lost.filter(({ callId }) => delivered.has(callId)).length;
      return { result, arrived, twice: [...delivered.values()].filter((times) => times > 1).length };
    },
  };
}

async function serve(): Promise<void> {
  const actions = await makeActions();
  process.on('message', ({ name, args }: Call) => {
    const act = actions[name] as (...values: readonly unknown[]) => Promise<unknown>;
    act(...args).then(
      (value) => process.send?.({ value } satisfies Answer),
      (error: Error) => process.send?.({ error: `${name}: ${error.message}` } satisfies Answer),
    );
  });
  process.on('disconnect', () => process.exit());
  process.send?.('ready');
}

if (process.argv[1] === import.meta.filename && process.send !== undefined) await serve();
