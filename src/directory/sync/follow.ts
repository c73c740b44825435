/** What all ways of hearing of changes between sweeps have in common. */
import type { Clock } from '../../clock.ts';
import { type LdapConnection, type LdapEntry, LdapError } from '../ldap/ldap.ts';
import { readServerFacts, type ServerFacts } from './server-facts.ts';
import type { UserSource } from './user-source.ts';

/** Told in the order in which the server made the changes; telling one twice does no harm. */
export interface ChangeListener {
  /** The object as it is now, whole. */
  changed(id: string, entry: LdapEntry): void;
  /** Whether the object is a user as far as is known. */
  knows(id: string): boolean;
  /** The object is deleted, or no user of the source any more. */
  gone(id: string): void;
  /** All that had changed by now has been told. */
  confirmed(): void;
  /**
   * Something has happened to users who cannot be named, and only a sweep can say to whom.
   * @param isLikely false: it may have, and what may be is worth fewer sweeps
   */
  doubted(isLikely?: boolean): void;
}

/** Where a follower stands in the changes of one database; from there another may go on. */
export interface Position {
  readonly instance: string;
  /** One a line: a USN, or the CSNs of each naming context, or a USN and the cookie of each in base64. */
  readonly mark: string;
}

export interface FollowParts {
  readonly connection: LdapConnection;
  readonly server: ServerFacts;
  readonly source: UserSource;
  /** Between two questions whether anything has changed. */
  readonly everyMs: number;
  readonly clock: Clock;
  readonly listener: ChangeListener;
  /** Go on from here; undefined: from now. Never of another instance. */
  readonly from: string | undefined;
}

export interface Follower {
  /** Undefined when a successor cannot go on from here. */
  readonly mark: string | undefined;
  /** Rejects when it can follow no longer; never resolves. */
  readonly failed: Promise<never>;
}

/** Resolves when nothing that changes from then on can be missed. */
export type Follow = (parts: FollowParts) => Promise<Follower>;

/**
 * Runs `round` again and again, each beginning `everyMs` after the one before began.
 * @returns what rejects when a round fails or the connection ends
 */
export function inRounds({ connection, clock, everyMs }: FollowParts, round: () => Promise<void>): Promise<never> {
  return new Promise((_, reject) => {
    let timer: { cancel(): void } | undefined;
    connection.onClosed((why) => {
      timer?.cancel();
      reject(why);
    });
    const next = (beganMs: number): void => {
      if (connection.closedBecause !== undefined) return;
      timer = clock.after(Math.max(0, beganMs + everyMs - clock.now()), () => {
        const nowMs = clock.now();
        round().then(() => next(nowMs), reject);
      });
    };
    next(clock.now());
  });
}

/** @returns `count` of them; undefined: from now */
export const marksOf = (from: string | undefined, count: number): readonly (string | undefined)[] => {
  const marks = from?.split('\n') ?? [];
  return Array.from({ length: count }, (_, place) => (marks.length === count ? marks[place] : undefined));
};

/** @returns undefined when one of them has no place to go on from */
export const joinMarks = (marks: readonly (string | undefined)[]): string | undefined =>
  marks.includes(undefined) ? undefined : marks.join('\n');

/** What has changed may have been undone, and something else done under the same number. */
export const goneBack = (server: string, from: string, to: string): LdapError =>
  new LdapError(
    'ldap-protocol',
    `the changes of ${server} have gone back from ${from} to ${to}: all users are read anew`,
  );

/** So rarely is a server asked whether it still lives when nothing else is asked of it. */
export const reassureEveryMs = 15_000;

/** Hears of nothing: sweeps find what has changed. The connection shows whether the source can be asked at all. */
export const followNothing: Follow = async (parts) => {
  const failed = inRounds({ ...parts, everyMs: reassureEveryMs }, async () => {
    await readServerFacts(parts.connection, parts.server.bases);
  });
  return { mark: undefined, failed };
};
