/** Which open connection leads to a target: our own ones, and those that peers opened and lent us (RFC 3261 §18.1.1, RFC 5923). */
import { expectedNames, type Listener, type Target } from './flow.ts';
import type { StreamConnection } from './stream-connection.ts';

export class ConnectionPool {
  readonly #places = new Map<string, Map<number, StreamConnection[]>>();
  /** Where each is filed; nowhere, when no new message may be sent by it. */
  readonly #ports = new Map<StreamConnection, number[]>();

  get size(): number {
    return this.#ports.size;
  }

  /** All that are not closed, whether they may still be sent by or not. */
  get connections(): IterableIterator<StreamConnection> {
    return this.#ports.keys();
  }

  /**
   * Files a new connection under the peer's address and port. A peer's own connection is thus found by its ephemeral port
   * too, which only one of its own messages can have named.
   */
  add(connection: StreamConnection): void {
    this.#ports.set(connection, []);
    this.#file(connection, connection.remotePort);
  }

  /** One that may not be sent by any more gets no new place. */
  addAlias(connection: StreamConnection, port: number): void {
    if ((this.#ports.get(connection)?.length ?? 0) > 0) this.#file(connection, port);
  }

  /**
   * The oldest connection that fits: of the same transport, between the same addresses, with the same TLS profile, and with a
   * peer that has proved to be whom we mean.
   * @param listener whose address a new connection to `target` would have
   */
  find(target: Target, listener: Listener): StreamConnection | undefined {
    const connections = this.#places.get(target.address)?.get(target.port);
    return connections?.find((connection) => serves(connection, target, listener));
  }

  /** It serves no new request. Harmless when it is not filed. */
  forget(connection: StreamConnection): void {
    const ports = this.#ports.get(connection);
    for (const port of ports ?? []) this.#unfile(connection, port);
    if (ports !== undefined) this.#ports.set(connection, []);
  }

  /** It is closed. */
  remove(connection: StreamConnection): void {
    this.forget(connection);
    this.#ports.delete(connection);
  }

  #file(connection: StreamConnection, port: number): void {
    const { remoteAddress } = connection;
    const byPort = this.#places.get(remoteAddress) ?? new Map<number, StreamConnection[]>();
    const connections = byPort.get(port) ?? [];
    connections.push(connection);
    byPort.set(port, connections);
    this.#places.set(remoteAddress, byPort);
    this.#ports.get(connection)?.push(port);
  }

  #unfile(connection: StreamConnection, port: number): void {
    const byPort = this.#places.get(connection.remoteAddress);
    const left = byPort?.get(port)?.filter((other) => other !== connection) ?? [];
    if (left.length > 0) byPort?.set(port, left);
    else byPort?.delete(port);
    if (byPort?.size === 0) this.#places.delete(connection.remoteAddress);
  }
}

function serves(connection: StreamConnection, target: Target, listener: Listener): boolean {
  if (connection.transport !== target.transport || connection.isRetired) return false;
  if (connection.listener.address !== listener.address) return false;
  if (target.transport !== 'tls') return true;
  if ((target.tlsProfile ?? listener.tlsProfile) !== connection.tlsProfile) return false;
  const names = expectedNames(target);
  if (names.length === 0) return connection.expectedNames === '' && !connection.isAccepted;
  // While it still connects, those that it will have to prove.
  if (connection.state === 'connecting') return connection.expectedNames === names.join(' ');
  // RFC 5923 §5: only a peer that has proved the name.
  return names.some((name) => connection.hasProved(name));
}
