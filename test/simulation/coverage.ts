/** Which lines of the machines no world has come to: by V8's precise coverage, block by block. */
import { readFileSync } from 'node:fs';
import { type Profiler, Session } from 'node:inspector/promises';
import { fileURLToPath } from 'node:url';

/** Machines: state and event to the next state. */
const machines = [
  'src/sip/transaction/invite-client.ts',
  'src/sip/transaction/invite-server.ts',
  'src/sip/transaction/non-invite-client.ts',
  'src/sip/transaction/non-invite-server.ts',
  'src/proxy/response-context.ts',
  'src/health/hop-health.ts',
];

export class Coverage {
  readonly #session = new Session();

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post('Profiler.enable');
    await this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** `FILE:LINE  TEXT`, and how many lines with code there are. */
  async unreached(): Promise<readonly string[]> {
    const { result } = await this.#session.post('Profiler.takePreciseCoverage');
    this.#session.disconnect();
    return result.flatMap((script) => {
      const machine = machines.find((file) => script.url.endsWith(file));
      return machine === undefined ? [] : unreachedIn(script, machine);
    });
  }
}

function unreachedIn({ url, functions }: Profiler.ScriptCoverage, machine: string): readonly string[] {
  const text = readFileSync(fileURLToPath(url), 'utf8');
  // The inner range counts, and comes behind the outer one.
  const counts = new Uint8Array(text.length).fill(1);
  const ranges = functions
    .flatMap((each) => each.ranges)
    .toSorted((a, b) => b.endOffset - b.startOffset - (a.endOffset - a.startOffset));
  for (const { startOffset, endOffset, count } of ranges) counts.fill(count === 0 ? 0 : 1, startOffset, endOffset);
  let at = 0;
  return text.split('\n').flatMap((line, index) => {
    const [from, to] = [at + line.length - line.trimStart().length, at + line.length];
    at += line.length + 1;
    const isCode = /[a-z]/i.test(line) && !/^\s*(?:\/\/|\*|\/\*)/.test(line);
    const isUnreached = isCode && counts.subarray(from, to).every((count) => count === 0);
    return isUnreached ? [`${machine}:${index + 1}  ${line.trim()}`] : [];
  });
}
