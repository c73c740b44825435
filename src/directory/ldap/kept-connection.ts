/** Keeps one connection ready: opened before it is needed, replaced as soon as it is lost, moved back to a better server in time. */

import type { Clock } from '../../clock.ts';
import type { OwnedConnections } from './connections.ts';
import { type LdapConnection, LdapError } from './ldap.ts';

/** A connection that ends sooner is not replaced at once: something ends them all. */
const steadyMs = 1_000;
const shortestWaitMs = 250;
const returnCheckMs = 1_000;

export class KeptConnection {
  readonly #connections: OwnedConnections;
  readonly #clock: Clock;
  #connection: LdapConnection | undefined;
  #attempt: Promise<void> | undefined;
  #whyNone = new LdapError('ldap-unreachable', 'the directory has not been asked yet');
  #timer: { cancel(): void } | undefined;
  #retry: { cancel(): void } | undefined;
  #isStopped = false;

  constructor(connections: OwnedConnections, clock: Clock) {
    this.#connections = connections;
    this.#clock = clock;
  }

  /** @returns when the first attempt has ended, well or not */
  start(): Promise<void> {
    const first = this.#try();
    this.#watchForReturn();
    return first;
  }

  /**
   * The connection; waits for an attempt that is under way, and for nothing else.
   * @throws LdapError that says why there is none
   */
  async get(): Promise<LdapConnection> {
    if (this.#connection === undefined) await this.#attempt;
    if (this.#connection === undefined) throw this.#whyNone;
    return this.#connection;
  }

  get whyNone(): LdapError | undefined {
    return this.#connection === undefined ? this.#whyNone : undefined;
  }

  /** As an operator wants it: waits for no rest. One that works stays. */
  tryAtOnce(): void {
    this.#connections.tryAtOnce();
    if (this.#connection === undefined) void this.#try();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#retry?.cancel();
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** Who asks meanwhile waits for this attempt, the delay before it included. */
  #try(delayMs = 0): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    this.#retry?.cancel();
    this.#attempt ??= this.#pause(delayMs)
      .then(() => this.#connections.open('lookup'))
      .then(
        (connection) => this.#adopt(connection),
        (error: LdapError) => this.#failed(error),
      )
      .finally(() => {
        this.#attempt = undefined;
      });
    return this.#attempt;
  }

  #adopt(connection: LdapConnection): void {
    if (this.#isStopped) return connection.close();
    const before = this.#connection;
    const openedAtMs = this.#clock.now();
    this.#connection = connection;
    connection.onClosed((why) => this.#lost(connection, why, this.#clock.now() - openedAtMs));
    before?.close();
  }

  #lost(connection: LdapConnection, why: LdapError, livedMs: number): void {
    if (this.#connection !== connection || this.#isStopped) return;
    this.#connection = undefined;
    this.#whyNone = why;
    void this.#try(livedMs >= steadyMs ? 0 : shortestWaitMs);
  }

  #pause(ms: number): Promise<void> {
    return ms === 0 ? Promise.resolve() : new Promise((resolve) => this.#clock.after(ms, resolve));
  }

  #failed(error: LdapError): void {
    this.#whyNone = error;
    if (this.#connection !== undefined || this.#isStopped) return;
    this.#retry = this.#clock.after(Math.max(shortestWaitMs, this.#connections.restMs()), () => void this.#try());
  }

  #watchForReturn(): void {
    this.#timer = this.#clock.after(returnCheckMs, () => {
      if (this.#connection !== undefined && this.#connections.isReturnDue()) void this.#try();
      if (!this.#isStopped) this.#watchForReturn();
    });
  }
}
