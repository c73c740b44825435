/** A fake Microsoft server that knows no user: its static route sends every request back to the router, as Lync does. */
import type { Address } from './raw-message.ts';
import { newBranch, type RawMessage } from './raw-message.ts';
import { openEnd, type RawEnd, type Received } from './raw-sip.ts';

interface ReturningServerOptions {
  readonly transport: 'udp' | 'tcp';
  /** Where it listens, and whose address it sends from. */
  readonly at: Address;
  readonly router: Address;
  /** Whether it adds its Via to the others like a proxy, or starts a transaction of its own like a back-to-back user agent. */
  readonly keepsVia: boolean;
}

interface ReturningServer {
  /** What the router sent to it. */
  readonly received: readonly Received[];
  /** What the router answered to what came back. */
  readonly answers: readonly Received[];
  close(): Promise<void>;
}

export async function startReturningServer(options: ReturningServerOptions): Promise<ReturningServer> {
  const { transport, at, router, keepsVia } = options;
  const listener = await openEnd({ transport, ...at });
  const back = await openEnd({ transport, address: at.address, to: router });
  const waiting = new Map<string, Received>();
  const received: Received[] = [];
  const answers: Received[] = [];

  listener.respond((request) => {
    const branch = newBranch();
    received.push(request);
    waiting.set(branch, request);
    back.send(returned(request, `${viaOf(back)};branch=${branch}`, keepsVia));
    return undefined;
  });
  back.respond((answer) => {
    answers.push(answer);
    const asker = waiting.get(/branch=([^;\s]+)/.exec(answer.header('Via') ?? '')?.[1] ?? '');
    asker?.reply(passedOn(answer, asker));
    return undefined;
  });
  return { received, answers, close: async () => void (await Promise.all([listener.close(), back.close()])) };
}

const viaOf = ({ via }: RawEnd): string => `Via: ${via}`;

/** RFC 3261 §16.6 as far as this needs it: a Via on top, one hop less. */
function returned(request: RawMessage, via: string, keepsVia: boolean): string {
  const [startLine, ...lines] = request.text.split('\r\n');
  const kept = keepsVia ? lines : lines.filter((line) => !/^via:/i.test(line));
  const hops = Number(request.header('Max-Forwards')) - 1;
  return [startLine, via, ...kept].join('\r\n').replace(/^Max-Forwards:.*$/im, `Max-Forwards: ${hops}`);
}

/** The answer with the Via lines of the request that it now answers. */
function passedOn(answer: RawMessage, request: RawMessage): string {
  const [startLine, ...lines] = answer.text.split('\r\n');
  const vias = request.headers('Via').map((value) => `Via: ${value}`);
  return [startLine, ...vias, ...lines.filter((line) => !/^via:/i.test(line))].join('\r\n');
}
