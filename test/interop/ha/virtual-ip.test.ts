/** Two nodes behind one virtual address, active and standby, with Debian's keepalived, each in a network namespace of its own. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { command, socketOf } from '../../support/admin.ts';
import { projectRoot, type RouterProcess } from '../../support/router-process.ts';
import { until } from '../../support/until.ts';
import { expectOnlyUnderWayLost } from './losses.ts';
import { addresses, Network, type Node, whyNoNetwork } from './network.ts';
import { NodeKeys, startRouter } from './nodes.ts';
import { Peers } from './peers.ts';

const why = whyNoNetwork();
const virtual = { address: addresses.virtual, port: 5060 };

const page = readFileSync(join(projectRoot, 'docs/two-nodes.md'), 'utf8');

/** The example of docs/two-nodes.md, with a socket and a user of this test's. */
const keepalivedConf = (socket: string, priority: number): string => {
  const [example] = /^ {4}global_defs \{\n(?: {4}.*\n)+/m.exec(page) ?? [''];
  return example
    .replace('script_user pif-router', 'script_user root')
    .replace('/run/pif-router/admin.sock', socket)
    .replace('priority 150', `priority ${priority}`);
};

const title = `two nodes behind a virtual address${why === undefined ? '' : ` (skipped: ${why})`}`;

describe.skipIf(why !== undefined)(title, () => {
  let network: Network;
  let peers: Peers;
  let keys: NodeKeys;
  const routers = new Map<Node, RouterProcess>();
  const cleanups: (() => unknown)[] = [];

  const startNode = async (node: Node, priority: number): Promise<void> => {
    const router = await startRouter(network, node, '0.0.0.0', keys);
    routers.set(node, router);
    cleanups.push(() => router.stop());
    const file = join(router.folder, 'keepalived.conf');
    writeFileSync(file, keepalivedConf(socketOf(router), priority));
    const own = ['--pid', join(router.folder, 'keepalived.pid'), '--vrrp_pid', join(router.folder, 'vrrp.pid')];
    const [program, ...args] = [...network.on(node), 'keepalived', '--dont-fork', '--vrrp', '--use-file', file, ...own];
    const keeper = spawn(program, args, { stdio: 'ignore' });
    cleanups.push(() => keeper.kill('SIGTERM') && once(keeper, 'close'));
  };

  beforeAll(async () => {
    console.log(execFileSync('sh', ['-c', 'keepalived --version 2>&1'], { encoding: 'utf8' }).split('\n')[0]);
    network = new Network();
    cleanups.push(() => network.remove());
    keys = new NodeKeys();
    cleanups.push(() => keys.remove());
    peers = await Peers.start(network);
    cleanups.push(() => peers.stop());
    await startNode('a', 150);
    await startNode('b', 100);
    await until(() => network.active === 'a');
  });

  afterAll(async () => {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  });

  test('a drained node gives the address to the other, and a dialog goes on there; undrained, it takes it back', async () => {
    await peers.openDialog(virtual);
    await peers.goOn(virtual, 'INFO', 2);
    expect(await command(routers.get('a')!, 'drain')).toMatchObject({ code: 0 });
    await until(() => network.active === 'b');
    await peers.goOn(virtual, 'BYE', 3);
    await command(routers.get('a')!, 'undrain');
    await until(() => network.active === 'a');
  });

  test('kill -9 of the active node under load: what was under way in it is lost, everything else is answered, and a dialog goes on', async () => {
    await peers.openDialog(virtual);
    await peers.startLoad([virtual], 200);
    await peers.awaitAnswers(200);
    routers.get('a')!.signal('SIGKILL');
    await until(() => network.active === 'b');
    await peers.awaitAnswers(400);
    expectOnlyUnderWayLost('kill -9 behind a virtual address', await peers.stopLoad());
    await peers.goOn(virtual, 'BYE', 2);
  });
});
