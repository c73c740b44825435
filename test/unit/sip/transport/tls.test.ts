/** TLS over real sockets: who proves what to whom, what is refused, and which connection may carry what (RFC 5922, RFC 5923). */
import { spawn } from 'node:child_process';
import { connect as connectTcp } from 'node:net';
import { type ConnectionOptions, connect, createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { afterAll, afterEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Listener } from '../../../../src/sip/transport/flow.ts';
import type { TlsProfile } from '../../../../src/sip/transport/settings.ts';
import { createAuthority, type TestCertificate } from '../../../support/certificates.ts';
import {
  closeTransports,
  flowTo,
  makeTransports,
  openTransports,
  RecordingUser,
} from '../../../support/open-transports.ts';
import { requestText } from '../../../support/raw-message.ts';
import { closePeers, keepPeer, listenAsPeer, type PeerServer, type StreamPeer } from '../../../support/stream-peer.ts';
import { until } from '../../../support/until.ts';

const authority = createAuthority();
const stranger = createAuthority('Strange CA');
const router = authority.issue({ commonName: 'router.example.com', alternativeNames: ['DNS:router.example.com'] });
const frontEnd = authority.issue({
  commonName: 'pool.example.com',
  alternativeNames: ['DNS:pool.example.com', 'DNS:fe1.example.com', 'IP:127.0.0.1'],
});

afterAll(() => {
  authority.remove();
  stranger.remove();
});

afterEach(async () => {
  await closeTransports();
  closePeers();
});

const profileOf = (own: TestCertificate, changes: Partial<TlsProfile> = {}): TlsProfile => ({
  name: 'default',
  certificate: own.certificate,
  key: own.key,
  ca: authority.certificate,
  clientCertificate: 'required',
  minVersion: 'TLSv1.2',
  ...changes,
});

const openTls = (changes: Partial<TlsProfile> = {}) =>
  openTransports({ listen: [{ transport: 'tls', tlsProfile: 'default' }], tls: [profileOf(router, changes)] });

function connectTls(listener: Listener, own: TestCertificate | undefined, options: ConnectionOptions = {}): StreamPeer {
  const shown = own === undefined ? {} : { cert: own.certificate, key: own.key };
  const { address, port } = listener;
  return keepPeer(
    connect({ host: address, port, ca: authority.certificate, servername: 'router.example.com', ...shown, ...options }),
  );
}

const listenTls = (own: TestCertificate, options: TlsOptions = {}): Promise<PeerServer> => {
  const asked = { requestCert: true, rejectUnauthorized: true, ca: authority.certificate };
  return listenAsPeer(
    '127.0.0.1',
    createServer({ cert: own.certificate, key: own.key, ...asked, ...options }),
    'secureConnection',
  );
};

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

const message = (via = 'fe1.example.com:5061'): string =>
  requestText({ method: 'MESSAGE', uri: 'sip:bob@example.com', via: [`SIP/2.0/TLS ${via};branch=z9hG4bK1`] });

describe('a peer that connects to us', () => {
  test('with a certificate of our CA is heard, and its names are known', async () => {
    const { handler, listener } = await openTls();
    connectTls(listener, frontEnd).send(message());
    const { flow } = await until(() => handler.requests[0]);
    expect(flow).toMatchObject({ transport: 'tls', isReliable: true, state: 'open' });
    expect(flow.verifiedNames).toEqual(['pool.example.com', 'fe1.example.com']);
  });

  test('with a common name only, as Cisco makes them, is known by that', async () => {
    const { handler, listener } = await openTls();
    connectTls(listener, authority.issue({ commonName: 'IMP1.example.com' })).send(message());
    const { flow } = await until(() => handler.requests[0]);
    expect(flow.verifiedNames).toEqual(['imp1.example.com']);
  });

  test.each([
    ['no certificate', undefined, 'the peer has shown no certificate'],
    [
      'a certificate of another CA',
      stranger.issue({ commonName: 'fe1.example.com' }),
      "the peer's certificate is refused: UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    ],
    [
      'an expired certificate',
      authority.issue({ commonName: 'fe1.example.com', days: -1 }),
      "the peer's certificate is refused: CERT_HAS_EXPIRED",
    ],
    [
      'a certificate that is not for clients',
      authority.issue({ commonName: 'fe1.example.com', usages: ['serverAuth'] }),
      "the peer's certificate is refused: INVALID_PURPOSE",
    ],
  ])('with %s is refused in the handshake', async (_what, own, detail) => {
    const { handler, listener } = await openTls();
    const peer = connectTls(listener, own);
    peer.send(message());
    await until(() => peer.isClosed);
    const refused = await until(() => handler.discarded[0]);
    expect(refused).toMatchObject({
      what: 'tls-failed',
      detail,
      flow: { remoteAddress: '127.0.0.1', verifiedNames: [] },
    });
    expect(handler.requests).toEqual([]);
  });

  test('without a certificate is heard, and nobody, where certificates are optional', async () => {
    const { handler, listener } = await openTls({ clientCertificate: 'optional' });
    connectTls(listener, undefined).send(message());
    connectTls(listener, stranger.issue({ commonName: 'fe1.example.com' })).send(message());
    await until(() => handler.requests.length === 2);
    expect(handler.requests.map(({ flow }) => flow.verifiedNames)).toEqual([[], []]);
  });

  test('is not asked for a certificate where none is wanted', async () => {
    const { handler, listener } = await openTls({ clientCertificate: 'none' });
    connectTls(listener, frontEnd).send(message());
    const { flow } = await until(() => handler.requests[0]);
    expect(flow.verifiedNames).toEqual([]);
  });

  test('with an older version than the profile allows is refused', async () => {
    const { handler, listener } = await openTls({ minVersion: 'TLSv1.3' });
    const peer = connectTls(listener, frontEnd, { maxVersion: 'TLSv1.2' });
    await until(() => peer.isClosed);
    expect((await until(() => handler.discarded[0])).what).toBe('tls-failed');
  });

  test('with TLS 1.0 is heard by a legacy profile (OCS 2007)', async () => {
    const { handler, listener } = await openTls({ minVersion: 'TLSv1', legacy: true });
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const;
    const peer = connectTls(listener, frontEnd, old);
    peer.send(message());
    await until(() => handler.requests.length === 1);
    expect((peer.socket as TLSSocket).getProtocol()).toBe('TLSv1');
  });

  test('without TLS is refused, and others live on', async () => {
    const { handler, listener } = await openTls();
    const plain = keepPeer(connectTcp(listener.port, listener.address));
    plain.send(message());
    await until(() => plain.isClosed);
    expect((await until(() => handler.discarded[0])).what).toBe('tls-failed');
    connectTls(listener, frontEnd).send(message());
    await until(() => handler.requests.length === 1);
  });

  test('and goes before it has said anything does not hold its place until the handshake would be over', async () => {
    const { handler, listener } = await openTls();
    const gone = keepPeer(connectTcp(listener.port, listener.address, () => gone.socket.end()));
    await until(() => gone.isClosed);
    expect((await until(() => handler.discarded[0])).what).toBe('tls-failed');
  });

  test('and ends its side still gets the answers that it is owed', async () => {
    const { layer, handler, listener, clock } = await openTls();
    const peer = connectTls(listener, frontEnd, { allowHalfOpen: true } as ConnectionOptions);
    peer.send(message());
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
    peer.send(message());
    await peer.read('200 OK');
  });

  test('cannot resume a session: every connection proves its names anew', async () => {
    const { handler, listener } = await openTls({ minVersion: 'TLSv1.2' });
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const first = connectTls(listener, frontEnd, { maxVersion });
      let session: Buffer | undefined;
      first.socket.on('session', (given: Buffer) => {
        session = given;
      });
      first.send(message());
      const before = handler.requests.length;
      await until(() => handler.requests.length > before);
      const second = connectTls(listener, frontEnd, { maxVersion, ...(session && { session }) });
      second.send(message());
      await until(() => handler.requests.length > before + 1);
      expect((second.socket as TLSSocket).isSessionReused()).toBe(false);
    }
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

  test.each([
    [
      'has another name',
      frontEnd,
      'fe2.example.com',
      "the peer's certificate names pool.example.com, fe1.example.com, 127.0.0.1, not fe2.example.com",
    ],
    [
      'has another address',
      frontEnd,
      '127.0.0.2',
      "the peer's certificate names pool.example.com, fe1.example.com, 127.0.0.1, not 127.0.0.2",
    ],
    [
      'has a wildcard certificate (RFC 5922 §7.2)',
      authority.issue({ commonName: 'wild', alternativeNames: ['DNS:*.example.com'] }),
      'fe1.example.com',
      "the peer's certificate names nobody, not fe1.example.com",
    ],
    [
      'has a certificate of another CA',
      stranger.issue({ commonName: 'fe1.example.com' }),
      'fe1.example.com',
      'unable to verify the first certificate',
    ],
    [
      'has an expired certificate',
      authority.issue({ commonName: 'fe1.example.com', days: -1 }),
      'fe1.example.com',
      'certificate has expired',
    ],
    [
      'has a certificate that is not for servers',
      authority.issue({ commonName: 'fe1.example.com', usages: ['clientAuth'] }),
      'fe1.example.com',
      'unsuitable certificate purpose',
    ],
  ])('and that %s is refused, and nothing is sent to it', async (_what, own, name, reason) => {
    const { layer } = await openTls();
    const server = await listenTls(own, { requestCert: false });
    const flow = flowTo(layer, target(server.port, name));
    const user = new RecordingUser();
    flow.users.add(user);
    flow.send('secret');
    await until(() => user.errors.length === 1);
    const [error] = user.errors;
    expect(error!.code).toBe('tls-failed');
    expect(error!.detail).toContain(`TLS with 127.0.0.1 port ${server.port}: ${reason}`);
    expect(server.peers.map(({ text }) => text).join('')).toBe('');
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
    connectTls(listener, frontEnd).send(message('fe1.example.com:5999;alias'));
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
