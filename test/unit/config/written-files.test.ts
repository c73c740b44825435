/** What the router would write in the place of something else: `check` says so, and there is no start. */
import { execFileSync } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { loadSnapshot } from '../../../src/config/snapshot.ts';
import { formatProblem } from '../../../src/settings/problem.ts';
import { createAuthority } from '../../support/certificates.ts';
import { folderWith, routesYaml } from '../../support/configuration.ts';

const authority = createAuthority('AD CA');
afterAll(() => authority.remove());

const place = {
  'admin.socket': (file: string) => `admin: { socket: ${file} }`,
  'log.file': (file: string) => `log: { file: ${file} }`,
  'directory.sources[0].snapshot.file': (file: string) =>
    `directory: { sources: [{ kind: ldap, urls: [ldaps://dc1.example.com], ca: ca.crt, bind-dn: CN=x, password-file: password, base: ["DC=x"], mode: snapshot, snapshot: { file: ${file} } }] }`,
} as const;
type Setting = keyof typeof place;
const settings = Object.keys(place) as Setting[];

const folderFor = (...sections: readonly string[]): string =>
  folderWith({
    'routes.yaml': routesYaml({ x: sections.join('\n') }),
    'ca.crt': authority.certificate,
    password: 'quite secret\n',
  });

/** What `check` says of that setting; the folder's name is left out. */
const complaints = (folder: string): readonly string[] =>
  loadSnapshot(join(folder, 'routes.yaml'), 1)
    .problems.map(formatProblem)
    .map((line) => line.replaceAll(`${folder}/`, '').replace(/^routes\.yaml:\d+:\d+: /, ''));

/** Makes something of that kind. */
const make: Readonly<Record<string, (path: string) => void>> = {
  file: (path) => writeFileSync(path, 'precious\n'),
  'empty file': (path) => writeFileSync(path, ''),
  directory: (path) => mkdirSync(path),
  'symbolic link': (path) => symlinkSync('/etc/hosts', path),
  'symbolic link to nothing': (path) => symlinkSync('/nowhere', path),
  'named pipe': (path) => execFileSync('mkfifo', [path]),
  'snapshot of ours': (path) => writeFileSync(path, '{"format":"pif-router snapshot 1","source":"x"}\n...'),
};

const ends = ': it stays as it is (name another one, or remove it)';

describe('a file that is to be written', () => {
  test.each(settings)('%s may be absent', (setting) => expect(complaints(folderFor(place[setting]('x')))).toEqual([]));

  test.each<[Setting, string, string | undefined]>([
    ['admin.socket', 'file', 'is a file, and no socket'],
    ['admin.socket', 'empty file', 'is a file, and no socket'],
    ['admin.socket', 'directory', 'is a directory, and no socket'],
    ['admin.socket', 'symbolic link', 'is a symbolic link, and no socket'],
    ['admin.socket', 'symbolic link to nothing', 'is a symbolic link, and no socket'],
    ['admin.socket', 'named pipe', 'is a named pipe, and no socket'],
    ['log.file', 'file', undefined],
    ['log.file', 'named pipe', undefined],
    ['log.file', 'directory', 'is a directory, and no log'],
    ['directory.sources[0].snapshot.file', 'snapshot of ours', undefined],
    ['directory.sources[0].snapshot.file', 'empty file', undefined],
    ['directory.sources[0].snapshot.file', 'file', 'is a file of something else, and no snapshot of the router'],
    ['directory.sources[0].snapshot.file', 'directory', 'is a directory, and no snapshot of the router'],
    ['directory.sources[0].snapshot.file', 'symbolic link', 'is a symbolic link, and no snapshot of the router'],
    ['directory.sources[0].snapshot.file', 'named pipe', 'is a named pipe, and no snapshot of the router'],
  ])('%s that names what is a %s is judged so', (setting, kind, why) => {
    const folder = folderFor(place[setting]('there'));
    make[kind]?.(join(folder, 'there'));
    expect(complaints(folder)).toEqual(why === undefined ? [] : [`error: ${setting}: there ${why}${ends}`]);
  });

  test('admin.socket may be a socket: that of a router that runs, or that was killed', async () => {
    const folder = folderFor(place['admin.socket']('there'));
    const server = createServer().listen(join(folder, 'there'));
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    expect(complaints(folder)).toEqual([]);
  });

  test('log.file may be a device that takes lines, and none that holds a file system', () => {
    expect(complaints(folderFor(place['log.file']('/dev/null')))).toEqual([]);
    const disk = ['/dev/loop0', '/dev/sda', '/dev/vda'].find((path) => existsSync(path));
    if (disk !== undefined)
      expect(complaints(folderFor(place['log.file'](disk)))).toEqual([
        `error: log.file: ${disk} is a block device, and no log${ends}`,
      ]);
  });
});

describe('one file for two purposes is refused', () => {
  test.each(settings)('%s that names what is read', (setting) => {
    const told = (name: string) =>
      `error: ${setting}: ${name} is a file that the router reads its settings from (name another one)`;
    expect(complaints(folderFor(place[setting]('routes.yaml')))).toEqual([told('routes.yaml')]);
    const read = 'routing: { cisco-users: users.txt }';
    const folder = folderFor(read, place[setting]('link'));
    writeFileSync(join(folder, 'users.txt'), 'sip:bob@example.com\n');
    linkSync(join(folder, 'users.txt'), join(folder, 'link'));
    expect(complaints(folder)).toEqual([told('link')]);
    expect(readFileSync(join(folder, 'users.txt'), 'utf8')).toBe('sip:bob@example.com\n');
  });

  test.each<[Setting, Setting | 'signing.keys-file', string]>([
    ['log.file', 'admin.socket', 'pif-router.sock'],
    ['log.file', 'signing.keys-file', 'pif-router.keys'],
    ['admin.socket', 'signing.keys-file', './pif-router.keys'],
    ['directory.sources[0].snapshot.file', 'admin.socket', 'pif-router.sock'],
  ])('%s that names what %s names', (setting, other, file) => {
    expect(complaints(folderFor(place[setting](file)))).toEqual([
      `error: ${setting}: ${file.replace('./', '')} is what ${other} names (give each a file of its own)`,
    ]);
  });
});
