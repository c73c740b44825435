/** A reload that takes trust away: who is connected is looked at again, and nobody else is disturbed (RFC 5922, RFC 5280 §6.3). */
import { spawn } from 'node:child_process';
import type { TLSSocket } from 'node:tls';
import { afterAll, afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Listener } from '../../../../src/sip/transport/flow.ts';
import type { TlsProfile } from '../../../../src/sip/transport/settings.ts';
import type { ReconfigurableTransports } from '../../../../src/sip/transport/transport-layer.ts';
import { createAuthority, type TestCertificate } from '../../../support/certificates.ts';
import {
  closeTransports,
  doorFor,
  flowTo,
  openTransports,
  RecordingUser,
  settingsFor,
} from '../../../support/open-transports.ts';
import { closePeers } from '../../../support/stream-peer.ts';
import { messageFrom, tlsEnds } from '../../../support/tls-ends.ts';
import { until } from '../../../support/until.ts';

const authority = createAuthority();
const other = createAuthority('Other CA');
const { router, frontEnd, profileOf, openTls, connectTls, listenTls } = tlsEnds(authority);
const imp1 = authority.issue({ commonName: 'imp1.example.com', alternativeNames: ['DNS:imp1.example.com'] });

afterAll(() => {
  authority.remove();
  other.remove();
});
afterEach(async () => {
  await closeTransports();
  closePeers();
});

const change = async (layer: ReconfigurableTransports, profile: Partial<TlsProfile>): Promise<void> => {
  const listen = [{ transport: 'tls', tlsProfile: 'default' }] as const;
  (await layer.reconfigure(settingsFor({ listen, tls: [profileOf(router, profile)] }), doorFor({}))).commit();
};

const bundle = authority.certificate + other.certificate;

/** What takes the trust from the Front End alone. */
const takings: readonly (readonly [what: string, profile: Partial<TlsProfile>, code: string])[] = [
  [
    'its certificate is revoked',
    { crl: [authority.revocationList({ revoked: [frontEnd] })] },
    'tls-certificate-revoked',
  ],
  ['its name is taken from peers', { peers: ['imp1.example.com'] }, 'tls-name-not-allowed'],
];

describe('a peer that has connected', () => {
  const connectBoth = async (profile: Partial<TlsProfile> = {}, first: TestCertificate = frontEnd) => {
    const opened = await openTls(profile);
    const { handler, listener } = opened;
    const peers = [first, imp1].map((own) => connectTls(listener, own));
    for (const peer of peers) peer.send(messageFrom());
    await until(() => handler.requests.length === 2);
    const nameOf = (own: string) => handler.requests.find(({ flow }) => flow.verifiedNames.includes(own))!;
    return { ...opened, out: peers[0]!, stays: peers[1]!, nameOf };
  };

  test.each(takings)('and %s: it is not heard any more, and who is trusted stays', async (_what, profile, code) => {
    const { layer, handler, out, stays, nameOf } = await connectBoth();
    const { flow, message } = nameOf('pool.example.com');
    const user = new RecordingUser();
    flow.users.add(user);
    await change(layer, profile);
    expect(handler.refused).toMatchObject([{ code, flow: { verifiedNames: flow.verifiedNames } }]);
    expect(user.errors, 'who waits for an answer by it is told at once').toMatchObject([{ code: 'closed' }]);
    out.send(messageFrom());
    layer.sendResponse('SIP/2.0 200 OK\r\n\r\n', message, flow);
    await out.read('200 OK');

    stays.send(messageFrom());
    await until(() => handler.requests.length === 3);
    expect(handler.requests.at(-1)!.flow).toBe(nameOf('imp1.example.com').flow);
    expect(nameOf('imp1.example.com').flow.state).toBe('open');
  });

  test('and is owed nothing is closed at once', async () => {
    const { layer, handler, out, nameOf } = await connectBoth();
    handler.answer = () => undefined;
    const { flow, message } = nameOf('pool.example.com');
    layer.sendResponse('SIP/2.0 200 OK\r\n\r\n', message, flow);
    await change(layer, { peers: ['imp1.example.com'] });
    expect(flow.state).toBe('closed');
    await until(() => out.isClosed || out.hasEnded);
  });

  test('and its CA is taken from the bundle', async () => {
    const theirs = other.issue({ commonName: 'x', alternativeNames: ['DNS:fe7.example.com'] });
    const { layer, handler, nameOf } = await connectBoth({ ca: bundle }, theirs);
    const { message, flow } = nameOf('fe7.example.com');
    layer.sendResponse('SIP/2.0 200 OK\r\n\r\n', message, flow);
    await change(layer, {});
    expect(handler.refused).toMatchObject([{ code: 'tls-certificate-untrusted' }]);
    expect(flow.state).toBe('closed');
    expect(nameOf('imp1.example.com').flow.state).toBe('open');
  });

  test('and its CA is taken from the bundle while its listener goes, too', async () => {
    const theirs = other.issue({ commonName: 'x', alternativeNames: ['DNS:fe7.example.com'] });
    const { layer, handler, nameOf } = await connectBoth({ ca: bundle }, theirs);
    const elsewhere = [{ transport: 'tls', tlsProfile: 'default', address: '127.0.0.2' }] as const;
    (await layer.reconfigure(settingsFor({ listen: elsewhere, tls: [profileOf(router)] }), doorFor({}))).commit();
    expect(handler.refused).toMatchObject([
      { code: 'tls-certificate-untrusted', flow: { verifiedNames: ['fe7.example.com'] } },
    ]);
    expect(nameOf('imp1.example.com').flow.state, 'it is trusted, and may end what it has begun').toBe('open');
  });

  test('and no rule lets it in any more', async () => {
    const { layer, handler, nameOf } = await connectBoth();
    handler.refusalOf = ({ verifiedNames }) =>
      verifiedNames.includes('pool.example.com')
        ? { code: 'access-denied', shown: 'pool', detail: 'no rule', hint: 'add one' }
        : undefined;
    await change(layer, {});
    expect(handler.refused).toMatchObject([{ code: 'access-denied' }]);
    expect(nameOf('imp1.example.com').flow.state).toBe('open');
  });

  test('and whose CA stands in the bundle below its root stays when the profile changes (RFC 5280 §6.1)', async () => {
    const issuing = authority.intermediate('Issuing CA');
    const below = issuing.issue({ commonName: 'x', alternativeNames: ['DNS:fe8.example.com'] });
    const ca = authority.certificate + issuing.certificate;
    const { layer, handler, nameOf } = await connectBoth({ ca }, below);
    await change(layer, { ca, peers: ['fe8.example.com', 'imp1.example.com'] });
    expect(handler.refused).toEqual([]);
    expect(nameOf('fe8.example.com').flow.state).toBe('open');
  });

  test('under the very same profile is not asked again, and stays', async () => {
    const { layer, handler, nameOf } = await connectBoth();
    await change(layer, {});
    expect(handler.refused).toEqual([]);
    expect(nameOf('pool.example.com').flow.state).toBe('open');
  });
});

describe('a peer that we have connected to', () => {
  test('and whose certificate is revoked is left at once: who waits goes elsewhere, and nothing more is sent to it', async () => {
    const { layer } = await openTls();
    const server = await listenTls(frontEnd);
    const target = { transport: 'tls', port: server.port, tlsName: 'fe1.example.com', tlsProfile: 'default' } as const;
    const flow = flowTo(layer, target);
    flow.send('hello');
    const peer = await server.peer(0);
    await peer.read('hello');
    const user = new RecordingUser();
    flow.users.add(user);
    await change(layer, { crl: [authority.revocationList({ revoked: [frontEnd] })] });
    expect(flow.state).toBe('closed');
    expect(user.errors).toMatchObject([{ code: 'closed', detail: expect.stringContaining('CERT_REVOKED') }]);
    flow.send('secret');
    await until(() => peer.isClosed || peer.hasEnded);
    expect(peer.text).toBe('hello');
  });

  test('while the trust is taken away is judged by what is in force when the handshake is over', async () => {
    const { layer } = await openTls();
    const server = await listenTls(frontEnd);
    const target = { transport: 'tls', port: server.port, tlsName: 'fe1.example.com', tlsProfile: 'default' } as const;
    const flow = flowTo(layer, target);
    const user = new RecordingUser();
    flow.users.add(user);
    await change(layer, { crl: [authority.revocationList({ revoked: [frontEnd] })] });
    await until(() => user.errors.length === 1);
    expect(flow.state).toBe('closed');
    expect(server.peers.map(({ text }) => text).join('')).toBe('');
  });
});

describe('a certificate that ends while its connection is open (RFC 5280 §4.1.2.5)', () => {
  const short = authority.issue({
    commonName: 'fe9.example.com',
    alternativeNames: ['DNS:fe9.example.com', 'IP:127.0.0.1'],
    days: 2,
  });
  afterEach(() => void vi.useRealTimers());
  const pass = (days: number) => vi.setSystemTime(Date.now() + days * 86_400_000);

  test('ends the trust in its peer within a minute: it gets the answer that it is owed and is closed, others stay', async () => {
    const { layer, handler, listener, clock } = await openTransports({
      listen: [{ transport: 'tls', tlsProfile: 'default' }],
      tls: [profileOf(router)],
      timeouts: { halfOpenMs: 90_000 },
    });
    const [out, stays] = [connectTls(listener, short), connectTls(listener, imp1)];
    for (const peer of [out, stays]) peer.send(messageFrom());
    await until(() => handler.requests.length === 2);
    const { message, flow } = handler.requests.find((it) => it.flow.verifiedNames.includes('fe9.example.com'))!;

    pass(1);
    clock.advance(60_000);
    expect(handler.refused).toEqual([]);
    pass(2);
    // It still waits for its answer at the next look, and is told of once.
    clock.advance(60_000);
    clock.advance(60_000);
    expect(handler.refused).toMatchObject([
      { code: 'tls-certificate-expired', flow: { verifiedNames: flow.verifiedNames } },
    ]);
    layer.sendResponse('SIP/2.0 200 OK\r\n\r\n', message, flow);
    await out.read('200 OK');
    await until(() => {
      clock.advance(50);
      return out.hasEnded;
    });
    stays.send(messageFrom());
    await until(() => handler.requests.length === 3);
  });

  test('sends who waits for an answer of it elsewhere', async () => {
    const { layer, clock } = await openTls();
    const server = await listenTls(short);
    const target = { transport: 'tls', port: server.port, tlsName: 'fe9.example.com', tlsProfile: 'default' } as const;
    const flow = flowTo(layer, target);
    await until(() => flow.state === 'open');
    const user = new RecordingUser();
    flow.users.add(user);
    pass(3);
    clock.advance(60_000);
    expect(user.errors).toMatchObject([{ code: 'closed', detail: expect.stringContaining('CERT_HAS_EXPIRED') }]);
    expect(flowTo(layer, target)).not.toBe(flow);
  });
});

/** What `openssl s_client` says of a second connection that offers the session of the first. */
function reconnect({ address, port }: Listener, own: TestCertificate, version: string): Promise<string> {
  const shown = ['-cert', own.certificateFile, '-key', own.keyFile, '-CAfile', authority.certificateFile];
  const session = `${own.certificateFile}.${version}.session`;
  const once = (how: readonly string[]) =>
    new Promise<string>((resolve, reject) => {
      const program = spawn('openssl', ['s_client', '-connect', `${address}:${port}`, `-${version}`, ...shown, ...how]);
      onTestFinished(() => void program.kill());
      let said = '';
      program.on('error', reject);
      program.stdout.on('data', (chunk) => {
        said += chunk;
        // The session of TLS 1.3 comes behind the handshake, and all is told when the far end closes or we do.
        if (said.includes('Verify return code')) program.stdin.end();
      });
      program.on('close', () => resolve(said));
    });
  return once(['-sess_out', session]).then(() => once(['-sess_in', session]));
}

describe('a session of a peer whose trust may have gone', () => {
  test.each(['tls1_2', 'tls1_3'])('is never resumed, by id or by ticket: %s', async (version) => {
    const { listener } = await openTls();
    const said = await reconnect(listener, frontEnd, version);
    expect(said).toMatch(/^New, TLSv1\.[23]/m);
    expect(said).not.toMatch(/^Reused/m);
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('is never offered by us: %s', async (maxVersion) => {
    const { layer } = await openTls({ maxVersion });
    const server = await listenTls(frontEnd);
    const target = { transport: 'tls', port: server.port, tlsName: 'fe1.example.com', tlsProfile: 'default' } as const;
    for (const i of [0, 1]) {
      const flow = flowTo(layer, target);
      flow.send('hello');
      const peer = await server.peer(i);
      await peer.read('hello');
      expect((peer.socket as TLSSocket).isSessionReused()).toBe(false);
      layer.leave({ ...target, address: '127.0.0.1' });
    }
  });
});

describe('connections never mix identities (RFC 5923 §5)', () => {
  test('two routes to one address with other names or profiles have connections of their own, open or not', async () => {
    const listen = [
      { transport: 'tls', tlsProfile: 'default' },
      { transport: 'tls', tlsProfile: 'b' },
    ] as const;
    const profiles = [profileOf(router), { ...profileOf(router), name: 'b' }];
    const { layer } = await openTransports({ listen, tls: profiles });
    const server = await listenTls(frontEnd);
    const target = (tlsName: string, tlsProfile: string, ...otherTlsNames: readonly string[]) =>
      flowTo(layer, {
        transport: 'tls',
        port: server.port,
        tlsName,
        tlsProfile,
        ...(otherTlsNames.length > 0 && { otherTlsNames }),
      });
    const flow = target('fe1.example.com', 'default');
    expect(target('fe1.example.com', 'default')).toBe(flow);
    expect(target('fe1.example.com', 'b')).not.toBe(flow);
    expect(target('fe1.example.com', 'default', 'fe2.example.com'), 'it might prove the other name').not.toBe(flow);
    await until(() => flow.state === 'open');
    expect(target('fe1.example.com', 'b')).not.toBe(flow);
    expect(target('fe2.example.com', 'default')).not.toBe(flow);
    expect(target('fe2.example.com', 'default', 'fe1.example.com')).toBe(flow);
  });

  test("a peer's own connection serves a hop of its name and profile, from the address that it came to, and no other", async () => {
    const listen = [
      { transport: 'tls', tlsProfile: 'default' },
      { transport: 'tls', tlsProfile: 'default', address: '127.0.0.2' },
    ] as const;
    const { layer, handler } = await openTransports({
      listen,
      tls: [profileOf(router), { ...profileOf(router), name: 'b' }],
    });
    const [first, second] = layer.listeners;
    connectTls(first!, frontEnd).send(messageFrom('fe1.example.com:5999;alias'));
    connectTls(second!, imp1).send(messageFrom('imp1.example.com:5998;alias'));
    await until(() => handler.requests.length === 2);
    const [a, b] = ['pool.example.com', 'imp1.example.com'].map(
      (name) => handler.requests.find(({ flow }) => flow.verifiedNames.includes(name))!.flow,
    );
    const target = (port: number, tlsName: string, tlsProfile = 'default') =>
      flowTo(layer, { transport: 'tls', port, tlsName, tlsProfile });
    expect(target(5999, 'fe1.example.com')).toBe(a);
    expect(target(5999, 'imp1.example.com')).not.toBe(a);
    expect(target(5999, 'fe1.example.com', 'b')).not.toBe(a);
    expect(target(5998, 'imp1.example.com'), 'requests leave from the first listener').not.toBe(b);
  });
});
