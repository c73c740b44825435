/** The package as a site would install it: packed, installed alone, started by its bin. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { newBranch, requestText } from '../support/raw-message.ts';
import { openEnd } from '../support/raw-sip.ts';
import { projectRoot, RouterProcess } from '../support/router-process.ts';
import { routesYaml, twoSides } from '../support/two-sides.ts';

const sides = twoSides(16);
const site = mkdtempSync(join(tmpdir(), 'pif-site-'));
const bin = join(site, 'node_modules/.bin/pif-router');
// The bin asks env for node: the one that the tests run on, whatever else the machine has.
const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` };
const npm = (cwd: string, ...args: string[]): string =>
  execFileSync('npm', args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}
let packed: Packed;

beforeAll(() => {
  const told = JSON.parse(npm(projectRoot, 'pack', '--json', '--pack-destination', site)) as Packed[];
  packed = told[0]!;
  writeFileSync(join(site, 'package.json'), '{ "private": true }');
  npm(site, 'install', '--omit=dev', '--prefer-offline', `./${packed.filename}`);
}, 120_000);
afterAll(() => rmSync(site, { recursive: true }));

test('the package holds the program, its configuration and how to make certificates, but no source, test or key', () => {
  const paths = packed.files.map(({ path }) => path);
  expect(paths).toEqual(
    expect.arrayContaining([
      'dist/main.js',
      'routes.yaml',
      'test/support/users.ldif',
      'README.md',
      'docs/operate.md',
      'certs/make-csr.sh',
      'certs/make-dev-certs.sh',
    ]),
  );
  expect(paths.filter((path) => /^(src|bench|\.)|\.test\.|\.(key|crt|ts)$/.test(path))).toEqual([]);
});

test('the installed program starts by its bin, answers OPTIONS, and ends with 0 when asked to', async () => {
  const router = await RouterProcess.start({
    command: [process.execPath, bin],
    routes: routesYaml(sides, { certificates: inject('certificates') }),
  });
  const peer = await openEnd({ transport: 'udp', address: sides.cisco, to: { address: sides.router, port: 5060 } });
  peer.send(requestText({ method: 'OPTIONS', uri: `sip:${sides.router}`, via: [`${peer.via};branch=${newBranch()}`] }));
  const answer = await peer.take(200);
  await peer.close();
  expect(answer.header('CSeq')).toBe('1 OPTIONS');
  const [, toTry = ''] = /^try +(.+)$/m.exec(router.output) ?? [];
  expect(toTry).toBe(`${bin} explain MESSAGE sip:bob@udp.example.com --from-peer ${sides.cisco} ${router.file}`);
  expect(execFileSync('sh', ['-c', toTry], { cwd: router.folder, env, encoding: 'utf8' })).toMatch(/^forward from /m);
  expect(await router.stop()).toBe(0);
});

test('the shipped routes.yaml is sound in the installed package as soon as there are certificates', () => {
  const installed = join(site, 'node_modules/pif-router');
  execFileSync(join(installed, 'certs/make-dev-certs.sh'), { stdio: 'ignore' });
  expect(() => execFileSync(bin, ['check', join(installed, 'routes.yaml')], { env, stdio: 'pipe' })).not.toThrow();
});
