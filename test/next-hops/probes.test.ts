/** OPTIONS probes on the wire: what they say, that they go by the connection of the requests, and what the answers lead to. */
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { credentials } from '../support/development-certificates.ts';
import { MessageLoad } from '../support/message-load.ts';
import { responseText } from '../support/raw-message.ts';
import { openEnd, type RawEnd, type Received, type Transport } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { domainOf, portOf, routesYaml, twoSides } from '../support/two-sides.ts';
import { until } from '../support/until.ts';

const sides = twoSides(50);
const transports: readonly Transport[] = ['udp', 'tcp', 'tls'];

let router: RouterProcess;
let ends: RawEnd[] = [];

const startRouter = async (transport: Transport, health: string): Promise<void> => {
  const certificates = inject('certificates');
  router = await RouterProcess.start({
    routes: routesYaml(sides, { certificates, transports: [transport], health, failoverAfter: '300ms' }),
  });
};

beforeEach(() => {
  ends = [];
});
afterEach(async () => {
  await router?.stop();
  await Promise.all(ends.map((end) => end.close()));
});

async function open(transport: Transport, side: 'cisco' | 'microsoft', connects: boolean): Promise<RawEnd> {
  const end = await openEnd({
    transport,
    address: sides[side],
    credentials: credentials(inject('certificates'), side === 'cisco' ? 'imp1' : 'fe1'),
    ...(connects ? { to: { address: sides.router, port: portOf(transport) } } : { port: portOf(transport) }),
  });
  ends.push(end);
  return end;
}

const changes = (): string[] =>
  router.logLines
    .filter(({ event, target }) => event === 'target-health' && String(target).includes(sides.microsoft))
    .map(({ to, reason }) => `${to}: ${reason}`);

describe.each(transports)('over %s', (transport) => {
  test('a probe is a request as RFC 3261 §11.1 has it, and goes by the connection of the requests', async () => {
    const server = await open(transport, 'microsoft', false);
    server.respond((request) => (request.method === undefined ? undefined : responseText(request, 200)));
    await startRouter(transport, '{ probe: { every: 1s, timeout: 1s } }');
    const probe = await server.take('OPTIONS');

    const host = transport === 'tls' ? 'fe1.example.com' : sides.microsoft;
    const uri = `sip:${host}:${portOf(transport)};transport=${transport}`;
    expect(probe.requestUri).toBe(uri);
    expect(probe.header('To')).toBe(`<${uri}>`);
    expect(probe.header('From')).toMatch(/^<sip:router\.example\.com:\d+;transport=\w+>;tag=\w+$/);
    expect(probe.headers('Via')).toHaveLength(1);
    expect(probe.header('Via')).toMatch(
      new RegExp(`^SIP/2.0/${transport.toUpperCase()} router\\.example\\.com:\\d+;branch=z9hG4bK`),
    );
    expect(probe.header('CSeq')).toBe('1 OPTIONS');
    expect(probe.header('Max-Forwards')).toBe('70');
    expect(probe.header('Call-ID')).toMatch(/^\w{20,}@router\.example\.com$/);
    expect(probe.header('Contact')).toMatch(/^<sip:router\.example\.com:\d+/);
    expect(probe.header('Accept')).toBe('application/sdp');
    expect(probe.header('Content-Length')).toBe('0');

    const client = await open(transport, 'cisco', true);
    const load = new MessageLoad(client, `sip:bob@${domainOf(transport)}`);
    load.send();
    const message = await server.take('MESSAGE');
    const next = await server.take('OPTIONS');
    expect(message.from.port).toBe(probe.from.port);
    expect(next.from.port).toBe(probe.from.port);
    expect((await load.stop()).answers).toEqual({ 200: 1 });
  });

  test('a hop that answers 503 or nothing is told as down, and as up when it is well again', async () => {
    const server = await open(transport, 'microsoft', false);
    let answer: number | undefined = 503;
    server.respond((request: Received) =>
      request.method === undefined || answer === undefined ? undefined : responseText(request, answer),
    );
    await startRouter(transport, '{ probe: { every: 1s, timeout: 1s }, slow-return: 0s }');
    await until(() => changes().at(-1)?.startsWith('down'));
    answer = 404;
    await until(() => changes().at(-1)?.startsWith('up'));
    answer = undefined;
    await until(() => changes().at(-1)?.startsWith('down'));
    expect(changes()).toEqual([
      'suspect: OPTIONS: 503',
      'down: OPTIONS: 503',
      'up: OPTIONS: 404',
      'suspect: OPTIONS: no answer',
      'down: OPTIONS: no answer',
    ]);
  });
});

describe.each(['tcp', 'tls'] as const)('a dead connection over %s', (transport) => {
  test('whose end nobody has told is left for a new one, by which the hop is found well', async () => {
    const server = await open(transport, 'microsoft', false);
    const deaf = new Set<number>();
    server.respond((request: Received) =>
      request.method === undefined || deaf.has(request.from.port) ? undefined : responseText(request, 200),
    );
    await startRouter(transport, '{ probe: { every: 1s, timeout: 1s }, slow-return: 0s }');
    const first = await server.take('OPTIONS');
    deaf.add(first.from.port);
    await until(() => changes().some((change) => change.startsWith('down')));
    await until(() => changes().at(-1)?.startsWith('up'));
    const client = await open(transport, 'cisco', true);
    const load = new MessageLoad(client, `sip:bob@${domainOf(transport)}`);
    load.send();
    expect((await load.stop()).answers).toEqual({ 200: 1 });
    expect((await server.take('MESSAGE')).from.port).not.toBe(first.from.port);
  });
});

test('without probes no OPTIONS is sent, and traffic tells: the only hop is tried however often it fails', async () => {
  await startRouter('tcp', '{ probe: { enabled: false, every: 10m } }');
  const client = await open('tcp', 'cisco', true);
  const load = new MessageLoad(client, `sip:bob@${domainOf('tcp')}`);
  const answered = async (count: number): Promise<void> => until(() => load.answered === count).then(() => undefined);
  for (let i = 1; i <= 3; i++) {
    load.send();
    await answered(i);
  }
  const server = await open('tcp', 'microsoft', false);
  server.respond((request) => (request.method === undefined ? undefined : responseText(request, 200)));
  load.send();
  await answered(4);
  expect((await load.stop()).answers).toEqual({ 200: 1, 503: 3 });
  await until(() => changes().length > 0);
  expect(changes()).toEqual([expect.stringMatching(/^down: connect-refused/)]);
  expect(server.inbox.filter(({ method }) => method === 'OPTIONS')).toEqual([]);
});
