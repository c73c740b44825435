/** What a new kind of source takes: this file's `csvKind`, and a line in the table of kinds. */

import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadSnapshot } from '../../../src/config/snapshot.ts';
import type { CacheSettings } from '../../../src/directory/cached.ts';
import { openDirectory } from '../../../src/directory/compose.ts';
import type { Directory } from '../../../src/directory/directory.ts';
import type { LivingSource, Source, SourceKind } from '../../../src/directory/source.ts';
import { sourceKinds } from '../../../src/directory/source-kinds.ts';
import { silentLog } from '../../../src/log.ts';
import { keyOfAddress } from '../../../src/routing/user-key.ts';
import { readNamedFile } from '../../../src/settings/named-file.ts';
import { choice, object, required } from '../../../src/settings/reader.ts';
import { text } from '../../../src/settings/values.ts';
import { folderWith, routesYaml } from '../../support/configuration.ts';
import { ManualClock } from '../../support/manual-clock.ts';

/** A source of addresses, one a line: whoever is there is a Microsoft user. */
class CsvSource implements Source {
  readonly name: string;
  readonly users: Directory;
  readonly certificates = [];
  readonly writtenFiles = [];
  readonly #keys: ReadonlySet<string>;

  constructor(file: string, keys: ReadonlySet<string>) {
    this.name = `csv ${file}`;
    this.#keys = keys;
    const home = { kind: 'home', side: 'microsoft', freshness: 'fresh', source: this.name, ageMs: 0 } as const;
    this.users = {
      lookup: (key) =>
        keys.has(key) ? { ...home, addressOnly: false } : { kind: 'unknown-user', source: this.name, ageMs: 0 },
      describe: () => this.describe(),
    };
  }

  describe() {
    return { source: this.name, summary: `${this.#keys.size} addresses` };
  }

  isSame(other: Source): boolean {
    return other === this;
  }

  knowsTheSame(): boolean {
    return false;
  }

  open(_: CacheSettings): LivingSource {
    return {
      source: this,
      directory: this.users,
      ready: async () => undefined,
      view: () => ({ snapshot: undefined, table: undefined, namesOf: undefined }),
      succession: () => undefined,
      close: () => undefined,
    };
  }

  forOneQuestion(): Source {
    return this;
  }

  async examine(): Promise<undefined> {}
}

const section = object({ kind: required(choice(['csv'])), file: required(text()) });

const csvKind: SourceKind<{ readonly file: string }> = {
  section,
  compile({ path, value: { file } }, report, { folder }) {
    const written = readNamedFile(file, [...path, 'file'], report, folder);
    if (written === undefined) return undefined;
    return new CsvSource(file, new Set(written.split('\n').flatMap((line) => keyOfAddress(line.trim()) ?? [])));
  },
};

beforeAll(() => {
  sourceKinds.csv = csvKind;
});
afterAll(() => {
  delete sourceKinds.csv;
});

const load = (row: string) =>
  loadSnapshot(
    join(
      folderWith({
        'users.csv': 'sip:bob@example.com\nsip:carol@example.com\n',
        'routes.yaml': routesYaml({ x: `directory: { sources: [${row}] }` }),
      }),
      'routes.yaml',
    ),
    1,
  );

test('it is read, checked, described and asked as the others are', async () => {
  const { snapshot, problems } = load('{ kind: csv, file: users.csv }');
  expect(problems).toEqual([]);
  const [source] = snapshot!.directory.sources;
  expect(source?.describe()).toEqual({ source: 'csv users.csv', summary: '2 addresses' });
  const directory = openDirectory(snapshot!.directory, { clock: new ManualClock(), random: () => 0, log: silentLog });
  await directory.ready();
  expect(directory.lookup('bob@example.com')).toMatchObject({ kind: 'home', source: 'csv users.csv' });
  expect(directory.lookup('dave@example.com')).toMatchObject({ kind: 'unknown-user' });
  await directory.close();
});

test.each([
  ['{ kind: csv }', 'file', 'this setting is missing'],
  ['{ kind: csv, file: users.csv, max-loss: 5% }', 'max-loss', 'there is no such setting'],
  ['{ kind: csv, file: nobody.csv }', 'file', 'there is no such file'],
  ['{ kind: cvs, file: users.csv }', 'kind', '"cvs" is not possible here'],
])('its mistakes are told: %s', (row, setting, what) => {
  expect(load(row).problems).toMatchObject([
    { path: `directory.sources[0].${setting}`, what: expect.stringContaining(what) },
  ]);
});
