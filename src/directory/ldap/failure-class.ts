/**
 * What follows from each way in which a server fails: refusals and silences in one table. `docs/directory-servers.md` tells it to
 * administrators.
 */

/**
 * `ldap-refused`: the server's answer (see `resultCode`); `ldap-unavailable`: that it cannot serve, and the connection's end. `ldap-unreachable`: no connection. `ldap-not-trusted`: its
 * certificate. `ldap-bind`: our name or password. `ldap-timeout`: silence. `ldap-closed`: the connection ended.
 * `ldap-schema`: an attribute that does not exist there. `ldap-abandoned`: our own wish. `ldap-protocol`: what came was no LDAP.
 */
export type LdapErrorCode =
  | 'ldap-refused'
  | 'ldap-unavailable'
  | 'ldap-unreachable'
  | 'ldap-not-trusted'
  | 'ldap-bind'
  | 'ldap-timeout'
  | 'ldap-closed'
  | 'ldap-schema'
  | 'ldap-abandoned'
  | 'ldap-protocol';

interface Consequence {
  /** In an administrator's words, as in "rests after a wrong password". */
  readonly words: string;
  /** What was open to this server is not used any more, and the next one is. */
  readonly isLeft: boolean;
  /**
   * `short`: 0.25 s, doubled up to 30 s. `long`: the server is well and refuses us, 60 s doubled up to 10 min. `long for all`: the
   * others would refuse us too, and each try counts towards the lock-out of the account.
   */
  readonly rest: 'none' | 'short' | 'long' | 'long for all';
  /** What the server would have said is not known: who is known does not grow old by it. */
  readonly isSilence: boolean;
}

/** Of ours, not of a server. */
const nothing = { isLeft: false, rest: 'none', isSilence: false } as const;
const gone = { isLeft: true, rest: 'short', isSilence: true } as const;

const consequences = {
  'no-connection': { ...gone, words: 'no connection' },
  'not-trusted': { ...gone, words: 'a certificate that is not trusted' },
  /** No answer to a connect, a bind, a search or a sign of life, or one that stops in its middle. */
  silent: { ...gone, words: 'silence' },
  'no-ldap': { ...gone, isSilence: false, words: 'an answer that is no LDAP' },
  /** See `isOutOfService`. */
  'out-of-service': { ...gone, words: 'an answer that it cannot serve' },
  'wrong-credentials': { isLeft: true, rest: 'long for all', isSilence: true, words: 'a wrong name or password' },
  /** With another code than that for wrong credentials: it wants TLS, for one. */
  'bind-refused': { isLeft: true, rest: 'long', isSilence: true, words: 'a refused bind' },
  'wrong-schema': { isLeft: true, rest: 'long', isSilence: false, words: 'a schema without our attributes' },
  /** To end an open connection (idle, restart) is a server's right; while one is being opened, it is a failure. */
  ended: { isLeft: false, rest: 'short', isSilence: true, words: 'the end of a connection' },
  /** A refusal of one request says nothing of others; of one that every connection begins with, it is a failure. */
  'request-refused': { isLeft: false, rest: 'short', isSilence: false, words: 'a refused request' },
  'own-wish': { ...nothing, words: 'our own wish' },
} as const satisfies Readonly<Record<string, Consequence>>;

export type FailureClass = keyof typeof consequences;

const classes: Readonly<Record<LdapErrorCode, FailureClass>> = {
  'ldap-unreachable': 'no-connection',
  'ldap-not-trusted': 'not-trusted',
  'ldap-timeout': 'silent',
  'ldap-protocol': 'no-ldap',
  'ldap-unavailable': 'out-of-service',
  'ldap-bind': 'bind-refused',
  'ldap-schema': 'wrong-schema',
  'ldap-closed': 'ended',
  'ldap-refused': 'request-refused',
  'ldap-abandoned': 'own-wish',
};

/** RFC 4511 appendix A.2. */
const invalidCredentials = 49;

export const classOf = (code: LdapErrorCode, resultCode: number | undefined): FailureClass =>
  code === 'ldap-bind' && resultCode === invalidCredentials ? 'wrong-credentials' : classes[code];

export const consequenceOf = (failure: FailureClass): Consequence => consequences[failure];

/**
 * With these a server says that it cannot serve, whoever asks (RFC 4511 appendix A.2): operationsError (of Active Directory also
 * that it has forgotten who we are), busy, unavailable, unwillingToPerform, other.
 */
const outOfService: ReadonlySet<number> = new Set([1, 51, 52, 53, 80]);

export const isOutOfService = (resultCode: number): boolean => outOfService.has(resultCode);
