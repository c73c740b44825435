/** The real program as a child process: started with a routes.yaml, waited for, listened to, stopped. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { nodeOptions } from '../../src/cli/node-options.ts';

export const projectRoot = join(import.meta.dirname, '../..');
export const mainFile = join(projectRoot, 'src/main.ts');

interface StartOptions {
  /** Default: this Node with src/main.ts. */
  readonly command?: readonly [string, ...string[]];
  /** Text of the routes.yaml. */
  readonly routes: string;
  readonly readyWithinMs?: number;
}

/** Those that run, or have run in this test. */
const started = new Set<RouterProcess>();

export class RouterProcess {
  /** A folder of its own, with the routes.yaml in it; removed when the process is stopped. */
  readonly folder: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<number | null>;
  readonly #logLines: Record<string, unknown>[] = [];
  #stdout = '';
  #stderr = '';

  private constructor(folder: string, child: ChildProcess) {
    this.folder = folder;
    this.#child = child;
    this.#exited = new Promise((resolve) => child.once('close', (code) => resolve(code)));
    this.#hear(child.stdout, (text) => (this.#stdout += text));
    this.#hear(child.stderr, (text) => (this.#stderr += text));
  }

  /** Starts the program and resolves when it has said that it is ready; rejects with all it said when it ends before. */
  static async start({ command, routes, readyWithinMs = 15_000 }: StartOptions): Promise<RouterProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'pif-router-'));
    const file = join(folder, 'routes.yaml');
    writeFileSync(file, routes);
    const [program, ...args] = command ?? [process.execPath, ...nodeOptions, mainFile];
    const child = spawn(program, [...args, 'start', file], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    const router = new RouterProcess(folder, child);
    started.add(router);
    try {
      await router.#untilReady(readyWithinMs);
    } catch (error) {
      await router.stop();
      throw error;
    }
    return router;
  }

  /** Another test begins: those that have ended are none of its own. */
  static forgetEnded(): void {
    for (const router of started)
      if (router.#child.exitCode !== null || router.#child.signalCode !== null) started.delete(router);
  }

  /** The last lines that each has written, of decision records only a few, for people: one text for each. */
  static lastWords(): string[] {
    return [...started].map((router) => {
      const { exitCode, signalCode } = router.#child;
      const lines = router.output.trimEnd().split('\n');
      const [records, others] = [true, false].map((isRecord) =>
        lines.filter((line) => line.includes('"event":"request"') === isRecord),
      ) as [string[], string[]];
      const told = new Set([...records.slice(-5), ...others.slice(-40)]);
      const head = `router ${router.pid} (ended: ${exitCode ?? signalCode ?? 'no'}), of ${lines.length} lines:`;
      return [head, ...lines.filter((line) => told.has(line))].join('\n');
    });
  }

  /** Its routes.yaml. */
  get file(): string {
    return join(this.folder, 'routes.yaml');
  }

  /** Puts another routes.yaml in the place of its own, as an editor does: all at once. */
  rewrite(routes: string): void {
    writeFileSync(`${this.file}.new`, routes);
    renameSync(`${this.file}.new`, this.file);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Resolves with its exit code when it has ended. */
  get ended(): Promise<number | null> {
    return this.#exited;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** All that it has written so far, on stdout and stderr. */
  get output(): string {
    return this.#stdout + this.#stderr;
  }

  /** Lines of its log that are decision records and the like, parsed, as soon as they are whole. */
  get logLines(): readonly Record<string, unknown>[] {
    return this.#logLines;
  }

  #hear(stream: Readable | null, keep: (text: string) => void): void {
    let unfinished = '';
    stream?.setEncoding('utf8').on('data', (text: string) => {
      keep(text);
      const lines = (unfinished + text).split('\n');
      unfinished = lines.pop() ?? '';
      for (const line of lines) if (line.startsWith('{')) this.#logLines.push(JSON.parse(line));
    });
  }

  async #untilReady(withinMs: number): Promise<void> {
    const end = Date.now() + withinMs;
    while (!/^ready\b/im.test(this.output)) {
      const code = await Promise.race([this.#exited, pause(20)]);
      if (code !== undefined) throw new Error(`the router ended with ${code} before it was ready:\n${this.output}`);
      if (Date.now() > end) throw new Error(`the router was not ready within ${withinMs} ms:\n${this.output}`);
    }
  }

  /** Asks it to end (SIGTERM), insists after ten seconds, and resolves with its exit code (null: it had to be killed). */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    const insist = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    const code = await this.#exited;
    clearTimeout(insist);
    rmSync(this.folder, { recursive: true, force: true });
    return code;
  }
}

export const pause = (ms: number): Promise<undefined> =>
  new Promise((resolve) => setTimeout(() => resolve(undefined), ms));
