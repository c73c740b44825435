/** The program as the printed unit runs it: by a user without rights, who may read its files and write none of them. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import { command } from '../support/admin.ts';
import { newBranch, requestText, responseText } from '../support/raw-message.ts';
import { openEnd } from '../support/raw-sip.ts';
import { mainFile, RouterProcess } from '../support/router-process.ts';
import { routesYaml, twoSides } from '../support/two-sides.ts';

const sides = twoSides(122);
const nobody = 65_534;
const isRoot = process.getuid?.() === 0;
const withoutCapabilities = ['--bounding-set=-all', '--inh-caps=-all', '--no-new-privs'];
const asNobody = [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', ...withoutCapabilities];

/** A checkout below a folder of root's own: there the test has to be content with root without capabilities. */
const canReach = (path: string): boolean => spawnSync('setpriv', [...asNobody, 'test', '-r', path]).status === 0;
const identity = (): readonly string[] => {
  if (!isRoot) return withoutCapabilities.slice(2);
  return [mainFile, process.execPath].every(canReach) ? asNobody : withoutCapabilities;
};

/** As `pif-router unit` asks for: the folder and the files are root's, and its group may read them. */
const handOver = `
  eval "file=\${$#}"; folder=$(dirname "$file")
  if [ "$(id -u)" = 0 ]; then chmod 755 "$folder"; chgrp ${nobody} "$file"; fi
  chmod 440 "$file"; exec setpriv "$@"
`;

/** Certificates and a key that are root's, and a folder for the socket that is the router's: the rest is closed to it. */
function makeFolders(): { readonly certificates: string; readonly runtime: string } {
  const root = mkdtempSync(join(tmpdir(), 'pif-unprivileged-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const [certificates, runtime] = [join(root, 'etc'), join(root, 'run')];
  for (const folder of [certificates, runtime]) mkdirSync(folder);
  for (const name of ['router.crt', 'router.key', 'ca.crt'])
    copyFileSync(join(inject('certificates'), name), join(certificates, name));
  writeFileSync(join(certificates, 'signing.keys'), `${randomBytes(32).toString('hex')}\n`);
  for (const name of readdirSync(certificates)) {
    const file = join(certificates, name);
    if (isRoot) chownSync(file, 0, nobody);
    chmodSync(file, isRoot ? 0o440 : 0o400);
  }
  if (isRoot) chownSync(runtime, nobody, nobody);
  for (const [folder, mode] of [
    [root, 0o755],
    [certificates, 0o755],
    [runtime, 0o700],
  ] as const)
    chmodSync(folder, mode);
  return { certificates, runtime };
}

test('it starts, routes, reloads and ends without any right, and writes nothing but its socket', async () => {
  const { certificates, runtime } = makeFolders();
  const socket = join(runtime, 'admin.sock');
  const router = await RouterProcess.start({
    command: ['sh', '-c', handOver, 'sh', ...identity(), process.execPath, mainFile],
    routes: `${routesYaml(sides, { certificates })}admin: { socket: ${socket} }\nsigning: { keys-file: ${certificates}/signing.keys }\n`,
  });
  onTestFinished(async () => void (await router.stop()));
  const proc = readFileSync(`/proc/${router.pid}/status`, 'utf8');
  console.log(`ran with ${/^Uid:.*/m.exec(proc)?.[0].replaceAll('\t', ' ')}`);
  expect(proc).toMatch(/^CapEff:\t0+$/m);
  expect(proc).toMatch(/^NoNewPrivs:\t1$/m);

  const [cisco, microsoft] = await Promise.all(
    [sides.cisco, sides.microsoft].map((address) =>
      openEnd({ transport: 'tcp', address, port: 5060, to: { address: sides.router, port: 5060 } }),
    ),
  );
  microsoft!.respond((request) => (request.method === undefined ? undefined : responseText(request, 200)));
  cisco!.send(
    requestText({ method: 'MESSAGE', uri: 'sip:bob@tcp.example.com', via: [`${cisco!.via};branch=${newBranch()}`] }),
  );
  await cisco!.take(200);
  await Promise.all([cisco!.close(), microsoft!.close()]);

  expect(await command(router, 'reload')).toMatchObject({ code: 0 });
  expect([readdirSync(router.folder), readdirSync(runtime)]).toEqual([['routes.yaml'], ['admin.sock']]);
  expect(await router.stop()).toBe(0);
  expect(readdirSync(runtime)).toEqual([]);
});
