/** Which open connection leads to a target: our own ones, and those that peers opened and lent us (RFC 3261 §18.1.1, RFC 5923). */
import type { Target } from './flow.ts';
import type { StreamConnection } from './stream-connection.ts';

interface Entry {
  readonly connection: StreamConnection;
  /** The name that its certificate had to carry when we connected; undefined: none, or the peer connected. */
  readonly tlsName: string | undefined;
}

export class ConnectionPool {
  readonly #places = new Map<string, Map<number, Entry[]>>();
  readonly #ports = new Map<StreamConnection, number[]>();

  get size(): number {
    return this.#ports.size;
  }

  /** All connections that may still be sent by. */
  get connections(): IterableIterator<StreamConnection> {
    return this.#ports.keys();
  }

  /**
   * Files a new connection under the peer's address and port. A peer's own connection is thus found by its ephemeral port
   * too, which only one of its own messages can have named.
   */
  add(connection: StreamConnection, tlsName?: string): void {
    this.#ports.set(connection, []);
    this.#file({ connection, tlsName }, connection.remotePort);
  }

  addAlias(connection: StreamConnection, port: number): void {
    if (this.#ports.has(connection)) this.#file({ connection, tlsName: undefined }, port);
  }

  /** The oldest connection that fits. */
  find(target: Target): StreamConnection | undefined {
    const entries = this.#places.get(target.address)?.get(target.port);
    return entries?.find((entry) => serves(entry, target))?.connection;
  }

  /** Harmless when it is not filed. */
  forget(connection: StreamConnection): void {
    for (const port of this.#ports.get(connection) ?? []) this.#unfile(connection, port);
    this.#ports.delete(connection);
  }

  #file(entry: Entry, port: number): void {
    const { remoteAddress } = entry.connection;
    const byPort = this.#places.get(remoteAddress) ?? new Map<number, Entry[]>();
    const entries = byPort.get(port) ?? [];
    entries.push(entry);
    byPort.set(port, entries);
    this.#places.set(remoteAddress, byPort);
    this.#ports.get(entry.connection)?.push(port);
  }

  #unfile(connection: StreamConnection, port: number): void {
    const byPort = this.#places.get(connection.remoteAddress);
    const left = byPort?.get(port)?.filter((entry) => entry.connection !== connection) ?? [];
    if (left.length > 0) byPort?.set(port, left);
    else byPort?.delete(port);
    if (byPort?.size === 0) this.#places.delete(connection.remoteAddress);
  }
}

function serves({ connection, tlsName }: Entry, target: Target): boolean {
  if (connection.transport !== target.transport || connection.isRetired) return false;
  if (target.transport !== 'tls') return true;
  if (target.tlsProfile !== undefined && target.tlsProfile !== connection.tlsProfile) return false;
  // RFC 5923 §5: only a peer that has proved the name. While it still connects, the name that it will have to prove.
  return target.tlsName === undefined || target.tlsName === tlsName || connection.hasProved(target.tlsName);
}
