import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { credentials, makeDevelopmentCertificates } from '../../support/development-certificates.ts';
import { newBranch, RawFramer, RawMessage, requestText, responseText } from '../../support/raw-message.ts';
import { type EndOptions, openEnd, type RawEnd, type Transport } from '../../support/raw-sip.ts';
import { bridgeInward, bridgeOutward } from '../../support/tls-bridge.ts';

let certificates: string;
const open: { close(): Promise<void> }[] = [];

const opened = async (options: EndOptions): Promise<RawEnd> => {
  const end = await openEnd(options);
  open.push(end);
  return end;
};

const message = (from: RawEnd, body = 'Hello'): string =>
  requestText({ method: 'MESSAGE', uri: 'sip:bob@example.com', via: [`${from.via};branch=${newBranch()}`], body });

beforeAll(() => {
  certificates = makeDevelopmentCertificates(mkdtempSync(join(tmpdir(), 'pif-certs-')));
}, 60_000);
afterEach(async () => {
  for (const it of open.splice(0).reverse()) await it.close();
});
afterAll(() => rmSync(certificates, { recursive: true }));

describe('two raw ends', () => {
  test.each<Transport>(['udp', 'tcp', 'tls'])('exchange a request and its answer over %s', async (transport) => {
    const server = await opened({ transport, address: '127.0.0.1', credentials: credentials(certificates, 'router') });
    const client = await opened({
      transport,
      address: '127.0.0.1',
      to: server,
      credentials: credentials(certificates, 'fe1'),
    });
    server.respond((request) => responseText(request, 200));

    client.send(message(client));

    const answer = await client.take(200);
    const request = await server.take('MESSAGE');
    expect(request.body).toBe('Hello');
    expect(request.from).toMatchObject({ address: '127.0.0.1', port: client.port });
    expect(answer.headers('Via')).toEqual(request.headers('Via'));
    expect(answer.header('to')).toMatch(/^<sip:bob@example\.com>;tag=\w+$/);
  });

  test('a message that nobody sends is missed, and what came instead is told', async () => {
    const server = await opened({ transport: 'udp', address: '127.0.0.1' });
    const client = await opened({ transport: 'udp', address: '127.0.0.1', to: server });
    client.send(message(client));
    await expect(server.take('INVITE', 100)).rejects.toThrow(/no INVITE within 100 ms.*MESSAGE sip:bob@example.com/);
  });
});

test('SIP over plain TCP passes two bridges with TLS between them unchanged, both ways', async () => {
  const plainServer = await opened({ transport: 'tcp', address: '127.0.0.1' });
  const secure = { address: '127.0.3.1', port: 25_061 };
  const plain = { address: '127.0.3.1', port: 25_060 };
  open.push(await bridgeInward({ secure, to: plainServer, credentials: credentials(certificates, 'router') }));
  open.push(
    await bridgeOutward({
      plain,
      to: secure,
      serverName: 'router.example.com',
      source: { address: '127.0.3.2', port: 25_062 },
      credentials: credentials(certificates, 'fe1'),
    }),
  );
  const client = await opened({ transport: 'tcp', address: '127.0.0.1', to: plain });
  plainServer.respond((request) => responseText(request, 200, { body: '\xfc and \u0000' }));

  const sent = message(client, 'caf\xe9'.repeat(30_000));
  client.send(sent);

  expect((await client.take(200)).body).toBe('\xfc and \u0000');
  expect((await plainServer.take('MESSAGE')).text).toBe(sent);
});

describe('naive reading', () => {
  test('a stream cut anywhere gives the same messages', () => {
    const texts = ['one', 'two and more'].map((body) => requestText({ method: 'X', uri: 'sip:a@b', via: ['v'], body }));
    const stream = `${texts[0]}\r\n${texts[1]}`;
    for (let cut = 0; cut <= stream.length; cut += 1) {
      const framer = new RawFramer();
      expect([...framer.push(stream.slice(0, cut)), ...framer.push(stream.slice(cut))]).toEqual([
        texts[0],
        '\r\n',
        texts[1],
      ]);
    }
  });

  test('header values are unfolded, in order, and found in any case', () => {
    const read = new RawMessage('SIP/2.0 404 Not Found\r\nVIA : a\r\nSubject: x\r\n y\r\nvia:b \r\n\r\nVia: body');
    expect(read.headers('Via')).toEqual(['a', 'b']);
    expect(read.header('subject')).toBe('x y');
    expect(read).toMatchObject({ status: 404, method: undefined, body: 'Via: body' });
  });
});
