/** What LDAP offers to the sources: connections that are bound before anybody gets them, and searches that stream. */
import { RouterError } from '../../router-error.ts';
import { classOf, type FailureClass, type LdapErrorCode } from './failure-class.ts';

/** Each has a connection of its own: a sweep must not stand in the way of a look-up, nor a look-up share the fate of a write. */
export type LdapPurpose = 'lookup' | 'sync';

/**
 * As text: what an operator writes (RFC 4515), never made from what comes from outside. As a value: a user part travels as
 * octets with their length, and so no character of it can change the search (RFC 4511 §4.5.1.7).
 */
export type LdapFilter =
  | string
  | { readonly and: readonly LdapFilter[] }
  | { readonly or: readonly LdapFilter[] }
  | { readonly not: LdapFilter }
  | { readonly present: string }
  | { readonly equal: string; readonly value: string | Buffer }
  | { readonly atLeast: string; readonly value: string };

/** A control of a request or a response (RFC 4511 §4.1.11); `ldap-controls.ts` writes and reads the values. */
export interface LdapControl {
  readonly oid: string;
  readonly isCritical: boolean;
  readonly value: Buffer | undefined;
}

/** An entry as it came. Names are without regard to case; an attribute that did not come has no values. */
export interface LdapEntry {
  readonly dn: string;
  /** Names of the attributes that came, lower case, with their options; those of which a part came were completed. */
  readonly names: readonly string[];
  /** The first value as UTF-8 text. */
  text(name: string): string | undefined;
  texts(name: string): readonly string[];
  /** Whether the attribute came at all, also without a value: in DirSync that means that it was removed. */
  has(name: string): boolean;
  /** The values' octets; the caller's own, to keep. */
  octets(name: string): readonly Buffer[];
  /** Of this entry: RFC 4533's state, for one. */
  readonly controls: readonly LdapControl[];
}

export interface LdapSearch {
  readonly baseDn: string;
  /** Default: sub. */
  readonly scope?: 'base' | 'one' | 'sub';
  readonly filter: LdapFilter;
  /** Empty: all user attributes; `1.1`: none. */
  readonly attributes: readonly string[];
  /** Entries at most; the server says sizeLimitExceeded when there are more. Default: 0, no limit of ours. */
  readonly sizeLimit?: number;
  readonly controls?: readonly LdapControl[];
  /** How long the server may be silent about this search before it is given up. Default: the source's budget; Infinity: for ever. */
  readonly budgetMs?: number;
  /** Called for each entry as it comes; what it throws ends the search. */
  onEntry(entry: LdapEntry): void;
  /** RFC 4511 §4.13; RFC 4533 §2.5 says refresh and delete with them. */
  onIntermediate?(oid: string | undefined, value: Buffer): void;
}

export interface LdapResult {
  /** Of searchResultDone: the paged cookie, DirSync's, RFC 4533's. */
  readonly controls: readonly LdapControl[];
  /** URLs of continuation references (RFC 4511 §4.5.3): parts of the tree that were not searched. */
  readonly referrals: readonly string[];
}

export interface LdapOperation {
  /** Rejects with an LdapError: the server's refusal, silence beyond the budget, or the end of the connection. */
  readonly done: Promise<LdapResult>;
  /** Tells the server to stop (RFC 4511 §4.11); `done` rejects with `ldap-abandoned`. */
  abandon(): void;
}

/** One TCP connection in its whole life: it never reconnects. */
export interface LdapConnection {
  /** `ldaps://dc1.example.com:636`: state that belongs to one server (USN, cookie) is kept by it. */
  readonly server: string;
  /** Undefined while it is open. */
  readonly closedBecause: LdapError | undefined;
  /** Called once, when the connection has ended, whoever ended it. */
  onClosed(run: (why: LdapError) => void): void;
  search(search: LdapSearch): LdapOperation;
  /** Searches page after page (RFC 2696) until the server gives no cookie, also over empty pages. One at a time. */
  searchPaged(search: LdapSearch, pageSize: number): LdapOperation;
  close(): void;
}

/** The connections to one source's servers; they choose the server, and wait between attempts. */
export interface LdapConnections {
  /**
   * A new connection to the server that is in use, connected, verified and bound; the caller closes it. Tries each server
   * that is not resting after a failure; rejects with the last LdapError when none could be had.
   */
  open(purpose: LdapPurpose): Promise<LdapConnection>;
  /** A better server than the one in use may be tried again: the next `open` will. */
  isReturnDue(): boolean;
  /** How long to wait before the next `open` makes sense: with back-off and jitter, 0 while a server may be tried. */
  restMs(): number;
  /** What was asked of a server on open connections shows that it is sick: the next `open` tries another first. */
  leave(server: string, why: LdapError): void;
  /** No server rests any more: the next `open` tries them at once, as an operator wants it. */
  tryAtOnce(): void;
  /** How each server fares, for the status page; in the operator's order. */
  servers(): readonly LdapServerState[];
  close(): void;
}

export interface LdapServerState {
  readonly url: string;
  readonly isInUse: boolean;
  /** Undefined: the last attempt succeeded, or there was none. */
  readonly lastFailure: string | undefined;
  /** Milliseconds since then. */
  readonly failedAgoMs: number | undefined;
  /** Milliseconds until it may be tried again; 0: now. */
  readonly restMs: number;
}

/** The same by the calendar: milliseconds since 1970. */
export interface ServerReport extends Omit<LdapServerState, 'failedAgoMs' | 'restMs'> {
  readonly failedAtMs: number | undefined;
  /** Undefined: it does not rest. */
  readonly restsUntilMs: number | undefined;
}

export const reportOfServer = ({ failedAgoMs, restMs, ...state }: LdapServerState, nowMs: number): ServerReport => ({
  ...state,
  failedAtMs: failedAgoMs === undefined ? undefined : nowMs - failedAgoMs,
  restsUntilMs: restMs === 0 ? undefined : nowMs + restMs,
});

export class LdapError extends RouterError {
  /** RFC 4511 §4.1.9, of `ldap-refused`, `ldap-unavailable` and `ldap-bind`. */
  readonly resultCode: number | undefined;
  declare readonly code: LdapErrorCode;

  /** Where result code 10 points to. */
  readonly referrals: readonly string[];

  constructor(code: LdapErrorCode, message: string, resultCode?: number, referrals: readonly string[] = []) {
    super(code, message);
    this.resultCode = resultCode;
    this.referrals = referrals;
  }

  get failure(): FailureClass {
    return classOf(this.code, this.resultCode);
  }
}

/** None of the servers may be tried now, as after a password that was refused. */
export function allRest(servers: readonly Pick<LdapServerState, 'lastFailure'>[]): LdapError {
  const failures = servers.flatMap(({ lastFailure }) => lastFailure ?? []);
  return new LdapError('ldap-unreachable', `no directory server can be tried yet; ${failures.join('; ')}`);
}

/** For a question whose answer may be refused: the server's refusal (RFC 4511 §4.1.9) is no failure, all else is. */
export function ignoreRefusal(error: unknown): undefined {
  if (!(error instanceof LdapError) || error.code !== 'ldap-refused') throw error;
  return undefined;
}
