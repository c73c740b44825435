/** A peer that is known by name only writes its address into Contact and Record-Route, as IM&P does: dialogs follow it there. */
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { credentials } from '../support/development-certificates.ts';
import { DnsServer } from '../support/dns-server.ts';
import { newBranch, newTag, RawMessage, requestText, responseText } from '../support/raw-message.ts';
import { openEnd, type RawEnd, type Received, type Transport } from '../support/raw-sip.ts';
import { pause, RouterProcess } from '../support/router-process.ts';
import { portOf, twoSides } from '../support/two-sides.ts';

const sides = twoSides(118);
const nameserver = '127.0.118.53';
const recordsFor = (address: string) => [`host-record=imp1.example.com,${address}`];
const bob = 'sip:bob@example.com';

const routesFor = (by: Transport, workers: number): string => {
  const certificates = inject('certificates');
  return `node: { name: router.example.com }
workers: ${workers}
domains: [example.com]
listen:
  - { transport: tcp, address: ${sides.router}, port: 5060 }
  - { transport: tls, address: ${sides.router}, port: 5061 }
tls:
  default:
    certificate: ${certificates}/router.crt
    key: ${certificates}/router.key
    ca: ${certificates}/ca.crt
    client-certificate: required
access:
  - { side: cisco, from: imp1.example.com }
  - { side: microsoft, from: ${sides.microsoft} }
routes:
  - { to: cisco, pattern: example.com, next-hop: imp1.example.com, port: ${portOf(by)}, transport: ${by} }
  - { to: microsoft, pattern: example.com, next-hop: ${sides.microsoft} }
health: { probe: { enabled: false } }
dns: { servers: ["${nameserver}:5353"], refresh: 1s, negative: 100ms }
stop: { drain: 200ms }
`;
};

let dns: DnsServer;
let router: RouterProcess | undefined;
const ends: RawEnd[] = [];

const open = async (options: Parameters<typeof openEnd>[0]): Promise<RawEnd> => {
  const end = await openEnd(options);
  ends.push(end);
  return end;
};

beforeAll(async () => {
  dns = await DnsServer.start(nameserver, 5353, recordsFor(sides.cisco));
});
afterEach(async () => {
  await router?.stop();
  router = undefined;
  await Promise.all(ends.splice(0).map((end) => end.close()));
});
afterAll(() => dns.close());

/** A call from Microsoft, answered with a Contact that is an address, as the caller knows it. */
async function callFrom(caller: RawEnd, callee: RawEnd, contact: string) {
  const sent = new RawMessage(
    requestText({ method: 'INVITE', uri: bob, via: [`${caller.via};branch=${newBranch()}`], callId: newTag() }),
  );
  const ofCall = (message: Received) => message.text.includes(sent.header('Call-ID')!);
  caller.send(sent.text);
  const arrived = await callee.take((message) => message.method === 'INVITE' && ofCall(message));
  arrived.reply(responseText(arrived, 200, { headers: [`Contact: <${contact}>`] }));
  const ok = await caller.take((message) => message.status === 200 && ofCall(message));
  const routes = ok
    .headers('Record-Route')
    .flatMap((line) => line.split(/,(?=\s*<)/))
    .reverse();
  return {
    bye: (uri = contact) =>
      requestText({
        method: 'BYE',
        uri,
        via: [`${caller.via};branch=${newBranch()}`],
        callId: ok.header('Call-ID')!,
        from: ok.header('From')!,
        to: ok.header('To')!,
        cseq: 2,
        headers: routes.map((route) => `Route: ${route.trim()}`),
      }),
  };
}

const sipTo = (port: number) => ({ address: sides.router, port });

describe.each([
  ['tcp', 1],
  ['tls', 1],
  ['tls', 2],
] as const)('over %s, with %d workers', (by, workers) => {
  test('a request within a dialog reaches the address of a hop that is known by name', async () => {
    router = await RouterProcess.start({ routes: routesFor(by, workers) });
    const proof = by === 'tls' ? { credentials: credentials(inject('certificates'), 'imp1') } : {};
    const imp = await open({ transport: by, address: sides.cisco, port: portOf(by), ...proof });
    const federation = await open({ transport: 'tcp', address: sides.cisco, port: 5080 });
    federation.respond((request) => responseText(request, 200));
    const contact = `sip:${sides.cisco}:5080;transport=tcp`;

    // By several connections, so that each worker has some: whichever has met the hop, all know where it is.
    for (let i = 0; i < 4 * workers; i += 1) {
      const caller = await open({ transport: 'tcp', address: sides.microsoft, to: sipTo(5060) });
      const { bye } = await callFrom(caller, imp, contact);
      const other = await open({ transport: 'tcp', address: sides.microsoft, to: sipTo(5060) });
      await pause(50);
      for (const end of [caller, other]) {
        end.send(bye());
        await end.take(({ status, text }) => status === 200 && text.includes('CSeq: 2 BYE'));
      }
    }

    const caller = await open({ transport: 'tcp', address: sides.microsoft, to: sipTo(5060) });
    const { bye } = await callFrom(caller, imp, contact);
    caller.send(bye(`sip:${sides.stranger}:5080;transport=tcp`));
    const refused = await caller.take(({ status, text }) => status !== 200 && text.includes('CSeq: 2 BYE'));
    expect([refused.status, refused.header('Warning')]).toEqual([403, expect.stringContaining('target-not-a-peer')]);
  });
});

test('where the name has led within the hour is still a place of the hop', async () => {
  router = await RouterProcess.start({ routes: routesFor('tcp', 1) });
  const imp = await open({ transport: 'tcp', address: sides.cisco, port: 5060 });
  const moved = await open({ transport: 'tcp', address: sides.microsoft2, port: 5060 });
  let hasMoved = false;
  moved.respond((request) => {
    hasMoved = true;
    return responseText(request, 200);
  });
  const contact = `sip:${sides.cisco}:5060;transport=tcp`;
  const caller = await open({ transport: 'tcp', address: sides.microsoft, to: sipTo(5060) });
  const { bye } = await callFrom(caller, imp, contact);
  await dns.restart(recordsFor(sides.microsoft2));
  try {
    imp.respond((request) => (request.method === undefined ? undefined : responseText(request, 200)));
    while (!hasMoved) {
      const callId = newTag();
      const via = [`${caller.via};branch=${newBranch()}`];
      caller.send(requestText({ method: 'MESSAGE', uri: bob, via, callId }));
      await caller.take(({ text }) => text.includes(callId));
      await pause(100);
    }
    caller.send(bye());
    await caller.take(({ status, text }) => status === 200 && text.includes('CSeq: 2 BYE'));
  } finally {
    await dns.restart(recordsFor(sides.cisco));
  }
});
