/** The test bed of one transport: router, sink and load generator, each a process of its own, and how they are asked. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadOrder, TurnOrder, TurnResult } from './load.ts';
import { userName } from './message.ts';
import type { BenchOptions } from './options.ts';
import type { ProcessorTime } from './processor-time.ts';
import type { SinkOrder } from './sink.ts';
import type { Identity, Transport } from './wire.ts';

const router = '127.0.251.1';
const cisco = '127.0.251.11';
const microsoft = '127.0.251.21';
const portOf = (transport: Transport): number => (transport === 'tls' ? 5061 : 5060);

export interface Measured extends TurnResult {
  /** Processor time of the router, user and system, per transaction answered. */
  readonly microseconds: number;
  readonly userMicroseconds: number;
  readonly maxRssMib: number;
}

export class Bed {
  readonly #router: ChildProcess;
  readonly #sink: ChildProcess;
  readonly #load: ChildProcess;

  private constructor(router: ChildProcess, sink: ChildProcess, load: ChildProcess) {
    this.#router = router;
    this.#sink = sink;
    this.#load = load;
  }

  /** @param folder an empty one, with the certificates made by certs/make-dev-certs.sh in `certs` */
  static async open(transport: Transport, folder: string, certificates: string, options: BenchOptions): Promise<Bed> {
    mkdirSync(folder, { recursive: true });
    const children: ChildProcess[] = [];
    const begin = (file: string, args: string[] = [], execArgv: string[] = []): ChildProcess => {
      const child = fork(join(import.meta.dirname, file), args, { execArgv, silent: true });
      child.stderr?.pipe(process.stderr);
      children.push(child);
      return child;
    };
    try {
      const sink = begin('sink.ts');
      const sinkOrder: SinkOrder = {
        transport,
        at: { address: microsoft, port: portOf(transport) },
        identity: identity(certificates, 'fe1'),
      };
      await ask(sink, sinkOrder);

      const file = join(folder, 'routes.yaml');
      writeFileSync(file, routes(transport, folder, certificates, options));
      writeFileSync(join(folder, 'users.ldif'), ldif(options.users));
      const preload = ['--import', join(import.meta.dirname, 'processor-time.ts')];
      const measured = begin('../src/main.ts', ['start', file], preload);
      await untilReady(measured);

      const load = begin('load.ts');
      const loadOrder: LoadOrder = {
        transport,
        from: cisco,
        to: { address: router, port: portOf(transport) },
        identity: identity(certificates, 'imp1'),
        connections: options.connections,
        users: options.users,
      };
      await ask(load, loadOrder);
      return new Bed(measured, sink, load);
    } catch (error) {
      for (const child of children) child.kill('SIGKILL');
      throw error;
    }
  }

  async measure(turn: TurnOrder): Promise<Measured> {
    const before = await ask<ProcessorTime>(this.#router, 'processor-time');
    const result = await ask<TurnResult>(this.#load, turn);
    const after = await ask<ProcessorTime>(this.#router, 'processor-time');
    const user = after.user - before.user;
    return {
      ...result,
      microseconds: (user + after.system - before.system) / result.answered,
      userMicroseconds: user / result.answered,
      maxRssMib: after.maxRssKib / 1024,
    };
  }

  async close(): Promise<void> {
    for (const child of [this.#load, this.#router, this.#sink]) {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
  }
}

/** Sends a message to a child and resolves with the next one that it sends; rejects when it ends instead. */
function ask<Answer>(child: ChildProcess, question: object | string): Promise<Answer> {
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

/** The line that begins with `ready` says that it listens. */
function untilReady(child: ChildProcess): Promise<void> {
  let said = '';
  return new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the router ended with ${code}:\n${said}`)));
    const hear = (text: Buffer): void => {
      said += text;
      if (/^ready\b/im.test(said)) resolve();
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
  });
}

function identity(folder: string, name: string): Identity {
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
  return { cert: read(`${name}.crt`), key: read(`${name}.key`), ca: read('ca.crt') };
}

const ldif = (users: number): string => {
  const entries = Array.from({ length: users }, (_, index) => {
    const user = userName(index);
    return `dn: CN=${user},DC=example,DC=com\nmsRTCSIP-PrimaryUserAddress: sip:${user}@example.com\nmsRTCSIP-UserEnabled: TRUE\n`;
  });
  return entries.join('\n');
};

/** Advanced mode, access by address, every recipient looked up in the directory. */
function routes(transport: Transport, folder: string, certificates: string, { decisions }: BenchOptions): string {
  const port = portOf(transport);
  const hop = (name: string): string =>
    `port: ${port}, transport: ${transport}${transport === 'tls' ? `, tls-name: ${name}` : ''}`;
  return `node: { name: router.example.com }
domains: [example.com]
listen: [{ transport: ${transport}, address: ${router}, port: ${port} }]
tls:
  default:
    certificate: ${certificates}/router.crt
    key: ${certificates}/router.key
    ca: ${certificates}/ca.crt
    client-certificate: required
access:
  - { side: cisco, from: ${cisco} }
  - { side: microsoft, from: ${microsoft} }
routing: { mode: advanced }
routes:
  - { to: microsoft, pattern: example.com, next-hop: ${microsoft}, ${hop('fe1.example.com')} }
  - { to: cisco, pattern: example.com, next-hop: ${cisco}, ${hop('imp1.example.com')} }
directory:
  sources: [{ kind: ldif, file: ${folder}/users.ldif }]
log: { decisions: ${decisions}, file: ${folder}/router.log }
`;
}
