/** Follows by being told: a search that never ends, on which the server sends what changes. Nothing is told of the time before it. */

import {
  controlOids,
  plainControl,
  readSyncInfo,
  readSyncState,
  syncInfoOid,
  syncRequestControl,
} from '../ldap/controls.ts';
import { type LdapEntry, LdapError, type LdapFilter, type LdapSearch } from '../ldap/ldap.ts';
import { syncCookie } from './content-deletions.ts';
import { type Follow, type Follower, type FollowParts, inRounds, reassureEveryMs } from './follow.ts';
import { usnPoll } from './poll.ts';
import { readContextCsns, readHighestUsn } from './server-facts.ts';
import { Teller, toldBy } from './teller.ts';
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
  const { connection, server, listener } = parts;
  const since = parts.from ?? (await readHighestUsn(connection));
  const teller = new Teller(parts);
  const queue = new TellingQueue();
  const controls = [plainControl(controlOids.notification, true), plainControl(controlOids.showDeleted, false)];
  const told = server.namingContexts.map((namingContext) => {
    const names = [server.identity, ...toldBy];
    const onEntry = (entry: LdapEntry): void => queue.add(() => teller.tell(entry));
    const search = searchOf(namingContext, 'sub', { present: 'objectClass' }, names, onEntry);
    return connection.search({ ...search, controls, budgetMs: Number.POSITIVE_INFINITY }).done;
  });
  // The searches are under way before the poll is: what happens between them is told by both rather than by none.
  const poll = usnPoll(parts, { tell: (entry) => queue.run(() => teller.tell(entry)) }, since);
  const round = async (): Promise<void> => {
    await poll.round();
    listener.confirmed();
  };
  const reassured = inRounds({ ...parts, everyMs: reassureEveryMs }, round);
  const failed = Promise.race([...told.map((each) => each.then(endedByServer(parts))), queue.failed, reassured]);
  failed.catch(() => undefined);
  await Promise.race([round(), failed]);
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

/**
 * What is heard is told one after the other, in the order in which it came, whoever heard it: what is read of an object is put in
 * force before it is read again.
 */
class TellingQueue {
  readonly failed: Promise<never>;
  #last: Promise<void> = Promise.resolve();
  #hasFailed = false;
  #fail: (error: unknown) => void = () => {};

  constructor() {
    this.failed = new Promise((_, reject) => {
      this.#fail = (error) => {
        this.#hasFailed = true;
        reject(error);
      };
    });
  }

  add(tell: () => Promise<void> | void): void {
    this.run(tell).catch(() => undefined);
  }

  /** @returns when it has been told; rejects with why it could not be */
  run(tell: () => Promise<void> | void): Promise<void> {
    const told = this.#last.then(() => (this.#hasFailed ? undefined : tell()));
    this.#last = told.catch(this.#fail);
    return told;
  }
}

/**
 * RFC 4533 refreshAndPersist. It begins at the server's last change, so that the refresh is next to empty: the users themselves
 * are swept. What the refresh says of entries that are still there is therefore not needed.
 */
async function followContentSync(parts: FollowParts): Promise<Follower> {
  const { connection, server, source, listener } = parts;
  const teller = new Teller(parts);
  const queue = new TellingQueue();
  const persisted: Persisted[] = [];
  for (const namingContext of server.namingContexts) {
    const csns = await readContextCsns(connection, namingContext);
    const cookie = csns.length === 0 ? undefined : syncCookie(csns);
    const bases = source.baseDns.filter((_, place) => server.contextOfBase[place] === namingContext);
    for (const baseDn of bases) persisted.push(persistUsers(parts, baseDn, cookie, teller, queue));
    // Without a cookie it would be told of all of them, and doubt everything.
    if (cookie !== undefined) persisted.push(persistOthers(parts, namingContext, cookie, teller, queue));
  }
  const reassured = inRounds({ ...parts, everyMs: reassureEveryMs }, async () => {
    for (const namingContext of server.namingContexts) await readContextCsns(connection, namingContext);
    listener.confirmed();
  });
  const failed = Promise.race([...persisted.map(({ ended }) => ended), queue.failed, reassured]);
  failed.catch(() => undefined);
  await Promise.race([Promise.all(persisted.map(({ refreshed }) => refreshed)), failed]);
  return { mark: undefined, failed };
}

interface Persisted {
  readonly refreshed: Promise<void>;
  readonly ended: Promise<never>;
}

function persistUsers(
  parts: FollowParts,
  baseDn: string,
  cookie: Buffer | undefined,
  teller: Teller,
  queue: TellingQueue,
): Persisted {
  const { server, source, listener } = parts;
  const search = {
    ...searchOf(baseDn, 'sub', source.filter, attributesOf(source, server), (entry) => {
      const sync = readSyncState(entry.controls);
      const id = sync?.entryUuid.toString('hex') ?? identityOf(entry, server);
      // RFC 4533 §2.3: an entry that leaves the search's filter is told as deleted.
      if (sync?.state === 'delete') queue.add(() => listener.gone(id));
      else if (sync?.state !== 'present') queue.add(() => teller.changed(id, entry));
    }),
    scope: source.scope,
  };
  return persist(parts, search, cookie, (uuid) => queue.add(() => listener.gone(uuid)));
}

/** Anywhere in the naming context: containers are moved into a base, and out of it. */
function persistOthers(
  parts: FollowParts,
  namingContext: string,
  cookie: Buffer,
  teller: Teller,
  queue: TellingQueue,
): Persisted {
  const filter: LdapFilter = { or: teller.others };
  const search = searchOf(namingContext, 'sub', filter, [parts.server.identity, ...toldBy], (entry) =>
    queue.add(() => teller.tellOfOthers(entry)),
  );
  return persist(parts, search, cookie, () => undefined);
}

/** One search that refreshes and then persists. */
function persist(
  { connection, ...parts }: FollowParts,
  search: LdapSearch,
  cookie: Buffer | undefined,
  onGone: (uuid: string) => void,
): Persisted {
  const { promise: refreshed, resolve } = Promise.withResolvers<void>();
  const ended = connection
    .search({
      ...search,
      controls: [syncRequestControl('refresh-and-persist', cookie)],
      budgetMs: Number.POSITIVE_INFINITY,
      onIntermediate(oid, value) {
        const info = oid === syncInfoOid ? readSyncInfo(value) : undefined;
        if (info === undefined || info.kind === 'new-cookie') return;
        if (info.kind === 'id-set') {
          if (info.areDeleted) for (const uuid of info.uuids) onGone(uuid.toString('hex'));
        } else if (info.isRefreshDone) resolve();
      },
    })
    .done.then(endedByServer({ connection, ...parts }));
  return { refreshed, ended };
}
