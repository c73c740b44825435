/** Which changes beside a watched file are noticed, as editors, certificate tools and Kubernetes make them, and which are not. */
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FileWatch } from '../../../src/config/watch.ts';
import { digestOf } from '../../../src/settings/text-file.ts';
import { until } from '../../support/until.ts';

let folder: string;
let watch: FileWatch;
let changes: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pif-router-watch-'));
  changes = 0;
  // The look now and then would notice everything.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  watch = new FileWatch(() => {
    changes += 1;
  });
});

afterEach(() => {
  watch.close();
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

const at = (name: string): string => join(folder, name);

const watchRoutes = (): void => {
  const path = at('routes.yaml');
  watch.watch([{ path, digest: digestOf(readFileSync(path)) }]);
};

/** The folders of a ConfigMap: the files are links to `..data`, which is a link to the version in force. */
const mountVersion = (version: string): void => {
  mkdirSync(at(`..${version}`));
  writeFileSync(at(`..${version}/routes.yaml`), version);
  symlinkSync(`..${version}`, at('..data_tmp'));
  renameSync(at('..data_tmp'), at('..data'));
};

test('a file that is written in place', async () => {
  writeFileSync(at('routes.yaml'), 'first');
  watchRoutes();
  writeFileSync(at('routes.yaml'), 'second');
  await until(() => changes === 1);
});

test('a file that is replaced by another, time and again', async () => {
  writeFileSync(at('routes.yaml'), 'first');
  watchRoutes();
  for (const count of [1, 2]) {
    writeFileSync(at('4913~'), `version ${count}`);
    renameSync(at('4913~'), at('routes.yaml'));
    await until(() => changes === count);
  }
});

test('a symbolic link on the way to the file that is replaced, as Kubernetes does it', async () => {
  mountVersion('first');
  symlinkSync('..data/routes.yaml', at('routes.yaml'));
  watchRoutes();
  mountVersion('second');
  await until(() => changes === 1);
});

test('a file beside it that it is a symbolic link to, written in place', async () => {
  writeFileSync(at('routes-tuesday.yaml'), 'first');
  symlinkSync('routes-tuesday.yaml', at('routes.yaml'));
  watchRoutes();
  appendFileSync(at('routes-tuesday.yaml'), 'second');
  await until(() => changes === 1);
});

test('a change is noticed while a log is written beside it all the time', async () => {
  writeFileSync(at('routes.yaml'), 'first');
  watchRoutes();
  appendFileSync(at('router.log'), 'line\n');
  writeFileSync(at('routes.yaml'), 'second');
  while (changes === 0) {
    appendFileSync(at('router.log'), 'line\n');
    await setTimeout(20);
  }
  expect(changes).toBe(1);
});
