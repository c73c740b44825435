/** The network between the router and the controller, which can be cut, reset and stalled. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** `cut`: nobody listens, and connections end. `reset`: each connection is reset as soon as it is made. `stalled`: nothing arrives, and nobody says so. */
export type NetworkState = 'whole' | 'cut' | 'reset' | 'stalled';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

export class BrokenNetwork {
  readonly port: number;
  readonly #to: { readonly host: string; readonly port: number };
  readonly #pairs = new Set<Pair>();
  #listener: Server | undefined;
  #state: NetworkState = 'whole';

  private constructor(listener: Server, to: { readonly host: string; readonly port: number }) {
    this.#listener = listener;
    this.#to = to;
    this.port = (listener.address() as AddressInfo).port;
    listener.on('connection', (client) => this.#join(client));
  }

  static async before(host: string, port: number): Promise<BrokenNetwork> {
    return new BrokenNetwork(await listen(0), { host, port });
  }

  async become(state: NetworkState): Promise<void> {
    const before = this.#state;
    this.#state = state;
    if (state === 'cut') await this.#stopListening();
    else if (this.#listener === undefined) {
      this.#listener = await listen(this.port);
      this.#listener.on('connection', (client) => this.#join(client));
    }
    if (state === 'stalled') for (const pair of this.#pairs) stall(pair);
    // What was sent into the void is lost, and so are those who waited for it.
    else if (state !== 'whole' || before === 'stalled') this.#endAll(state === 'reset' || before === 'stalled');
  }

  async close(): Promise<void> {
    this.#endAll(false);
    await this.#stopListening();
  }

  async #stopListening(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    this.#endAll(false);
    if (listener !== undefined) await new Promise((resolve) => listener.close(resolve));
  }

  #endAll(isReset: boolean): void {
    for (const { client, server } of this.#pairs) {
      if (isReset) client.resetAndDestroy();
      else client.destroy();
      server.destroy();
    }
    this.#pairs.clear();
  }

  #join(client: Socket): void {
    client.on('error', () => undefined);
    if (this.#state === 'reset') {
      client.resetAndDestroy();
      return;
    }
    const server = connect(this.#to);
    const pair = { client, server };
    this.#pairs.add(pair);
    for (const socket of [client, server])
      socket
        .on('error', () => undefined)
        .on('close', () => {
          this.#pairs.delete(pair);
          client.destroy();
          server.destroy();
        });
    if (this.#state === 'stalled') return stall(pair);
    client.pipe(server);
    server.pipe(client);
  }
}

function stall({ client, server }: Pair): void {
  client.unpipe(server);
  server.unpipe(client);
  client.pause();
  server.pause();
}

async function listen(port: number): Promise<Server> {
  const listener = createServer();
  listener.listen(port, '127.0.0.1');
  await once(listener, 'listening');
  return listener;
}
