/** The contract of every source that knows who is at home where: LDIF, LDAP, a cache round one, a fake in a test. */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { DirectoryAnswer } from '../routing/types.ts';

/** What every source of a directory is given. */
export interface DirectoryParts {
  readonly clock: Clock;
  /** In [0, 1). */
  random(): number;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

export interface DirectoryDescription {
  /** Name of the source, as it stands in its answers: `ldif users.ldif`. */
  readonly source: string;
  /** For the start-up lines and the status page: `5 users, 3 of them enabled`. */
  readonly summary: string;
}

export interface Directory {
  /**
   * Says where a user is at home. The answer comes at once when it is known, and as a promise when it must be asked for.
   * "Does not exist" is `unknown-user`; "could not be asked" is `unavailable`; the one never stands for the other.
   * Neither throws nor rejects in normal life; a promise settles in the end, however long the source is silent.
   * @param recipientKey from `userKey`
   */
  lookup(recipientKey: string): DirectoryAnswer | Promise<DirectoryAnswer>;
  describe(): DirectoryDescription;
}
