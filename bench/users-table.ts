/** Child process: a table of many users alone in a process, its memory and the time of a look-up. */
import { UserTable } from '../src/directory/table/user-table.ts';

export interface TableFigures {
  readonly bytesPerUser: number;
  readonly lookupNs: number;
  readonly unknownNs: number;
}

const addressOf = (index: number): string => `firstname.lastname${String(index).padStart(7, '0')}@example.com`;

/** Best of several rounds over fresh strings: what others do on the machine only adds. */
function nanoseconds(table: UserTable, users: number, addressOf: (index: number) => string): number {
  const asked = 200_000;
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round += 1) {
    const keys = Array.from({ length: asked }, (_, i) => addressOf((i * 7_919) % users));
    const start = performance.now();
    let found = 0;
    for (const key of keys) if (table.stateOf(key) !== undefined) found += 1;
    best = Math.min(best, ((performance.now() - start) * 1e6) / asked);
    if (found !== 0 && found !== asked) throw new Error('some are found and some are not');
  }
  return best;
}

/** Resident memory, after garbage has been collected. */
function rss(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss();
}

function fill(table: UserTable, users: number): void {
  for (let i = 0; i < users; i += 1) table.put(`object ${i}`, [addressOf(i)], 'enabled', 1);
}

process.on('message', (users: number) => {
  // The heap grows by what filling leaves behind; a table that is thrown away makes it grow before it is measured.
  fill(UserTable.create(users / 4, [1, 2]), users / 4);
  const before = rss();
  const table = UserTable.create(users * 1.25, [3, 4]);
  fill(table, users);
  const figures: TableFigures = {
    bytesPerUser: (rss() - before) / users,
    lookupNs: nanoseconds(table, users, addressOf),
    unknownNs: nanoseconds(table, users, (index) => `nobody${addressOf(index)}`),
  };
  process.send?.(figures);
});
process.on('disconnect', () => process.exit());
