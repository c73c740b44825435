/** The one owner of a source's connections: chooses the server, connects, verifies, binds, and only then hands a connection out. */

import type { DirectoryParts } from '../directory.ts';
import { Repeated } from '../repeated.ts';
import { LdapStreamConnection } from './connection.ts';
import { consequenceOf } from './failure-class.ts';
import {
  allRest,
  type LdapConnection,
  type LdapConnections,
  LdapError,
  type LdapPurpose,
  type LdapServerState,
} from './ldap.ts';
import { expiryWarning, readPasswordExpiry } from './password-expiry.ts';
import { checkSchema } from './schema-check.ts';
import {
  type ChoiceEvent,
  candidates,
  initialChoice,
  isReturnDue,
  restMs,
  type ServerChoice,
  stepChoice,
  withoutRest,
} from './server-choice.ts';
import { type LdapServer, type LdapTrust, openLdapSocket, readLdapUrl } from './socket.ts';

/** Plain values: they may travel to another thread. */
export interface LdapServersSettings {
  /** `ldaps://dc1.example.com`, `ldap://dc2.example.com:389`: best first. */
  readonly urls: readonly string[];
  /** What protects `ldap:` URLs; false: nothing does. */
  readonly startTls: boolean;
  readonly trust: LdapTrust;
  readonly bindDn: string;
  /** Never logged, and in no message of an error. */
  readonly password: string;
  readonly connectMs: number;
  readonly bindMs: number;
  readonly searchMs: number;
  readonly keepAliveMs: number;
  /** A server that comes back is not used again before this time after its failure. */
  readonly returnAfterMs: number;
  /** A server whose schema lacks one of them is not used: it would say of every user that there is none. */
  readonly requiredAttributes: readonly string[];
}

export interface OwnedConnections extends LdapConnections {
  /** A connection to the server that a referral names, under the same conditions: protected, verified, bound. */
  openReferral(url: string): Promise<LdapConnection>;
}

export function ldapConnections(settings: LdapServersSettings, parts: DirectoryParts): OwnedConnections {
  return new Connections(settings, parts);
}

/** How long the schema of a server is believed to be as it was. */
const schemaLifeMs = 3_600_000;

const expiryToldEveryMs = 86_400_000;

const isForAll = ({ failure }: LdapError): boolean => consequenceOf(failure).rest === 'long for all';

class Connections implements OwnedConnections {
  readonly #settings: LdapServersSettings;
  readonly #parts: DirectoryParts;
  readonly #servers: readonly LdapServer[];
  readonly #open = new Set<LdapConnection>();
  /** By URL: until when the schema need not be read again. */
  readonly #schemaSoundUntil = new Map<string, number>();
  /** Of each server: what the log has been told. */
  readonly #failures: readonly Repeated[];
  #toldOfExpiryUntilMs = Number.NEGATIVE_INFINITY;
  #choice: ServerChoice;
  #isClosed = false;

  constructor(settings: LdapServersSettings, parts: DirectoryParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.#servers = settings.urls.flatMap((url) => readLdapUrl(url, settings.startTls) ?? []);
    this.#choice = initialChoice(this.#servers.length);
    this.#failures = this.#servers.map(() => new Repeated());
  }

  async open(purpose: LdapPurpose): Promise<LdapConnection> {
    let last = allRest(this.#choice.servers);
    for (const index of candidates(this.#choice, this.#nowMs(), this.#settings)) {
      const server = this.#servers[index]!;
      try {
        const connection = await this.#connect(server);
        this.#succeeded(index, purpose);
        connection.onClosed((why) => this.#lost(index, why));
        return connection;
      } catch (error) {
        last = this.#failed(index, error, purpose);
        if (isForAll(last)) break;
      }
    }
    throw last;
  }

  async openReferral(url: string): Promise<LdapConnection> {
    // A server that we trust may point to one that we do not: never with less protection than the source has.
    const isPlain = this.#servers.some(({ security }) => security === 'none');
    const server = readLdapUrl(url, !isPlain);
    if (server === undefined) throw new LdapError('ldap-unreachable', `the referral ${url} names no LDAP server`);
    const trust = { ...this.#settings.trust, tlsName: undefined };
    return this.#connect(server, trust);
  }

  isReturnDue(): boolean {
    return isReturnDue(this.#choice, this.#nowMs(), this.#settings);
  }

  restMs(): number {
    return restMs(this.#choice, this.#nowMs());
  }

  servers(): readonly LdapServerState[] {
    const nowMs = this.#nowMs();
    return this.#servers.map(({ url }, index) => {
      const { lastFailure, failedAtMs, restUntilMs } = this.#choice.servers[index]!;
      const failedAgoMs = lastFailure === undefined || failedAtMs === undefined ? undefined : nowMs - failedAtMs;
      const restMs = Math.max(0, restUntilMs - nowMs);
      return { url, isInUse: index === this.#choice.inUse, lastFailure, failedAgoMs, restMs };
    });
  }

  leave(url: string, why: LdapError): void {
    const index = this.#servers.findIndex((server) => server.url === url);
    if (index !== -1) this.#failed(index, why, 'sync');
  }

  tryAtOnce(): void {
    this.#choice = withoutRest(this.#choice);
  }

  close(): void {
    this.#isClosed = true;
    for (const connection of this.#open) connection.close();
  }

  async #connect(server: LdapServer, trust = this.#settings.trust): Promise<LdapConnection> {
    const { bindDn, password, connectMs, bindMs, searchMs, keepAliveMs } = this.#settings;
    const { clock } = this.#parts;
    const socket = await openLdapSocket(server, trust, connectMs, clock);
    const connection = new LdapStreamConnection(socket, { server: server.url, budgetMs: searchMs, keepAliveMs }, clock);
    this.#open.add(connection);
    connection.onClosed(() => this.#open.delete(connection));
    try {
      await connection.bind(bindDn, password, bindMs);
      await this.#checkSchema(connection);
      if (this.#isClosed) throw new LdapError('ldap-closed', 'the source has been closed');
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  async #checkSchema(connection: LdapConnection): Promise<void> {
    const { server } = connection;
    if (this.#nowMs() < (this.#schemaSoundUntil.get(server) ?? 0)) return;
    const { missing, isActiveDirectory } = await checkSchema(connection, this.#settings.requiredAttributes);
    if (missing.length > 0) {
      const names = missing.join(', ');
      throw new LdapError(
        'ldap-schema',
        `the schema of ${server} has no attribute ${names}: is this the right directory?`,
      );
    }
    this.#schemaSoundUntil.set(server, this.#nowMs() + schemaLifeMs);
    if (isActiveDirectory) void this.#warnOfExpiry(connection);
  }

  /** Nobody waits for it, and a server that does not answer is noticed by those who do. */
  async #warnOfExpiry(connection: LdapConnection): Promise<void> {
    const { clock, log } = this.#parts;
    const { bindDn } = this.#settings;
    const expiry = await readPasswordExpiry(connection, bindDn).catch(() => undefined);
    const why = expiryWarning(expiry, Date.now());
    if (why === undefined || clock.now() < this.#toldOfExpiryUntilMs) return;
    this.#toldOfExpiryUntilMs = clock.now() + expiryToldEveryMs;
    log.warn({ account: bindDn, why }, 'the password of the directory account is about to expire');
  }

  #succeeded(server: number, purpose: LdapPurpose): void {
    const before = this.#choice.servers[server];
    const isNews = before?.succeededAtMs === undefined || before.failures > 0 || this.#choice.inUse !== server;
    this.#choice = stepChoice(this.#choice, { kind: 'succeeded', server, nowMs: this.#nowMs() }, this.#settings);
    const failures = this.#failures[server]?.end() ?? 0;
    if (!isNews) return;
    const told = { server: this.#servers[server]?.url, purpose };
    this.#parts.log.info(failures === 0 ? told : { ...told, failures }, 'directory server in use');
  }

  #failed(server: number, error: unknown, purpose: LdapPurpose): LdapError {
    const why = error instanceof LdapError ? error : new LdapError('ldap-protocol', String(error));
    this.#note(server, why);
    const { url } = this.#servers[server]!;
    const times = this.#failures[server]!.come(`${why.code} ${why.message}`);
    if (times !== undefined) {
      const told = { server: url, purpose, code: why.code, why: why.message };
      this.#parts.log.warn(times === 1 ? told : { ...told, times }, 'directory server failed');
    }
    return why;
  }

  #lost(server: number, why: LdapError): void {
    if (consequenceOf(why.failure).isLeft) this.#failed(server, why, 'lookup');
  }

  #note(server: number, error: LdapError): void {
    const told = { server, nowMs: this.#nowMs(), why: error.message, spread: this.#parts.random() };
    const isRefusal = consequenceOf(error.failure).rest === 'long';
    // What was believed of it may be what it cannot answer any more.
    this.#schemaSoundUntil.delete(this.#servers[server]!.url);
    const event: ChoiceEvent = isForAll(error)
      ? { ...told, kind: 'credentials-refused' }
      : { ...told, kind: 'failed', isRefusal };
    this.#choice = stepChoice(this.#choice, event, this.#settings);
  }

  #nowMs(): number {
    return this.#parts.clock.now();
  }
}
