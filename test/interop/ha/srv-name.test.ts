/** Two nodes behind one name: SRV says which is asked first, and a peer that finds one dead takes the other (RFC 3263 §4.3). */
import { Resolver } from 'node:dns/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { command, reload } from '../../support/admin.ts';
import { DnsServer } from '../../support/dns-server.ts';
import type { Address } from '../../support/raw-message.ts';
import type { RouterProcess } from '../../support/router-process.ts';
import { expectOnlyUnderWayLost } from './losses.ts';
import { addresses, Network, type Node, whyNoNetwork } from './network.ts';
import { NodeKeys, startRouter } from './nodes.ts';
import { Peers } from './peers.ts';

const why = whyNoNetwork();

/** As docs/two-nodes.md has it: the shared name leads to both nodes, by SRV in an order, and by address for Record-Route. */
const records = [
  'srv-host=_sip._tcp.router.example.com,a.router.example.com,5060,10',
  'srv-host=_sip._tcp.router.example.com,b.router.example.com,5060,20',
  `host-record=a.router.example.com,${addresses.a}`,
  `host-record=b.router.example.com,${addresses.b}`,
  `host-record=router.example.com,${addresses.a}`,
  `host-record=router.example.com,${addresses.b}`,
];

const title = `two nodes behind one SRV name${why === undefined ? '' : ` (skipped: ${why})`}`;

describe.skipIf(why !== undefined)(title, () => {
  let network: Network;
  let peers: Peers;
  let keys: NodeKeys;
  const resolver = new Resolver();
  const routers = new Map<Node, RouterProcess>();
  const cleanups: (() => unknown)[] = [];

  beforeAll(async () => {
    network = new Network();
    cleanups.push(() => network.remove());
    const dns = await DnsServer.start('127.0.46.53', 5353, records);
    cleanups.push(() => dns.close());
    resolver.setServers([dns.server]);
    keys = new NodeKeys();
    cleanups.push(() => keys.remove());
    peers = await Peers.start(network);
    cleanups.push(() => peers.stop());
    for (const node of ['a', 'b'] as const) {
      const router = await startRouter(network, node, addresses[node], keys);
      routers.set(node, router);
      cleanups.push(() => router.stop());
    }
  });

  afterAll(async () => {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  });

  /** What a peer does with the name: SRV in order of priority, each target by its address. */
  const places = async (): Promise<readonly Address[]> => {
    const found = await resolver.resolveSrv('_sip._tcp.router.example.com');
    const inOrder = found.toSorted((one, other) => one.priority - other.priority);
    return Promise.all(inOrder.map(async ({ name, port }) => ({ address: (await resolver.resolve4(name))[0]!, port })));
  };

  test('a dialog that was opened through one node goes on through the other, and back', async () => {
    const [first, second] = await places();
    expect([first?.address, second?.address]).toEqual([addresses.a, addresses.b]);
    expect(await peers.openDialog(first!)).toMatch(/^<sip:router\.example\.com:5060;transport=tcp;lr;pif=\w+>$/);
    expect((await resolver.resolve4('router.example.com')).toSorted()).toEqual([addresses.a, addresses.b]);
    await peers.goOn(second!, 'INFO', 2);
    await peers.goOn(first!, 'BYE', 3);
  });

  test('keys are rotated on one node and copied later: dialogs of before and between go on through the other', async () => {
    const [first, second] = await places();
    const [a, b] = [routers.get('a')!, routers.get('b')!];
    await peers.openDialog(first!);
    expect(await command(a, 'keys', 'rotate')).toMatchObject({ code: 0 });
    expect(await reload(a)).toMatchObject({ outcome: 'applied' });
    await peers.goOn(second!, 'INFO', 2);
    await peers.goOn(first!, 'BYE', 3);
    await peers.openDialog(first!);
    await peers.goOn(second!, 'INFO', 2);
    keys.copy();
    expect(await reload(b)).toMatchObject({ outcome: 'applied' });
    await peers.goOn(second!, 'INFO', 3);
    await peers.goOn(first!, 'BYE', 4);
  });

  test('kill -9 of the first node under load: what was under way in it is lost, everything else is answered by the other', async () => {
    const both = await places();
    await peers.openDialog(both[0]!);
    await peers.startLoad(both, 200);
    await peers.awaitAnswers(200);
    routers.get('a')!.signal('SIGKILL');
    await peers.awaitAnswers(400);
    expectOnlyUnderWayLost('kill -9 behind an SRV name', await peers.stopLoad());
    await peers.goOn(both[1]!, 'BYE', 2);
  });
});
