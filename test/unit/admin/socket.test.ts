/** Where the socket for administration is to be: what stands there already stays, but for a socket that nobody listens on. */
import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type AdminSocket, openAdminSocket } from '../../../src/admin/socket.ts';
import { folderWith } from '../../support/configuration.ts';

const open = async (path: string): Promise<AdminSocket> => {
  const socket = await openAdminSocket(path, {});
  onTestFinished(() => socket.close());
  return socket;
};

/** As a router leaves it that is killed. */
const deadSocket = (path: string): void => {
  const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script, path]);
};

test.each<[string, (path: string) => void]>([
  ['file', (path) => writeFileSync(path, 'precious')],
  ['directory', (path) => mkdirSync(path)],
  ['symbolic link', (path) => symlinkSync('elsewhere', path)],
])('a %s stays, and the socket is refused', async (kind, make) => {
  const folder = folderWith({ elsewhere: 'precious' });
  const path = join(folder, 'there');
  make(path);
  const before = lstatSync(path);
  await expect(openAdminSocket(path, {})).rejects.toMatchObject({
    code: 'admin-socket',
    message: `admin.socket ${path} cannot be opened: a ${kind} is there, which stays as it is`,
  });
  expect(lstatSync(path)).toMatchObject({ ino: before.ino, mode: before.mode, size: before.size });
  expect(readFileSync(join(folder, 'elsewhere'), 'utf8')).toBe('precious');
});

test('a symbolic link to a socket that nobody listens on stays, and so does that socket', async () => {
  const folder = folderWith({});
  deadSocket(join(folder, 'dead'));
  symlinkSync('dead', join(folder, 'there'));
  await expect(openAdminSocket(join(folder, 'there'), {})).rejects.toThrow('a symbolic link is there');
  expect(lstatSync(join(folder, 'dead')).isSocket()).toBe(true);
});

test('the socket of a router that was killed makes way', async () => {
  const path = join(folderWith({}), 'there');
  deadSocket(path);
  const before = lstatSync(path);
  expect(before.isSocket()).toBe(true);
  await open(path);
  expect(lstatSync(path).ino === before.ino && lstatSync(path).ctimeMs === before.ctimeMs).toBe(false);
});

test('the socket of a router that runs stays', async () => {
  const path = join(folderWith({}), 'there');
  await open(path);
  await expect(openAdminSocket(path, {})).rejects.toThrow('another router answers there');
});
