/** Whom TLS lets in and whom it reaches, with certificates of every kind in both directions over real sockets (RFC 5922 §7). */
import type { TLSSocket } from 'node:tls';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { TlsProfile } from '../../../../src/sip/transport/settings.ts';
import { createAuthority, type TestCertificate } from '../../../support/certificates.ts';
import { closeTransports, flowTo, RecordingUser } from '../../../support/open-transports.ts';
import { closePeers } from '../../../support/stream-peer.ts';
import { messageFrom, tlsEnds } from '../../../support/tls-ends.ts';
import { until } from '../../../support/until.ts';

const authority = createAuthority();
const stranger = createAuthority('Strange CA');
const issuing = authority.intermediate('Issuing CA');
const { openTls, connectTls, listenTls, frontEnd } = tlsEnds(authority);

afterAll(() => {
  authority.remove();
  stranger.remove();
});
afterEach(async () => {
  await closeTransports();
  closePeers();
});

const fe1 = 'fe1.example.com';
const named = { commonName: 'Front End', alternativeNames: [`DNS:${fe1}`] };
const revoked = authority.issue(named);
const withChain = (own: TestCertificate, ...chain: readonly TestCertificate[]): TestCertificate => ({
  ...own,
  certificate: [own, ...chain].map(({ certificate }) => certificate).join(''),
});

interface Kind {
  readonly what: string;
  readonly own: TestCertificate;
  readonly code: string;
  /** Openssl's name of the fault, and the like. */
  readonly detail: string;
  readonly profile?: Partial<TlsProfile>;
}

const withLists = { crl: [authority.revocationList({ revoked: [revoked] })] };

/** Wrong in both directions. */
const wrong: readonly Kind[] = [
  {
    what: 'that has expired',
    own: authority.issue({ ...named, days: -1 }),
    code: 'tls-certificate-expired',
    detail: 'CERT_HAS_EXPIRED',
  },
  {
    what: 'that does not count yet',
    own: authority.issue({ ...named, startsInDays: 2 }),
    code: 'tls-certificate-not-yet-valid',
    detail: 'CERT_NOT_YET_VALID',
  },
  {
    what: 'of another CA',
    own: stranger.issue(named),
    code: 'tls-certificate-untrusted',
    detail: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE (issued by CN=Strange CA)',
  },
  {
    what: 'of its own making',
    own: authority.issue({ ...named, isSelfSigned: true }),
    code: 'tls-certificate-untrusted',
    detail: 'DEPTH_ZERO_SELF_SIGNED_CERT',
  },
  {
    what: 'without its intermediate certificate',
    own: issuing.issue(named),
    code: 'tls-certificate-untrusted',
    detail: 'issued by CN=Issuing CA',
  },
  {
    what: 'that was revoked',
    own: revoked,
    code: 'tls-certificate-revoked',
    detail: 'CERT_REVOKED',
    profile: withLists,
  },
  {
    what: 'of a CA without a revocation list',
    own: withChain(issuing.issue(named), issuing),
    code: 'tls-crl-missing',
    detail: 'UNABLE_TO_GET_CRL',
    profile: withLists,
  },
  {
    what: 'of a CA whose revocation list has ended',
    own: authority.issue(named),
    code: 'tls-crl-expired',
    detail: 'CRL_HAS_EXPIRED',
    profile: { crl: [authority.revocationList({ days: -1 })] },
  },
];

const good: readonly {
  readonly what: string;
  readonly own: TestCertificate;
  readonly profile?: Partial<TlsProfile>;
}[] = [
  { what: 'a DNS name', own: authority.issue(named) },
  {
    what: 'a sip URI',
    own: authority.issue({ commonName: 'x', alternativeNames: [`URI:sip:${fe1}`, 'DNS:other.example.com'] }),
  },
  { what: 'a common name only', own: authority.issue({ commonName: fe1 }) },
  { what: 'an intermediate certificate behind it', own: withChain(issuing.issue(named), issuing) },
  { what: 'no extended key usage at all (RFC 5280 §4.2.1.12)', own: authority.issue({ ...named, usages: [] }) },
  {
    what: 'revocation lists that do not name it, two in one file',
    own: withChain(issuing.issue(named), issuing),
    profile: { crl: [authority.revocationList() + issuing.revocationList()] },
  },
];

describe('a peer that connects to us', () => {
  test.each<Kind>([
    ...wrong,
    {
      what: 'not made for clients',
      own: authority.issue({ ...named, usages: ['serverAuth'] }),
      code: 'tls-certificate-purpose',
      detail: 'INVALID_PURPOSE',
    },
    {
      what: 'for any purpose, which is none',
      own: authority.issue({ ...named, usages: ['anyExtendedKeyUsage'] }),
      code: 'tls-certificate-purpose',
      detail: 'INVALID_PURPOSE',
    },
    {
      what: 'whose name is not in peers',
      own: frontEnd,
      code: 'tls-name-not-allowed',
      detail: 'names DNS:pool.example.com, DNS:fe1.example.com, IP Address:127.0.0.1, and none of that is in peers',
      profile: { peers: ['imp1.example.com'] },
    },
  ])('with a certificate $what is refused before anything is read, also where it need not show one', async (kind) => {
    for (const clientCertificate of ['required', 'optional'] as const) {
      const { handler, listener } = await openTls({ ...kind.profile, clientCertificate });
      const peer = connectTls(listener, kind.own);
      peer.send(messageFrom());
      await until(() => peer.isClosed);
      const refused = await until(() => handler.refused[0]);
      expect(refused).toMatchObject({ code: kind.code, flow: { remoteAddress: '127.0.0.1', verifiedNames: [] } });
      expect(refused.detail).toContain(kind.detail);
      expect(handler.requests).toEqual([]);
      expect(peer.text).toBe('');
    }
  });

  test('without a certificate is refused', async () => {
    const { handler, listener } = await openTls();
    const peer = connectTls(listener, undefined);
    peer.send(messageFrom());
    await until(() => peer.isClosed);
    expect(await until(() => handler.refused[0])).toMatchObject({ code: 'tls-no-certificate' });
    expect(handler.requests).toEqual([]);
  });

  test.each(good)('with $what is heard, by its name', async ({ own, profile }) => {
    const { handler, listener } = await openTls({ ...profile, peers: [fe1] });
    connectTls(listener, own).send(messageFrom());
    const { flow } = await until(() => handler.requests[0]);
    expect(flow.verifiedNames).toEqual([fe1]);
  });

  test('with a common name only is nobody where that does not count', async () => {
    const { handler, listener } = await openTls({ commonName: false });
    connectTls(listener, authority.issue({ commonName: fe1 })).send(messageFrom());
    const { flow } = await until(() => handler.requests[0]);
    expect(flow.verifiedNames).toEqual([]);
  });

  test('with a wildcard is nobody (RFC 5922 §7.2), and the wildcard where it counts', async () => {
    const wild = authority.issue({ commonName: 'wild', alternativeNames: ['DNS:*.example.com'] });
    for (const [wildcards, names] of [
      [false, []],
      [true, ['*.example.com']],
    ] as const) {
      const { handler, listener } = await openTls({ wildcards });
      connectTls(listener, wild).send(messageFrom());
      const { flow } = await until(() => handler.requests[0]);
      expect(flow.verifiedNames).toEqual(names);
    }
    const { handler, listener } = await openTls({ wildcards: true, peers: [fe1] });
    connectTls(listener, wild).send(messageFrom());
    await until(() => handler.requests.length === 1);
  });

  test('whom the rules above do not know is closed before its first octet is read', async () => {
    const { handler, listener } = await openTls();
    const refusal = { code: 'access-denied', shown: fe1, detail: 'no rule', hint: 'add one' } as const;
    handler.refusalOf = ({ verifiedNames }) => (verifiedNames.includes(fe1) ? refusal : undefined);
    const peer = connectTls(listener, frontEnd);
    peer.send(messageFrom());
    await until(() => peer.isClosed);
    expect(handler.refused).toMatchObject([{ code: 'access-denied', detail: 'no rule' }]);
    expect(handler.requests).toEqual([]);
    connectTls(listener, authority.issue({ commonName: 'imp1.example.com' })).send(messageFrom());
    await until(() => handler.requests.length === 1);
  });
});

describe('a peer that we connect to', () => {
  const reach = async (own: TestCertificate, profile: Partial<TlsProfile> = {}, others: readonly string[] = []) => {
    const { layer } = await openTls(profile);
    const server = await listenTls(own, { requestCert: false });
    const names = { tlsName: fe1, ...(others.length === 0 ? {} : { otherTlsNames: others }) };
    const flow = flowTo(layer, { transport: 'tls', port: server.port, tlsProfile: 'default', ...names });
    const user = new RecordingUser();
    flow.users.add(user);
    flow.send('secret');
    return { server, flow, user };
  };
  const other = { commonName: fe1, alternativeNames: ['DNS:fe2.example.com', 'IP:127.0.0.9'] };

  test.each<Kind>([
    ...wrong,
    {
      what: 'not made for servers',
      own: authority.issue({ ...named, usages: ['clientAuth'] }),
      code: '',
      detail: 'INVALID_PURPOSE',
    },
    {
      what: 'of another name',
      own: authority.issue(other),
      code: '',
      detail: 'names DNS:fe2.example.com, IP Address:127.0.0.9, not fe1.example.com',
    },
    {
      what: 'with a wildcard (RFC 5922 §7.2)',
      own: authority.issue({ commonName: fe1, alternativeNames: ['DNS:*.example.com'] }),
      code: '',
      detail: 'names DNS:*.example.com, not fe1.example.com',
    },
    {
      what: 'with a common name that does not count',
      own: authority.issue({ commonName: fe1 }),
      code: '',
      detail: 'names CN=fe1.example.com, not fe1.example.com',
      profile: { commonName: false },
    },
    {
      what: 'with a common name beside others',
      own: authority.issue({ commonName: fe1, alternativeNames: ['email:admin@example.com'] }),
      code: '',
      detail: 'not fe1.example.com',
    },
  ])('with a certificate $what is refused, and nothing is written to it', async (kind) => {
    const { server, user } = await reach(kind.own, kind.profile);
    await until(() => user.errors.length === 1);
    expect(user.errors[0]).toMatchObject({ code: 'tls-failed', detail: expect.stringContaining(kind.detail) });
    for (const peer of server.peers) await until(() => peer.isClosed);
    expect(server.peers.map(({ text }) => text).join('')).toBe('');
  });

  test.each(good)('with $what is spoken to', async ({ own, profile }) => {
    const { server, flow } = await reach(own, profile);
    await (await server.peer(0)).read('secret');
    expect(flow.verifiedNames).toEqual([fe1]);
  });

  test('by one of several names is spoken to, and by a wildcard where it counts', async () => {
    const several = await reach(authority.issue(other), {}, ['fe2.example.com']);
    await (await several.server.peer(0)).read('secret');
    const wild = await reach(authority.issue({ commonName: 'w', alternativeNames: ['DNS:*.example.com'] }), {
      wildcards: true,
    });
    await (await wild.server.peer(0)).read('secret');
  });

  test.each([
    ['TLSv1.2', 'TLSv1.2'],
    ['TLSv1.3', 'TLSv1.3'],
  ] as const)('is spoken to by the newest version that the profile allows: %s', async (maxVersion, spoken) => {
    const { server } = await reach(frontEnd, { maxVersion });
    const { socket } = await server.peer(0);
    expect((socket as TLSSocket).getProtocol()).toBe(spoken);
  });
});
