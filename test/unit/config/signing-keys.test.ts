/** The file of signing keys: read, refused in words without a key in them, made and rotated. */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { keysFileOf } from '../../../src/config/signing-keys.ts';
import { folderWith, load, problemsOf, routesYaml, snapshotOf } from '../../support/configuration.ts';
import { run } from '../../support/run-command.ts';

const [a, b] = ['0123456789abcdef'.repeat(4), 'fedcba9876543210'.repeat(4)];
const named = routesYaml({ signing: 'signing: { keys-file: my.keys }' });
const complaints = (text: string) => problemsOf(named, { 'my.keys': text });

const keysIn = (file: string): string[] => readFileSync(file, 'utf8').match(/^[0-9a-f]{64}$/gm) ?? [];
const exported = (text: string) =>
  snapshotOf(named, { 'my.keys': text }).signing.keys?.map((key) => key.export().toString('hex'));

describe('the file of signing keys', () => {
  test('holds one key a line, in the order in which they count, among remarks', () => {
    expect(exported(`# mine\n${b.toUpperCase()}  \r\n\n${a}\n`)).toEqual([b, a]);
  });

  test.each([
    [
      'a key that is too short',
      `${a}\n${b.slice(1)}\n`,
      /my\.keys:2:1: error: this is not a key \(64 hexadecimal digits/,
    ],
    ['a placeholder', `${'0'.repeat(64)}\n`, /my\.keys:1:1: error: this is not a key/],
    ['a key twice', `${a}\n${a.toUpperCase()}\n`, /my\.keys:2:1: error: this key stands in line 1, too/],
  ])('%s is told with its line, and not repeated', (_, text, told) => {
    const problems = complaints(text);
    expect(problems[0]).toMatch(told);
    expect(problems.join('\n')).not.toMatch(/[0-9a-f]{16}/i);
  });

  test('without a key is refused', () => {
    expect(complaints('# nothing\n')).toEqual([
      expect.stringMatching(/signing\.keys-file: this file holds no key \(make one: pif-router keys new/),
    ]);
  });

  test('with too many keys is refused', () => {
    const many = Array.from({ length: 9 }, (_, i) => `${i}${a.slice(1)}\n`).join('');
    expect(complaints(many)).toEqual([expect.stringContaining('this file holds more than 8 keys')]);
  });

  test('that is named must be there', () => {
    expect(problemsOf(named)).toEqual([
      expect.stringMatching(/signing\.keys-file: my\.keys: there is no such file \(make one: pif-router keys new/),
    ]);
  });

  test('in the usual place need not be there', () => expect(load(routesYaml()).snapshot?.signing.keys).toBeUndefined());

  test('that others may read is refused', () => {
    const folder = folderWith({ 'routes.yaml': routesYaml(), 'pif-router.keys': a });
    chmodSync(join(folder, 'pif-router.keys'), 0o644);
    return run(undefined, ['keys', 'rotate', join(folder, 'routes.yaml')]).then(({ code, err }) => {
      expect(code).toBe(1);
      expect(err).toEqual([expect.stringMatching(/others on this machine may get at this file of keys \(chmod 600/)]);
    });
  });

  test('shows no key in a snapshot that is written down', () => {
    const { signing } = snapshotOf(named, { 'my.keys': a });
    expect(JSON.stringify(signing)).not.toContain(a);
  });
});

describe('keys', () => {
  const folder = () => {
    const path = folderWith({ 'routes.yaml': routesYaml() });
    return { yaml: join(path, 'routes.yaml'), file: join(path, 'pif-router.keys') };
  };

  test('new makes two keys for their owner only, and never over others', async () => {
    const { yaml, file } = folder();
    expect(await run(undefined, ['keys', 'new', yaml])).toMatchObject({
      code: 0,
      out: [expect.stringContaining(file)],
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const made = keysIn(file);
    expect(new Set(made).size).toBe(2);
    expect(await run(undefined, ['keys', 'new', yaml])).toMatchObject({
      code: 1,
      err: [expect.stringContaining('already')],
    });
    expect(keysIn(file)).toEqual(made);
  });

  test('rotate lets the next key sign, keeps the one before and makes the next one', async () => {
    const { yaml, file } = folder();
    await run(undefined, ['keys', 'new', yaml]);
    const [first, second] = keysIn(file);
    expect(await run(undefined, ['keys', 'rotate', yaml])).toMatchObject({ code: 0 });
    const [current, third, former] = keysIn(file);
    expect([current, former]).toEqual([second, first]);
    await run(undefined, ['keys', 'rotate', yaml]);
    expect(keysIn(file)).toEqual([third, expect.not.stringMatching(`${first}|${second}|${third}`), second]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(existsSync(`${file}.new`)).toBe(false);
  });

  test('rotate follows a symbolic link to the file, which stays a link', async () => {
    const { yaml, file } = folder();
    await run(undefined, ['keys', 'new', yaml]);
    const [first, second] = keysIn(file);
    renameSync(file, `${file}.real`);
    symlinkSync(`${file}.real`, file);
    expect(await run(undefined, ['keys', 'rotate', yaml])).toMatchObject({ code: 0 });
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect([keysIn(`${file}.real`)[0], keysIn(`${file}.real`)[2]]).toEqual([second, first]);
  });

  test.each([
    ['a file of something else', (path: string) => writeFileSync(path, 'precious'), 'is a file of something else'],
    ['a link', (path: string) => symlinkSync('elsewhere', path), 'is a symbolic link'],
    ['a directory', (path: string) => mkdirSync(path), 'is a directory'],
  ])('rotate leaves %s where it would write first, and the keys', async (_, make, why) => {
    const { yaml, file } = folder();
    await run(undefined, ['keys', 'new', yaml]);
    const before = keysIn(file);
    writeFileSync(join(file, '..', 'elsewhere'), 'precious');
    make(`${file}.new`);
    const kind = lstatSync(`${file}.new`).mode;
    expect(await run(undefined, ['keys', 'rotate', yaml])).toEqual({
      code: 1,
      out: [],
      err: [`${file}: ${file}.new ${why}, and stays as it is`],
    });
    expect(lstatSync(`${file}.new`).mode).toBe(kind);
    expect(readFileSync(join(file, '..', 'elsewhere'), 'utf8')).toBe('precious');
    expect(keysIn(file)).toEqual(before);
  });

  test('rotate goes over what one has left that was ended in the middle', async () => {
    const { yaml, file } = folder();
    await run(undefined, ['keys', 'new', yaml]);
    writeFileSync(`${file}.new`, `${readFileSync(file, 'utf8').slice(0, 300)}`);
    expect(await run(undefined, ['keys', 'rotate', yaml])).toMatchObject({ code: 0 });
    expect(keysIn(file)).toHaveLength(3);
  });

  test('rotate without a file says how one is made', async () => {
    const { yaml } = folder();
    expect(await run(undefined, ['keys', 'rotate', yaml])).toMatchObject({
      code: 1,
      err: [expect.stringContaining('keys new')],
    });
  });

  test('the file is that of routes.yaml, also before it is there', () => {
    const { yaml, file } = folder();
    expect(keysFileOf(yaml)).toBe(file);
    writeFileSync(yaml, named);
    expect(keysFileOf(yaml)).toBe(file.replace('pif-router.keys', 'my.keys'));
  });

  test.each([[[]], [['old']], [['new', 'a', 'b']], [['rotate', '--all']]])('%j is not understood', async (words) => {
    expect(await run(undefined, ['keys', ...words])).toMatchObject({ code: 2 });
  });
});
