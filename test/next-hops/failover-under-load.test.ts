/** The active hop is killed, hangs and comes back under a load of 1,000 MESSAGE/s: every message is answered with 200, once. */
import { afterEach, describe, expect, inject, onTestFinished, test } from 'vitest';
import { credentials } from '../support/development-certificates.ts';
import { HopServer } from '../support/hop-server.ts';
import { MessageLoad, percentile } from '../support/message-load.ts';
import { openEnd, type Transport } from '../support/raw-sip.ts';
import { pause, RouterProcess } from '../support/router-process.ts';
import { domainOf, portOf, routesYaml, twoSides } from '../support/two-sides.ts';
import { until } from '../support/until.ts';

const sides = twoSides(49);
const transports: readonly Transport[] = ['tcp', 'tls'];
const perSecond = 1_000;

const backup = (transport: Transport): string =>
  `{ to: microsoft, pattern: ${domainOf(transport)}, next-hop: ${sides.microsoft2}, port: ${portOf(transport)},
      transport: ${transport}, priority: 2${transport === 'tls' ? ', tls-name: fe2.example.com' : ''} }`;

/** However the test ends, its address is free for the next one. */
async function startHop(transport: Transport, address: string): Promise<HopServer> {
  const hop = await HopServer.start({
    transport,
    address,
    port: portOf(transport),
    certificates: inject('certificates'),
    certificate: address === sides.microsoft ? 'fe1' : 'fe2',
  });
  onTestFinished(() => hop.kill());
  return hop;
}

let router: RouterProcess;
/** Once its hops listen: one that is down at first would have its share grow slowly. */
const startRouter = async (): Promise<void> => {
  const certificates = inject('certificates');
  const health = '{ probe: { every: 300ms, timeout: 300ms }, slow-return: 1s }';
  const routes = transports.map(backup);
  router = await RouterProcess.start({
    routes: `${routesYaml(sides, { certificates, routes, transports, failoverAfter: '500ms', health })}
log: { decisions: none }
`,
  });
};
afterEach(() => router?.stop());

const changesOf = (address: string): string[] =>
  router.logLines
    .filter(({ event, target }) => event === 'target-health' && String(target).includes(address))
    .map(({ to }) => String(to));

async function startLoad(transport: Transport): Promise<MessageLoad> {
  const end = await openEnd({
    transport,
    address: sides.cisco,
    to: { address: sides.router, port: portOf(transport) },
    credentials: credentials(inject('certificates'), 'imp1'),
  });
  const load = new MessageLoad(end, `sip:bob@${domainOf(transport)}`);
  onTestFinished(async () => {
    await load.stop(0);
    await end.close();
  });
  void load.run(perSecond);
  return load;
}

describe.each(transports)('over %s', (transport) => {
  test('the active hop is killed, and comes back: no message is lost, and it gets its share again', async () => {
    const [first, second] = await Promise.all([
      startHop(transport, sides.microsoft),
      startHop(transport, sides.microsoft2),
    ]);
    await startRouter();
    const load = await startLoad(transport);
    await until(() => load.answered > perSecond);
    const before = await second.counts();
    expect(before.MESSAGE).toBeUndefined();

    await first.kill();
    const sentWhenKilled = load.sent;
    await until(() => load.answered > sentWhenKilled + perSecond);
    const back = await startHop(transport, sides.microsoft);
    await until(() => changesOf(`${sides.microsoft}:${portOf(transport)}`).at(-1) === 'up');
    await pause(1_500);
    const result = await load.stop();

    expect({ ...result, ms: [] }).toEqual({
      sent: result.sent,
      answers: { 200: result.sent },
      twice: 0,
      unanswered: 0,
      ms: [],
    });
    expect((await second.counts()).MESSAGE).toBeGreaterThan(perSecond / 2);
    expect((await back.counts()).MESSAGE).toBeGreaterThan(perSecond / 2);
    console.log(
      `${transport}: ${result.sent} messages, p50 ${percentile(result.ms, 0.5).toFixed(1)} ms, p99.9 ${percentile(result.ms, 0.999).toFixed(1)} ms, slowest ${result.ms.at(-1)?.toFixed(1)} ms`,
    );
  });

  test('the active hop hangs: what it has taken goes to the other after failover-after, and all else at once', async () => {
    const [first] = await Promise.all([startHop(transport, sides.microsoft), startHop(transport, sides.microsoft2)]);
    await startRouter();
    const load = await startLoad(transport);
    await until(() => load.answered > perSecond / 2);

    await first.hang();
    await until(() => changesOf(`${sides.microsoft}:${portOf(transport)}`).at(-1) === 'down');
    const sentWhenDown = load.sent;
    await until(() => load.answered > sentWhenDown + perSecond / 2);
    first.goOn();
    const result = await load.stop();

    expect(result.answers).toEqual({ 200: result.sent });
    expect(result.unanswered).toBe(0);
  });
});
