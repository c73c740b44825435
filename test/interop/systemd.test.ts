/** Against systemd's own programs: what the router says to the service manager, and the unit that it prints (sd_notify(3)). */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import type { OwnProcess } from '../../src/cli/command.ts';
import { command as unit } from '../../src/cli/unit.ts';
import { command, reload } from '../support/admin.ts';
import { mainFile, RouterProcess } from '../support/router-process.ts';
import { run } from '../support/run-command.ts';
import { routesYaml, twoSides } from '../support/two-sides.ts';
import { until } from '../support/until.ts';

const sides = twoSides(45);
const routes = `${routesYaml(sides, { certificates: inject('certificates') })}reload: { watch: false }\n`;

/** A service manager's end of the socket: prints each datagram as a line. Node has no such sockets, Debian's perl has. */
const manager = `
  use IO::Socket::UNIX; use Socket; $| = 1;
  my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die $!;
  while (defined $socket->recv(my $message, 4096)) { $message =~ s/\\n/ /g; print "$message\\n"; }
`;

let folder: string;
let socket: string;
let perl: ChildProcess;
let heard = '';

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pif-notify-'));
  socket = join(folder, 'notify');
  heard = '';
  perl = spawn('perl', ['-e', manager, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  perl.stdout?.setEncoding('utf8').on('data', (text: string) => {
    heard += text;
  });
  await until(() => existsSync(socket));
});

afterEach(async () => {
  perl.kill();
  await once(perl, 'close');
  rmSync(folder, { recursive: true });
});

const startNotifying = (...variables: readonly string[]): Promise<RouterProcess> =>
  RouterProcess.start({
    command: ['env', `NOTIFY_SOCKET=${socket}`, ...variables, process.execPath, mainFile],
    routes,
  });

/** What was said that is not the barrier that systemd-notify ends with. */
const said = (): readonly string[] => heard.split('\n').filter((line) => line !== '' && !line.startsWith('BARRIER'));

test('readiness, both ends of a reload, and the stop are told in their order', async () => {
  console.log(execFileSync('systemd-notify', ['--version'], { encoding: 'utf8' }).split('\n')[0]);
  const router = await startNotifying();
  await until(() => said().length === 1);
  expect(await reload(router)).toMatchObject({ number: 2 });
  await until(() => said().length === 3);
  expect(await router.stop()).toBe(0);
  expect(said()).toEqual([
    expect.stringMatching(/^READY=1 STATUS=configuration 1, 3 listeners ?$/),
    expect.stringMatching(/^RELOADING=1 MONOTONIC_USEC=\d+ ?$/),
    expect.stringMatching(/^READY=1 STATUS=configuration 2, 3 listeners ?$/),
    expect.stringMatching(/^STOPPING=1 STATUS=draining EXTEND_TIMEOUT_USEC=40000000 ?$/),
  ]);
});

test('the watchdog is fed as long as the router lives, and not by a loop that hangs', async () => {
  const router = await startNotifying('WATCHDOG_USEC=200000');
  const fed = () => said().filter((line) => line.startsWith('WATCHDOG=1')).length;
  await until(() => fed() >= 3);
  router.signal('SIGSTOP');
  // What a child has said already still comes.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const before = fed();
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(fed()).toBe(before);
  router.signal('SIGCONT');
  await until(() => fed() > before);
  await router.stop();
});

test('the watchdog of another process is not ours to feed', async () => {
  const router = await startNotifying('WATCHDOG_USEC=100000', 'WATCHDOG_PID=1');
  await until(() => said().length === 1);
  await router.stop();
  expect(said().filter((line) => line.startsWith('WATCHDOG'))).toEqual([]);
});

test('systemd finds no fault with the unit that is printed, and holds it for well confined', async () => {
  const router = await RouterProcess.start({ routes });
  const { code, stdout } = await command(router, 'unit');
  expect(code).toBe(0);
  const file = join(folder, 'pif-router.service');
  writeFileSync(file, stdout);
  // What it does not understand it ignores, with a word and without a failure.
  expect(spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  const judged = execFileSync('systemd-analyze', ['security', '--offline=true', '--threshold=20', file], {
    encoding: 'utf8',
  });
  console.log(judged.trim().split('\n').at(-1));
  expect(stdout).toContain('TimeoutStopSec=40');
  await router.stop();
});

test('systemd reads each path of a unit as it is', async () => {
  const odd = join(folder, `a b$HOME%h"c'd\\e`);
  mkdirSync(odd);
  writeFileSync(join(odd, 'routes.yaml'), routesYaml(sides, { certificates: inject('certificates') }));
  // Of a program it takes no quotes.
  const node = join(folder, 'a b$HOME%h');
  symlinkSync(process.execPath, node);
  const called: OwnProcess['program'] = [node, mainFile];
  const { code, out } = await run(unit, [join(odd, 'routes.yaml')], called);
  expect(code).toBe(0);
  const file = join(folder, 'odd.service');
  writeFileSync(file, out.join('\n'));
  const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', file], {
    encoding: 'utf8',
    env: { ...process.env, SYSTEMD_LOG_LEVEL: 'debug', SYSTEMD_LOG_TARGET: 'console' },
  });
  const told = stdout + stderr;
  expect(status).toBe(0);
  // In its own words: with quotes and backslashes before what is special to a shell, and `$$` as it stands in the unit.
  const shown = (path: string): string => `"${path.replace(/["\\$`]/g, '\\$&')}"`;
  expect(told).toContain(`Command Line: ${shown(node)} `);
  expect(told).toContain(` start ${shown(join(odd, 'routes.yaml').replaceAll('$', '$$$$'))}`);
  expect(told).toContain(`ReadWritePaths: ${odd}\n`);
});
