/** One configuration in the place of another: all parts or none, one reload at a time. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Part, Reloader, type ReloadResult } from '../../../src/config/reload.ts';
import { loadSnapshot, type Snapshot } from '../../../src/config/snapshot.ts';
import { RouterError } from '../../../src/router-error.ts';
import { folderWith, load, routesYaml, snapshotOf } from '../../support/configuration.ts';
import { ldifUser } from '../../support/two-sides.ts';

interface Steps extends Part {
  readonly taken: string[];
}

/** Notes what it is told to do; `fails` says why it cannot be built. */
const partOf = (name: string, taken: string[], fails?: Error): Steps => ({
  taken,
  async prepare({ number }) {
    taken.push(`${name} prepares ${number}`);
    if (fails !== undefined) throw fails;
    return {
      commit: () => void taken.push(`${name} commits ${number}`),
      abandon: () => void taken.push(`${name} abandons ${number}`),
    };
  },
});

const reloaderOf = (parts: readonly Part[], yaml = routesYaml()) => {
  const results: ReloadResult[] = [];
  const numbered = (number: number) => {
    const loaded = load(yaml);
    return loaded.snapshot === undefined ? loaded : { ...loaded, snapshot: { ...loaded.snapshot, number } as Snapshot };
  };
  const onResult = (result: ReloadResult) => void results.push(result);
  return { reloader: new Reloader(snapshotOf(routesYaml()), { load: numbered, parts, onResult }), results };
};

test('every part makes ready before the first is changed', async () => {
  const taken: string[] = [];
  const { reloader } = reloaderOf([partOf('one', taken), partOf('two', taken)]);
  expect(await reloader.reload('command')).toMatchObject({ outcome: 'applied', number: 2, problems: [] });
  expect(taken).toEqual(['one prepares 2', 'two prepares 2', 'one commits 2', 'two commits 2']);
  expect(reloader.snapshot.number).toBe(2);
});

test('what an operator should know of what is in force now stands with the problems', async () => {
  const warnings = ['ldif users.ldif: warning: this version of the file is held back'];
  const part: Part = { prepare: async () => ({ commit: () => undefined, abandon: () => undefined, warnings }) };
  const { reloader } = reloaderOf([partOf('one', []), part]);
  expect(await reloader.reload('command')).toMatchObject({ outcome: 'applied', number: 2, problems: warnings });
});

test('a part that cannot be built leaves all as it was, and says why', async () => {
  const taken: string[] = [];
  const failure = new RouterError('address-in-use', 'port 5060 is in use');
  const { reloader } = reloaderOf([partOf('one', taken), partOf('two', taken, failure)]);
  const result = await reloader.reload('command');
  expect(result).toMatchObject({ outcome: 'refused', number: 1 });
  expect(result.problems).toEqual([expect.stringContaining('error: port 5060 is in use')]);
  expect(taken).toEqual(['one prepares 2', 'two prepares 2', 'one abandons 2']);
  expect(reloader.snapshot.number).toBe(1);
});

test('a bug is told with its origin, and all is as it was', async () => {
  const taken: string[] = [];
  const { reloader } = reloaderOf([partOf('one', taken), partOf('two', taken, new TypeError('oops'))]);
  const { outcome, problems } = await reloader.reload('command');
  expect(outcome).toBe('refused');
  expect(problems.at(-1)).toMatch(/this should not happen: TypeError: oops\n +at /);
  expect(taken.at(-1)).toBe('one abandons 2');
  expect(reloader.snapshot.number).toBe(1);
});

test('a bad file reaches no part', async () => {
  const taken: string[] = [];
  const { reloader, results } = reloaderOf([partOf('one', taken)], routesYaml({ x: 'colour: red' }));
  expect(await reloader.reload('SIGHUP')).toMatchObject({ outcome: 'refused', number: 1, cause: 'SIGHUP' });
  expect(taken).toEqual([]);
  expect(results).toHaveLength(1);
  expect(reloader.last).toBe(results[0]);
});

test('who asks while a reload is under way shares the next one', async () => {
  const { reloader, results } = reloaderOf([partOf('one', [])]);
  const asked = [
    reloader.reload('command'),
    reloader.reload('SIGHUP'),
    reloader.reload('command'),
    reloader.reload('command'),
  ];
  const numbers = (await Promise.all(asked)).map(({ number }) => number);
  expect(numbers).toEqual([2, 3, 3, 3]);
  expect(results).toHaveLength(2);
});

test('a file of users is read into users again only when it says something else', () => {
  const folder = folderWith({
    'routes.yaml': routesYaml({ x: 'directory: { sources: [{ kind: ldif, file: u.ldif }] }' }),
  });
  const say = (user: string) => writeFileSync(join(folder, 'u.ldif'), ldifUser(`${user}@example.com`, true));
  const read = (former?: Snapshot): Snapshot => loadSnapshot(join(folder, 'routes.yaml'), 1, former).snapshot!;
  const usersOf = ({ directory }: Snapshot) => directory.sources[0]?.users;
  say('alice');
  const first = read();
  expect(usersOf(read(first))).toBe(usersOf(first));
  expect(usersOf(read())).not.toBe(usersOf(first));
  say('carol');
  const second = read(first);
  expect(usersOf(second)).not.toBe(usersOf(first));
  expect(usersOf(second)?.lookup('carol@example.com')).toMatchObject({ kind: 'home' });
});
