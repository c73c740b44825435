/** Follows by being told: a search that never ends, on which the server sends what changes. Nothing is told of the time before it. */

import { type LdapEntry, LdapError } from '../ldap.ts';
import {
  controlOids,
  plainControl,
  readSyncInfo,
  readSyncState,
  syncInfoOid,
  syncRequestControl,
} from '../ldap-controls.ts';
import { type Follow, type Follower, type FollowParts, inRounds, reassureEveryMs, tell } from './follow.ts';
import { usnPoll } from './poll.ts';
import { readContextCsns, readHighestUsn } from './server-facts.ts';
import { attributesOf, identityOf, searchOf } from './user-source.ts';

export const followByNotification: Follow = (parts) => {
  if (!parts.server.canNotify) {
    const { server } = parts.connection;
    throw new LdapError('ldap-protocol', `${server} knows neither change notification nor RFC 4533: use follow: poll`);
  }
  return parts.server.kind === 'active-directory' ? followActiveDirectory(parts) : followContentSync(parts);
};

/** [MS-ADTS] 3.1.1.3.4.1.9: the filter must be (objectClass=*), and the base of a subtree the naming context. */
async function followActiveDirectory(parts: FollowParts): Promise<Follower> {
  const { connection, server } = parts;
  const since = parts.from ?? (await readHighestUsn(connection));
  const queue = new TellingQueue(parts);
  const search = searchOf(
    server.namingContext,
    'sub',
    { present: 'objectClass' },
    [server.identity, 'isDeleted'],
    (it) => queue.add(it),
  );
  const controls = [plainControl(controlOids.notification, true), plainControl(controlOids.showDeleted, false)];
  const told = connection.search({ ...search, controls, budgetMs: Number.POSITIVE_INFINITY }).done;
  // The search is under way before the poll is: what happens between them is told by both rather than by none.
  const poll = usnPoll(parts, since);
  const reassured = inRounds({ ...parts, everyMs: reassureEveryMs }, () => poll.round());
  const failed = Promise.race([told.then(endedByServer(parts)), queue.failed, reassured]);
  failed.catch(() => undefined);
  await Promise.race([poll.round(), failed]);
  return {
    get mark() {
      return poll.mark;
    },
    failed,
  };
}

const endedByServer = (parts: FollowParts) => (): never => {
  throw new LdapError('ldap-protocol', `${parts.connection.server} has ended a search that should not end`);
};

/** Objects are told one after the other, in the order in which they came. */
class TellingQueue {
  readonly failed: Promise<never>;
  readonly #parts: FollowParts;
  #last: Promise<void> = Promise.resolve();
  #fail: (error: unknown) => void = () => {};

  constructor(parts: FollowParts) {
    this.#parts = parts;
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
  }

  add(entry: LdapEntry): void {
    this.#last = this.#last.then(() => tell(entry, this.#parts)).catch(this.#fail);
  }
}

/**
 * RFC 4533 refreshAndPersist. It begins at the server's last change, so that the refresh is next to empty: the users themselves
 * are swept. What the refresh says of entries that are still there is therefore not needed.
 */
async function followContentSync(parts: FollowParts): Promise<Follower> {
  const { connection, server, source } = parts;
  const csns = parts.from?.split(' ') ?? (await readContextCsns(connection, server.namingContext));
  const cookie = csns.length === 0 ? undefined : Buffer.from(`rid=000,csn=${csns.join(';')}`);
  const searches = source.baseDns.map((baseDn) => persist(parts, baseDn, cookie));
  const reassured = inRounds({ ...parts, everyMs: reassureEveryMs }, async () => {
    await readContextCsns(connection, server.namingContext);
    parts.listener.confirmed();
  });
  const failed = Promise.race([...searches.map(({ ended }) => ended), reassured]);
  failed.catch(() => undefined);
  await Promise.race([Promise.all(searches.map(({ refreshed }) => refreshed)), failed]);
  return { mark: undefined, failed };
}

/** One search that refreshes and then persists. */
function persist(parts: FollowParts, baseDn: string, cookie: Buffer | undefined) {
  const { connection, server, source, listener } = parts;
  const { promise: refreshed, resolve } = Promise.withResolvers<void>();
  const names = attributesOf(source, server);
  const ended = connection
    .search({
      ...searchOf(baseDn, 'sub', source.filter, names, (entry) => tellSynced(entry, parts)),
      scope: source.scope,
      controls: [syncRequestControl('refresh-and-persist', cookie)],
      budgetMs: Number.POSITIVE_INFINITY,
      onIntermediate(oid, value) {
        const info = oid === syncInfoOid ? readSyncInfo(value) : undefined;
        if (info === undefined || info.kind === 'new-cookie') return;
        if (info.kind === 'id-set') {
          if (info.areDeleted) for (const uuid of info.uuids) listener.gone(uuid.toString('hex'));
        } else if (info.isRefreshDone) resolve();
      },
    })
    .done.then(endedByServer(parts));
  return { refreshed, ended };
}

/** RFC 4533 §2.3: an entry that leaves the search's filter is told as deleted. */
function tellSynced(entry: LdapEntry, { server, listener }: FollowParts): void {
  const sync = readSyncState(entry.controls);
  const id = sync?.entryUuid.toString('hex') ?? identityOf(entry, server);
  if (sync?.state === 'delete') listener.gone(id);
  else if (sync?.state !== 'present') listener.changed(id, entry);
}
