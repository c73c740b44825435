/** A next hop as a process of its own, so that it can be killed like one: answers every request with 200. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { credentials, type DevelopmentCertificate } from './development-certificates.ts';
import { responseText } from './raw-message.ts';
import { openEnd, type Transport } from './raw-sip.ts';
import { stopProcess } from './stopped-process.ts';

interface HopServerOptions {
  readonly transport: Transport;
  readonly address: string;
  readonly port: number;
  /** A folder made by certs/make-dev-certs.sh. */
  readonly certificates: string;
  readonly certificate: DevelopmentCertificate;
}

/** What has come by method since it was started. */
type Counts = Readonly<Record<string, number>>;

export class HopServer {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(options: HopServerOptions): Promise<HopServer> {
    const child = fork(import.meta.filename, [JSON.stringify(options)]);
    const [told] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
    if (told !== 'listening') throw new Error(`the hop did not start: ${told}`);
    return new HopServer(child);
  }

  async counts(): Promise<Counts> {
    this.#child.send('counts');
    const [counts] = await once(this.#child, 'message');
    return counts as Counts;
  }

  /** SIGKILL: whatever it was doing. */
  async kill(): Promise<void> {
    const exited = once(this.#child, 'exit');
    if (this.#child.exitCode === null && this.#child.kill('SIGKILL')) await exited;
  }

  /** It takes what comes and answers nothing, as a process that hangs. */
  async hang(): Promise<void> {
    if (this.#child.pid !== undefined) await stopProcess(this.#child.pid);
  }

  goOn(): void {
    this.#child.kill('SIGCONT');
  }
}

async function serve({ certificates, certificate, ...place }: HopServerOptions): Promise<void> {
  const counts: Record<string, number> = {};
  const end = await openEnd({ ...place, credentials: credentials(certificates, certificate) });
  end.respond((request) => {
    const { method } = request;
    if (method === undefined || method === 'ACK') return undefined;
    counts[method] = (counts[method] ?? 0) + 1;
    end.inbox.length = 0;
    return responseText(request, 200);
  });
  process.on('message', () => process.send?.(counts));
  process.on('disconnect', () => process.exit());
  process.send?.('listening');
}

if (process.argv[1] === import.meta.filename && process.send !== undefined) {
  await serve(JSON.parse(process.argv[2] ?? '') as HopServerOptions);
}
