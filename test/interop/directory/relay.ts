/** A TCP relay before a real server, through which a test can watch, count and cut connections. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export class Relay {
  readonly url: string;
  /** Of all connections, in order. */
  readonly sent: Buffer[] = [];
  accepted = 0;
  /** What the server says is cut off behind so many octets, and the connection with it; undefined: nothing is. */
  cutAfter: number | undefined;
  /** What the server says takes so long on its way, in milliseconds: what is to be met in the middle must last. */
  delayMs = 0;
  readonly #pairs = new Set<Socket>();

  constructor(url: string) {
    this.url = url;
  }

  get open(): number {
    return this.#pairs.size;
  }

  /** Ends all connections, as a firewall or a restart does. */
  cut(): void {
    for (const socket of this.#pairs) socket.destroy();
  }

  /** All that clients have sent, as text. */
  get sentText(): string {
    return Buffer.concat(this.sent).toString('latin1');
  }

  join(client: Socket, server: Socket): void {
    this.accepted += 1;
    this.#pairs.add(client);
    const end = (): void => {
      this.#pairs.delete(client);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) socket.on('error', end).on('close', end);
    client.on('data', (chunk) => {
      this.sent.push(chunk);
      server.write(chunk);
    });
    server.on('data', (chunk) => this.#back(chunk, client, end));
  }

  #back(chunk: Buffer, client: Socket, end: () => void): void {
    if (this.delayMs > 0) setTimeout(() => client.write(chunk), this.delayMs);
    else if (this.cutAfter === undefined) client.write(chunk);
    else client.write(chunk.subarray(0, this.cutAfter), end);
  }
}

/** @param url of the server; the relay's has the same scheme */
export async function relayTo(url: string): Promise<Relay> {
  const { protocol, hostname, port } = new URL(url);
  const server = createServer((client) => relay.join(client, connect(Number(port), hostname)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const relay = new Relay(`${protocol}//127.0.0.1:${(server.address() as { port: number }).port}`);
  onTestFinished(() => {
    relay.cut();
    server.close();
  });
  return relay;
}
