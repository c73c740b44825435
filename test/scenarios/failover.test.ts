/** Two Microsoft servers, the second for when the first cannot serve (RFC 3263 §4.3). */
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { openEnd, type Transport } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { startServer } from '../support/sipp.ts';
import { domainOf, portOf, routesYaml, twoSides } from '../support/two-sides.ts';
import { credentialsOf, expectAllCalls, expectAnswer } from './through-router.ts';

const sides = twoSides(15);
const transports: readonly Transport[] = ['udp', 'tcp', 'tls'];
const second = (transport: Transport): string =>
  `{ to: microsoft, pattern: ${domainOf(transport)}, next-hop: ${sides.microsoft2}, port: ${portOf(transport)},
      transport: ${transport}, priority: 2${transport === 'tls' ? ', tls-name: fe1.example.com' : ''} }`;

/** A new one for each test: what it has seen of a server in one is not to decide in the next whom it asks first. */
let router: RouterProcess;
const startRouter = async (failoverAfter: string): Promise<void> => {
  const certificates = inject('certificates');
  const routes = transports.map(second);
  router = await RouterProcess.start({ routes: routesYaml(sides, { certificates, routes, failoverAfter }) });
};
/** A busy server is not a silent one. */
beforeEach(() => startRouter('10s'));
/** Over UDP silence is all that a server which is not there shows. */
const haveLittlePatience = async (): Promise<void> => {
  await router.stop();
  await startRouter('300ms');
};
afterEach(() => router?.stop());

const answering = (scenario: string, address: string, transport: Transport) =>
  startServer({
    scenario,
    transport,
    at: { address, port: portOf(transport) },
    calls: 3,
    credentials: credentialsOf('microsoft'),
  });

/** Three messages from Cisco, each of which the second server must take. */
async function expectSecondServes(transport: Transport): Promise<void> {
  const server = await answering('uas-message-answer-200', sides.microsoft2, transport);
  try {
    await expectAnswer({ sides, from: 'cisco', near: transport, far: transport, client: 'uac-message-expect-200' });
    expectAllCalls('the second server', await server.finished, 3);
  } finally {
    await server.stop();
  }
}

describe.each(transports)('over %s', (transport) => {
  test('the first server answers 503: the second one answers, and the sender never sees the 503', async () => {
    const overloaded = await answering('uas-message-answer-503', sides.microsoft, transport);
    try {
      await expectSecondServes(transport);
    } finally {
      await overloaded.stop();
    }
  });

  test('every server answers 503: the sender is told 500 (RFC 3261 §16.7 step 6)', async () => {
    const both = await Promise.all(
      [sides.microsoft, sides.microsoft2].map((address) => answering('uas-message-answer-503', address, transport)),
    );
    try {
      await expectAnswer({ sides, from: 'cisco', near: transport, far: transport, client: 'uac-message-expect-500' });
    } finally {
      await Promise.all(both.map((server) => server.stop()));
    }
  });

  test('the recipient declines with 603 at the first server: that is the answer, the second one is not asked', async () => {
    const [declining, other] = await Promise.all([
      answering('uas-message-answer-603', sides.microsoft, transport),
      answering('uas-message-answer-200', sides.microsoft2, transport),
    ]);
    try {
      await expectAnswer({ sides, from: 'cisco', near: transport, far: transport, client: 'uac-message-expect-603' });
    } finally {
      expect(await other.stop()).toMatchObject({ messages: '' });
      await declining.stop();
    }
  });

  // Last, because over UDP what a silent server was sent is retransmitted for a while (RFC 3261 §17.1.2.2).
  test('the first server takes the message and says nothing: the second one answers', async () => {
    await haveLittlePatience();
    const silent = await openEnd({
      transport,
      address: sides.microsoft,
      port: portOf(transport),
      credentials: credentialsOf('microsoft'),
    });
    try {
      await expectSecondServes(transport);
      expect(silent.inbox.length).toBeGreaterThan(0);
    } finally {
      await silent.close();
    }
  });

  test('the first server is not there: the second one answers', async () => {
    await haveLittlePatience();
    await expectSecondServes(transport);
  });
});
