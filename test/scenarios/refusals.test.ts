/** Every refusal has its reason: what the started program tells of messages that cannot be read on, sent on, or are no SIP. */
import { connect } from 'node:net';
import { expect, inject, onTestFinished, test } from 'vitest';
import { credentials } from '../support/development-certificates.ts';
import { newBranch, newTag, type RequestFields, requestText, responseText } from '../support/raw-message.ts';
import { openEnd, type RawEnd, type Transport } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { domainOf, portOf, routesYaml, twoSides } from '../support/two-sides.ts';
import { soon } from '../support/until.ts';

const sides = twoSides(82);

const start = (more = ''): Promise<RouterProcess> =>
  RouterProcess.start({ routes: routesYaml(sides, { certificates: inject('certificates') }) + more });

async function open(options: Parameters<typeof openEnd>[0]): Promise<RawEnd> {
  const end = await openEnd(options);
  onTestFinished(() => end.close());
  return end;
}

const asker = (transport: Transport): Promise<RawEnd> =>
  open({ transport, address: sides.cisco, to: { address: sides.router, port: portOf(transport) } });

const hop = (transport: Transport): Promise<RawEnd> =>
  open({ transport, address: sides.microsoft, port: portOf(transport) });

const requestOf = (end: RawEnd, method: string, callId: string, more: Partial<RequestFields> = {}): string =>
  requestText({
    method,
    uri: `sip:bob@${domainOf(end.transport)}`,
    via: [`${end.via};branch=${newBranch()}`],
    from: `<sip:alice@${domainOf(end.transport)}>;tag=a`,
    callId,
    ...more,
  });

const spoils: readonly (readonly [code: string, status: number, phrase: string, spoil: (text: string) => string])[] = [
  ['framing-lost', 400, 'no Content-Length on a stream', (text) => text.replace(/Content-Length: .*\r\n/, '')],
  ['framing-lost', 400, 'Content-Length is no number', (text) => text.replace(/Content-Length: .*/, 'l: x')],
  ['body-too-large', 513, 'Message Too Large', (text) => text.replace(/Content-Length: .*/, 'l: 9999999')],
  ['header-too-large', 513, 'Message Too Large', (text) => `${text.slice(0, -4)}\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`],
];

test('what cannot be read on is answered with its code, recorded, and told once with its Call-ID', async () => {
  const router = await start();
  const callIds: string[] = [];
  for (const [code, status, phrase, spoil] of spoils) {
    const end = await asker('tcp');
    const callId = newTag();
    callIds.push(callId);
    end.send(spoil(requestOf(end, 'MESSAGE', callId)));
    const answer = await end.take(status);
    expect(answer.startLine).toBe(`SIP/2.0 ${status} ${phrase}`);
    expect(answer.header('Warning')).toMatch(new RegExp(`^399 router\\.example\\.com "${code}: `));
    expect(answer.header('To')).toMatch(/;tag=pif-/);
    await soon(() => end.isClosed);
  }
  const silent = await asker('tcp');
  for (const method of ['ACK', 'BENOTIFY']) {
    const end = method === 'ACK' ? silent : await asker('tcp');
    const callId = newTag();
    callIds.push(callId);
    end.send(requestOf(end, method, callId).replace(/Content-Length: .*\r\n/, ''));
    await soon(() => end.isClosed);
    expect(end.inbox).toEqual([]);
  }
  expect(await router.stop()).toBe(0);
  const codes = [...spoils.map(([code]) => code), 'framing-lost', 'framing-lost'];
  const records = router.logLines.filter(({ event }) => event === 'request');
  expect(records.map(({ id, decision, code, status }) => [String(id).split(' ')[0], decision, code, status])).toEqual(
    codes.map((code, index) => [callIds[index], 'invalid', code, spoils[index]?.[1] ?? 0]),
  );
  for (const [index, { because }] of records.entries()) {
    expect(because).toEqual([expect.stringMatching(new RegExp(`^${codes[index]}: `))]);
  }
  const discarded = router.logLines.filter(({ event }) => event === 'discarded');
  expect(discarded.map(({ what, callId }) => [what, callId])).toEqual(
    codes.map((code, index) => [code, callIds[index]]),
  );
});

test.each([1, 2])(
  'an answer that cannot be sent on ends its request with 502 at once, and is told; the next hop is not asked (%i workers)',
  async (workers) => {
    const router = await start(`workers: ${workers}\n`);
    const hops = { udp: await hop('udp'), tcp: await hop('tcp') };
    const told: string[] = [];
    for (const transport of ['udp', 'tcp', 'udp', 'tcp', 'udp', 'udp'] as const) {
      for (const method of ['MESSAGE', 'INVITE']) {
        const end = await asker(transport);
        const callId = newTag();
        told.push(callId);
        end.send(requestOf(end, method, callId));
        const request = await hops[transport].take((message) => message.header('Call-ID') === callId);
        if (method === 'INVITE') request.reply(responseText(request, 180, { toTag: 'b' }));
        if (method === 'INVITE') await end.take(180);
        request.reply(responseText(request, 200, { toTag: 'b', headers: ['X: a\nContact: <sip:evil.example.net>'] }));
        const answer = await end.take(502, 3_000);
        expect(answer.startLine).toBe('SIP/2.0 502 Bad Gateway');
        expect(answer.header('Warning')).toContain('"bad-answer: ');
        expect(answer.text).not.toContain('evil');
        const ofInvite = { via: answer.headers('Via'), to: answer.header('To') ?? '' };
        if (method === 'INVITE') end.send(requestOf(end, 'ACK', callId, ofInvite));
      }
    }
    expect(await router.stop()).toBe(0);
    // Each worker writes its own lines together.
    const records = router.logLines.filter(({ event }) => event === 'request');
    expect(records.map(({ id }) => String(id).split(' ')[0]).sort()).toEqual([...told].sort());
    expect(records.map(({ code, status, hops: tried }) => [code, status, tried])).toEqual(
      told.map(() => ['bad-answer', 502, [expect.objectContaining({ outcome: 'bad-answer' })]]),
    );
    const discarded = router.logLines.filter(({ event }) => event === 'discarded');
    expect(discarded.map(({ what, callId }) => `${what} ${callId}`).sort()).toEqual(
      told.map((callId) => `bad-response ${callId}`).sort(),
    );
    expect(discarded[0]).toMatchObject({
      detail: 'a bare CR or LF in a header line',
      from: expect.stringContaining(sides.microsoft),
    });
  },
);

test('who speaks without TLS to a port for TLS, or with it to one without, is told so, once, with the setting to look at', async () => {
  const router = await start();
  for (const [port, text] of [
    [5061, 'OPTIONS sip:router.example.com SIP/2.0\r\n\r\n'],
    [5061, 'REGISTER sip:router.example.com SIP/2.0\r\n\r\n'],
    [5060, '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03'],
  ] as const) {
    const socket = connect({ host: sides.router, port, localAddress: sides.cisco });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket
      .on('error', () => undefined)
      .resume()
      .end(text, 'latin1');
    await closed;
  }
  expect(await router.stop()).toBe(0);
  const lines = router.logLines.filter(({ event }) => event === 'peer-refused' || event === 'discarded');
  const listening = expect.stringContaining('a listener with transport: tcp');
  expect(lines).toMatchObject([
    { event: 'peer-refused', code: 'tls-not-spoken', hint: listening },
    { event: 'peer-refused', code: 'tls-not-spoken', hint: listening },
    { event: 'discarded', what: 'not-sip', detail: expect.stringContaining('a listener with transport: tls') },
  ]);
});

test('a stranger whose framing is lost is told only that it may not talk', async () => {
  const routes = routesYaml(sides, { certificates: inject('certificates') })
    .replace('client-certificate: required', 'client-certificate: optional')
    .replace(/ {2}- \{ side: microsoft, from: .*\n/g, '  - { side: microsoft, from: fe1.example.com }\n')
    .replace(/(.*fe1\.example\.com \}\n)\1/, '$1');
  const router = await RouterProcess.start({ routes });
  const to = { address: sides.router, port: portOf('tls') };
  const certificate = credentials(inject('certificates'), 'fe2');
  const end = await open({ transport: 'tls', address: sides.stranger, to, credentials: certificate });
  end.send(requestOf(end, 'MESSAGE', 'stranger').replace(/Content-Length: .*/, 'l: x'));
  const answer = await end.take(403);
  expect(answer.header('Warning')).toContain('"access-denied: ');
  await soon(() => end.isClosed);
  expect(end.inbox).toEqual([]);
  expect(await router.stop()).toBe(0);
});
