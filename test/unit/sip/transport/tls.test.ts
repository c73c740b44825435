/** TLS over real sockets: who proves what to whom, what is refused, and which connection may carry what (RFC 5922, RFC 5923). */
import { spawn } from 'node:child_process';
import { connect as connectTcp } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { afterAll, afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { createAuthority } from '../../../support/certificates.ts';
import { closeTransports, flowTo, makeTransports, RecordingUser } from '../../../support/open-transports.ts';
import { RawMessage, responseText } from '../../../support/raw-message.ts';
import { closePeers, connectPeer, keepPeer, listenAsPeer, type StreamPeer } from '../../../support/stream-peer.ts';
import { messageFrom, tlsEnds } from '../../../support/tls-ends.ts';
import { until } from '../../../support/until.ts';

const authority = createAuthority();
const stranger = createAuthority('Strange CA');
const { router, frontEnd, profileOf, openTls, connectTls, listenTls } = tlsEnds(authority);

afterAll(() => {
  authority.remove();
  stranger.remove();
});

afterEach(async () => {
  await closeTransports();
  closePeers();
});

/** `openssl s_server`, which trusts the strange CA only and, other than Node, says so in an alert. Gives its port. */
function startOpenssl(): Promise<number> {
  const own = ['-cert', frontEnd.certificateFile, '-key', frontEnd.keyFile];
  const judges = ['-Verify', '1', '-verify_return_error', '-CAfile', stranger.certificateFile];
  const program = spawn('openssl', ['s_server', '-accept', '127.0.0.1:0', ...own, ...judges]);
  onTestFinished(() => void program.kill());
  return new Promise((resolve, reject) => {
    program.on('error', reject);
    program.stdout.on('data', (line) => {
      const port = /^ACCEPT .*:(\d+)$/m.exec(`${line}`)?.[1];
      if (port !== undefined) resolve(Number(port));
    });
  });
}

describe('a peer that connects to us', () => {
  test('with a certificate of our CA is heard, and its names are known', async () => {
    const { handler, listener } = await openTls();
    connectTls(listener, frontEnd).send(messageFrom());
    const { flow } = await until(() => handler.requests[0]);
    expect(flow).toMatchObject({ transport: 'tls', isReliable: true, state: 'open' });
    expect(flow.verifiedNames).toEqual(['pool.example.com', 'fe1.example.com']);
  });

  test('with a common name only, as Cisco makes them, is known by that', async () => {
    const { handler, listener } = await openTls();
    connectTls(listener, authority.issue({ commonName: 'IMP1.example.com' })).send(messageFrom());
    const { flow } = await until(() => handler.requests[0]);
    expect(flow.verifiedNames).toEqual(['imp1.example.com']);
  });

  test.each<[what: string, alternativeNames: readonly string[], names: readonly string[] | undefined]>([
    ['sip URIs', ['URI:sip:fe1.example.com', 'URI:sip:fe1.example.net'], ['fe1.example.net']],
    ['DNS names', ['DNS:fe1.example.net'], ['fe1.example.net']],
    ['a DNS name that OpenSSL refuses', ['DNS:fe1.example.com'], undefined],
    ['a common name that OpenSSL refuses', [], undefined],
  ])('is nobody by what the constraints of its CA forbid: %s', async (_what, alternativeNames, names) => {
    const limited = authority.intermediate('Limited CA', true, 'critical,permitted;DNS:example.net');
    const { handler, listener } = await openTls({ ca: authority.certificate + limited.certificate });
    const commonName = alternativeNames.length > 0 ? 'peer' : 'fe1.example.com';
    const leaf = limited.issue({ commonName, alternativeNames });
    const peer = connectTls(listener, { ...leaf, certificate: leaf.certificate + limited.certificate });
    peer.send(messageFrom());
    await until(() => handler.requests.length > 0 || peer.isClosed);
    expect(handler.requests[0]?.flow.verifiedNames).toEqual(names);
  });

  test('of whose CA nothing is known proves nothing by a sip URI', async () => {
    const between = authority.intermediate('Issuing CA');
    const { handler, listener } = await openTls();
    const leaf = between.issue({ commonName: 'peer', alternativeNames: ['URI:sip:fe1.example.com'] });
    connectTls(listener, { ...leaf, certificate: leaf.certificate + between.certificate }).send(messageFrom());
    const { flow } = await until(() => handler.requests[0]);
    expect(flow.verifiedNames).toEqual([]);
  });

  test('without a certificate is heard, and nobody, where certificates are optional', async () => {
    const { handler, listener } = await openTls({ clientCertificate: 'optional' });
    connectTls(listener, undefined).send(messageFrom());
    const { flow } = await until(() => handler.requests[0]);
    expect(flow.verifiedNames).toEqual([]);
  });

  test('is not asked for a certificate where none is wanted', async () => {
    const { handler, listener } = await openTls({ clientCertificate: 'none' });
    connectTls(listener, frontEnd).send(messageFrom());
    const { flow } = await until(() => handler.requests[0]);
    expect(flow.verifiedNames).toEqual([]);
  });

  test('with an older version than the profile allows is refused', async () => {
    const { handler, listener } = await openTls({ minVersion: 'TLSv1.3' });
    const peer = connectTls(listener, frontEnd, { maxVersion: 'TLSv1.2' });
    await until(() => peer.isClosed);
    expect((await until(() => handler.refused[0])).code).toBe('tls-failed');
  });

  test('cannot show another certificate later: renegotiation is refused, as TLS 1.3 has none', async () => {
    const { handler, listener } = await openTls();
    const peer = connectTls(listener, frontEnd, { maxVersion: 'TLSv1.2' });
    peer.send(messageFrom());
    await until(() => handler.requests[0]);
    const failure = await new Promise<Error | null>((resolve) => {
      peer.socket.on('error', resolve);
      (peer.socket as TLSSocket).renegotiate({}, resolve);
    });
    expect(String(failure)).toContain('renegotiation');
  });

  test('with TLS 1.0 is heard by a legacy profile (OCS 2007)', async () => {
    const { handler, listener } = await openTls({ minVersion: 'TLSv1', legacy: true });
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const;
    const peer = connectTls(listener, frontEnd, old);
    peer.send(messageFrom());
    await until(() => handler.requests.length === 1);
    expect((peer.socket as TLSSocket).getProtocol()).toBe('TLSv1');
  });

  test.each(['MESSAGE', 'OPTIONS'])(
    'without TLS is refused and told so once, and others live on: %s',
    async (method) => {
      const { handler, listener } = await openTls();
      const plain = keepPeer(connectTcp(listener.port, listener.address));
      plain.send(messageFrom().replaceAll('MESSAGE', method));
      await until(() => plain.isClosed);
      await until(() => handler.refused.length > 0);
      connectTls(listener, frontEnd).send(messageFrom());
      await until(() => handler.requests.length === 1);
      const hint = expect.stringContaining('a listener with transport: tcp');
      expect(handler.refused).toMatchObject([{ code: 'tls-not-spoken', hint }]);
      expect(handler.discardCodes).toEqual([]);
    },
  );

  test.each([
    ['speaks without TLS and ends', (peer: StreamPeer) => void peer.socket.end('hi\n')],
    ['ends before the handshake', (peer: StreamPeer) => void peer.socket.end()],
    ['resets before the handshake', (peer: StreamPeer) => void peer.socket.resetAndDestroy()],
  ])('and %s is told by its address', async (_how, leave) => {
    const { handler, listener } = await openTls();
    const peer = connectPeer(listener, '127.0.0.7');
    await until(() => peer.socket.readyState === 'open');
    const { localPort } = peer.socket;
    // Who has gone before it is accepted has no address any more.
    await nextTurn();
    await nextTurn();
    leave(peer);
    const { flow } = await until(() => handler.refused[0]);
    expect(`${flow.remoteAddress}:${flow.remotePort}`).toBe(`127.0.0.7:${localPort}`);
  });

  test('and goes before it has said anything does not hold its place until the handshake would be over', async () => {
    const { handler, listener } = await openTls();
    const gone = keepPeer(connectTcp(listener.port, listener.address, () => gone.socket.end()));
    await until(() => gone.isClosed);
    expect((await until(() => handler.refused[0])).code).toBe('tls-failed');
  });

  test('and ends its side still gets the answers that it is owed', async () => {
    const { layer, handler, listener, clock } = await openTls();
    const peer = connectTls(listener, frontEnd, { allowHalfOpen: true } as ConnectionOptions);
    peer.send(messageFrom());
    peer.socket.end();
    const { message: request, flow } = await until(() => handler.requests[0]);
    await until(() => flowTo(layer, { transport: 'tls', port: flow.remotePort }) !== flow);
    layer.sendResponse('SIP/2.0 200 OK\r\n\r\n', request, flow);
    await peer.read('200 OK');
    await until(() => {
      clock.advance(50);
      return peer.hasEnded;
    });
  });

  test('is answered on its connection', async () => {
    const { layer, handler, listener } = await openTls();
    handler.answer = (request, flow) => layer.sendResponse('SIP/2.0 200 OK\r\n\r\n', request, flow);
    const peer = connectTls(listener, frontEnd);
    peer.send(messageFrom());
    await peer.read('200 OK');
  });
});

describe('a peer that we connect to', () => {
  const target = (port: number, tlsName: string | undefined) =>
    ({ transport: 'tls', port, tlsName, tlsProfile: 'default' }) as const;

  test.each(['fe1.example.com', 'POOL.example.com', '127.0.0.1', undefined])(
    'is taken for %s when its certificate says so',
    async (name) => {
      const { layer } = await openTls();
      const server = await listenTls(frontEnd);
      const flow = flowTo(layer, target(server.port, name));
      flow.send('hello');
      const peer = await server.peer(0);
      await peer.read('hello');
      expect(flow.verifiedNames).toEqual(['pool.example.com', 'fe1.example.com']);
      expect((peer.socket as TLSSocket).getPeerCertificate().subject.CN).toBe('router.example.com');
    },
  );

  test('is told in SNI whom we look for, unless that is an address (RFC 6066 §3)', async () => {
    const { layer } = await openTls();
    const server = await listenTls(frontEnd);
    for (const name of ['fe1.example.com', '127.0.0.1']) flowTo(layer, target(server.port, name));
    const names = [await server.peer(0), await server.peer(1)].map(
      ({ socket }) => (socket as TLSSocket & { servername: unknown }).servername,
    );
    expect(names.toSorted()).toEqual(['fe1.example.com', false].toSorted());
  });

  test('and that refuses our certificate, after the handshake as TLS 1.3 has it, is told to those who wait', async () => {
    const { layer } = await openTls();
    const flow = flowTo(layer, target(await startOpenssl(), undefined));
    const user = new RecordingUser();
    flow.users.add(user);
    await until(() => user.errors.length === 1);
    expect(user.errors[0]).toMatchObject({
      code: 'tls-failed',
      detail: expect.stringContaining('tlsv1 alert unknown ca'),
    });
  });

  test('and that speaks no TLS is refused', async () => {
    const { layer } = await openTls();
    const server = await listenAsPeer();
    const flow = flowTo(layer, target(server.port, 'fe1.example.com'));
    const user = new RecordingUser();
    flow.users.add(user);
    (await server.peer(0)).send('SIP/2.0 400 what?\r\n\r\n');
    await until(() => user.errors.length === 1);
    expect(user.errors[0]!.code).toBe('tls-failed');
  });

  test('and that closes the connection in the handshake is told to those who wait', async () => {
    const { layer } = await openTls();
    const server = await listenAsPeer();
    const flow = flowTo(layer, target(server.port, 'fe1.example.com'));
    const user = new RecordingUser();
    flow.users.add(user);
    (await server.peer(0)).socket.end();
    await until(() => user.errors.length === 1);
    expect(user.errors[0]).toMatchObject({
      code: 'tls-failed',
      detail: expect.stringContaining('disconnected before'),
    });
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'and that ends as soon as it has answered has given all its answers: %s',
    async (maxVersion) => {
      const { layer, handler } = await openTls({ maxVersion });
      const server = await listenTls(frontEnd);
      const flow = flowTo(layer, target(server.port, 'fe1.example.com'));
      flow.send('hello');
      const peer = await server.peer(0);
      await peer.read('hello');
      const answer = responseText(new RawMessage(messageFrom()), 200);
      peer.socket.end(answer.repeat(1_000));
      await until(() => flow.state === 'closed');
      expect(handler.responses).toHaveLength(1_000);
    },
  );

  test('with an unknown profile is an error at once', async () => {
    const { layer } = await openTls();
    const wrong = { ...target(5061, 'fe1.example.com'), address: '127.0.0.1', tlsProfile: 'nowhere' };
    expect(layer.flowTo(wrong)).toEqual({ code: 'tls-failed', detail: 'there is no TLS profile "nowhere"' });
  });
});

describe('reuse of TLS connections (RFC 5923 §5)', () => {
  const target = (port: number, tlsName: string) =>
    ({ transport: 'tls', port, tlsName, tlsProfile: 'default' }) as const;

  test('our own connection serves every name that its peer has proved, and no other', async () => {
    const { layer } = await openTls();
    const server = await listenTls(frontEnd);
    const flow = flowTo(layer, target(server.port, 'fe1.example.com'));
    expect(flowTo(layer, target(server.port, 'pool.example.com')), 'not proved while connecting').not.toBe(flow);
    await until(() => flow.state === 'open');
    expect(flowTo(layer, target(server.port, 'pool.example.com'))).toBe(flow);
    expect(flowTo(layer, target(server.port, 'fe2.example.com'))).not.toBe(flow);
  });

  test("requests go by the peer's own connection with alias, if it has proved the expected name", async () => {
    const { layer, handler, listener } = await openTls();
    connectTls(listener, frontEnd).send(messageFrom('fe1.example.com:5999;alias'));
    const { flow } = await until(() => handler.requests[0]);
    expect(flowTo(layer, target(5999, 'fe1.example.com'))).toBe(flow);
    expect(flowTo(layer, target(5999, 'fe2.example.com'))).not.toBe(flow);
  });
});

describe('profiles that cannot be used', () => {
  const other = authority.issue({ commonName: 'other.example.com' });

  test.each([
    ['a key of another certificate', { key: other.key }, 'its key does not belong to its certificate'],
    ['no key', { key: 'not PEM' }, 'its key cannot be read as PEM (unsupported)'],
    ['no certificate', { certificate: '' }, 'its certificate cannot be read as PEM (no start line)'],
    ['no CA, which must not mean all the world', { ca: '' }, 'its ca cannot be read as PEM (no start line)'],
    ['unknown ciphers', { ciphers: 'NO-SUCH' }, 'OpenSSL refuses it (no cipher match)'],
  ])('%s', async (_what, changes, reason) => {
    const { layer } = makeTransports({
      listen: [{ transport: 'tls', tlsProfile: 'default' }],
      tls: [profileOf(router, changes)],
    });
    await expect(layer.open()).rejects.toMatchObject({
      name: 'ListenError',
      code: 'tls-profile-unusable',
      message: `TLS profile "default": ${reason}`,
    });
  });

  test('a listener without a known profile', async () => {
    const unnamed = makeTransports({ listen: [{ transport: 'tls', port: 5061 }] });
    await expect(unnamed.layer.open()).rejects.toThrow('port 5061/tls on 127.0.0.1 names no TLS profile');
    const unknown = makeTransports({ listen: [{ transport: 'tls', port: 5061, tlsProfile: 'x' }] });
    await expect(unknown.layer.open()).rejects.toThrow('port 5061/tls on 127.0.0.1 names an unknown TLS profile, "x"');
  });
});
