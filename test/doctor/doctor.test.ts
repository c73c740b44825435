/** `pif-router doctor` at far sides of every kind: what it sees, whom it blames, and how it ends. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { type DoctorReport, command as doctor } from '../../src/cli/doctor.ts';
import {
  type CertificateWish,
  createAuthority,
  type TestAuthority,
  type TestCertificate,
} from '../support/certificates.ts';
import { folderWith } from '../support/configuration.ts';
import { DnsServer } from '../support/dns-server.ts';
import { type RawMessage, responseText } from '../support/raw-message.ts';
import { RouterProcess } from '../support/router-process.ts';
import { run } from '../support/run-command.ts';
import { ok, serveByOpenssl, serveTcp, serveTls, serveUdp, silent } from './far-side.ts';

const router = '127.0.110.1';
const imp1 = { address: '127.0.110.11', port: 5061 };
const fe1 = { address: '127.0.110.21', port: 5061 };

let dns: DnsServer;
let authority: TestAuthority;
let other: TestAuthority;
/** Ours. */
let own: TestCertificate;
/** That of a Front End as it should be. */
let good: TestCertificate;

beforeAll(async () => {
  dns = await DnsServer.start('127.0.110.53', 5353, [
    `host-record=router.example.com,${router}`,
    `host-record=imp1.example.com,${imp1.address}`,
    `host-record=fe1.example.com,${fe1.address}`,
    'srv-host=_sips._tcp.pool.example.com,fe1.example.com,5061,10,1',
  ]);
  authority = createAuthority('Test Root', 365);
  other = createAuthority('Other Root', 365);
  own = authority.issue({ commonName: 'router.example.com', alternativeNames: ['DNS:router.example.com'], days: 90 });
  good = authority.issue({ commonName: 'fe1.example.com', alternativeNames: ['DNS:fe1.example.com'], days: 90 });
});
afterAll(async () => {
  await dns.close();
  authority.remove();
  other.remove();
});

interface Wish {
  /** Default router.example.com. */
  readonly node?: string;
  readonly own?: Pick<TestCertificate, 'certificate' | 'key'>;
  readonly ca?: string;
  /** Of the one route towards Microsoft, besides `to` and `pattern`. */
  readonly route?: string;
  readonly more?: string;
  /** The rules. */
  readonly access?: string;
  /** Of the TLS profile, besides its files. */
  readonly profile?: string;
  /** How long is waited for, where nothing comes; else long enough for a busy machine. */
  readonly connect?: string;
  readonly answer?: string;
}

const bothSides = '{ side: cisco, from: 127.0.110.11 }, { side: microsoft, from: 127.0.110.21 }';

const toFrontEnd = 'next-hop: fe1.example.com, transport: tls';

function routesYaml({
  node = 'router.example.com',
  route = toFrontEnd,
  more = '',
  access = bothSides,
  profile = '',
  connect = '20s',
  answer = '10s',
}: Wish): string {
  return `node: { name: ${node} }
domains: [example.com]
listen:
  - { transport: tls, address: ${router} }
  - { transport: tcp, address: ${router} }
  - { transport: udp, address: ${router} }
tls: { default: { certificate: own.crt, key: own.key, ca: ca.crt${profile} } }
access: [${access}]
routes: [{ to: microsoft, pattern: example.com, ${route} }]
dns: { servers: ['${dns.server}'] }
timers: { connect: ${connect} }
health: { probe: { timeout: ${answer} } }
${more}`;
}

interface Examined {
  readonly code: number;
  readonly report: DoctorReport;
  readonly text: string;
}

async function examine(wish: Wish = {}): Promise<Examined> {
  const { certificate, key } = wish.own ?? own;
  const ca = wish.ca ?? authority.certificate;
  const folder = folderWith({ 'routes.yaml': routesYaml(wish), 'own.crt': certificate, 'own.key': key, 'ca.crt': ca });
  const { code, out } = await run(doctor, ['--json', join(folder, 'routes.yaml')]);
  const text = out.join('\n');
  return { code, report: JSON.parse(text) as DoctorReport, text };
}

/** Findings about next hops, `code severity: seen -> steps`. */
const ofHop = ({ report }: Examined): readonly string[] => lines(report, 'next-hop');

const lines = ({ examinations }: DoctorReport, kind: string): readonly string[] =>
  examinations
    .filter((each) => each.kind === kind)
    .flatMap(({ findings }) => findings)
    .map(({ code, severity, seen, steps }) =>
      [`${code} ${severity}: ${seen}`, ...steps.map(({ on, what }) => `${on}: ${what}`)].join(' -> '),
    );

const shown = (): { certificate: TestCertificate; trusts: string } => ({
  certificate: good,
  trusts: authority.certificate,
});

describe('a Front End over TLS', () => {
  test('as it should be: everything is well, and is said so', async () => {
    await serveTls(fe1, shown(), (request) =>
      responseText(request, 200, { headers: [`Date: ${new Date().toUTCString()}`] }),
    );
    const examined = await examine();
    expect(ofHop(examined)).toEqual([
      'hop-address ok: fe1.example.com leads to 127.0.110.21',
      'hop-reverse ok: 127.0.110.21 leads to fe1.example.com',
      'connection ok: it takes TCP connections',
      expect.stringMatching(/^tls-version ok: TLSv1\.3 with TLS_/),
      'peer-chain ok: its certificate leads to CN=Test Root, whom the file of tls.default.ca trusts',
      expect.stringMatching(
        /^peer-certificate-dates ok: the certificate of CN=fe1\.example\.com ends on \S+, in \d+ days$/,
      ),
      'peer-name ok: its certificate names fe1.example.com',
      'peer-purposes ok: its certificate is good for servers and for clients',
      'peer-access ok: it may connect to us, as microsoft',
      'own-certificate-accepted ok: it accepts our certificate',
      expect.stringMatching(/^options (ok|warning): OPTIONS: 200 in \d+ ms/),
      expect.stringMatching(/^clock ok: its clock is /),
    ]);
    expect(examined.code).toBe(0);
  });

  test('shows its certificate to the name of the route (SNI), and OPTIONS carry our own name', async () => {
    let asked: RawMessage | undefined;
    await serveTls(fe1, shown(), (request) => {
      asked = request;
      return responseText(request, 200);
    });
    await examine();
    expect(asked?.requestUri).toBe('sip:fe1.example.com:5061;transport=tls');
    // No `alias`: the far side must not send its own requests by a connection that is gone at once (RFC 5923).
    expect(asked?.header('Via')).toMatch(/^SIP\/2\.0\/TLS router\.example\.com:5061;branch=z9hG4bK[0-9a-f]+$/);
  });

  const frontEnd = (wish: Partial<CertificateWish> = {}, from = authority): TestCertificate => {
    const { commonName = 'fe1.example.com' } = wish;
    return from.issue({ commonName, alternativeNames: [`DNS:${commonName}`], days: 90, ...wish });
  };
  const wrong: readonly [what: string, certificate: () => TestCertificate, expected: RegExp][] = [
    [
      'of another CA',
      () => frontEnd({}, other),
      /^peer-chain error: CN=Other Root, who signed its certificate, is neither sent along nor in the file of tls\.default\.ca -> this router: .* -> Microsoft Front End: .*Cert:\\LocalMachine\\CA$/,
    ],
    [
      'signed by itself',
      () => frontEnd({ isSelfSigned: true }),
      /^peer-chain error: its certificate is signed by itself -> Microsoft Front End: Get-CsCertificate; Request-CsCertificate /,
    ],
    [
      'that has ended',
      () => frontEnd({ days: -1 }),
      /^peer-certificate-dates error: the certificate of CN=fe1\.example\.com ended on \S+ -> Microsoft Front End: /,
    ],
    [
      'that is not valid yet',
      () => frontEnd({ startsInDays: 2 }),
      /^peer-certificate-dates error: .* is not valid before .* -> this router: or is the clock of this machine wrong\?$/,
    ],
    [
      'that ends soon',
      () => frontEnd({ days: 10 }),
      /^peer-certificate-dates warning: .* ends on \S+, in (9|10) days -> Microsoft Front End: /,
    ],
    [
      'for another host',
      () => frontEnd({ commonName: 'fe9.example.com' }),
      /^peer-name error: its certificate names DNS:fe9\.example\.com, not fe1\.example\.com -> this router: tls-name: fe9\.example\.com on the route, /,
    ],
    [
      'for the SIP domain in place of the host',
      () => frontEnd({ commonName: 'example.com' }),
      /^peer-name error: its certificate names DNS:example\.com, not fe1\.example\.com; that is the SIP domain, where a host is wanted -> Microsoft Front End: /,
    ],
    [
      'for servers only',
      () => frontEnd({ usages: ['serverAuth'] }),
      /^peer-purposes error: its certificate is not made for clientAuth: it cannot connect to us with it -> Microsoft Front End: .*template for server and client authentication$/,
    ],
    [
      'for clients only',
      () => frontEnd({ usages: ['clientAuth'] }),
      /^peer-purposes error: its certificate is not made for serverAuth -> Microsoft Front End: /,
    ],
  ];
  const wildcard: CertificateWish = { commonName: 'x', alternativeNames: ['DNS:*.example.com'], days: 90 };
  test.each<[string, CertificateWish, Wish, string]>([
    [
      'one of several of the route',
      { commonName: 'x', alternativeNames: ['DNS:fe1.example.com'], days: 90 },
      { route: `${toFrontEnd}, tls-name: [pool1.example.com, fe1.example.com]` },
      'ok: its certificate names fe1.example.com',
    ],
    ['a wildcard', wildcard, {}, 'error: its certificate names DNS:*.example.com, not fe1.example.com'],
    ['a wildcard', wildcard, { profile: ', wildcards: true' }, 'ok: its certificate names fe1.example.com'],
    [
      'a common name',
      { commonName: 'fe1.example.com', days: 90 },
      { profile: ', common-name: false' },
      'error: its certificate names CN=fe1.example.com, not fe1.example.com',
    ],
  ])('its names are judged by the rules of the profile: %s (%j, %j): %s', async (_, named, settings, expected) => {
    await serveTls(fe1, { certificate: authority.issue(named) });
    expect(ofHop(await examine(settings))).toContainEqual(expect.stringContaining(`peer-name ${expected}`));
  });

  test.each([
    [
      { profile: ', peers: [imp1.example.com]' },
      'its certificate names DNS:fe1.example.com, which tls.default.peers has not -> this router: add its name to tls.default.peers',
    ],
    [
      { access: '{ side: microsoft, from: fe2.example.com }' },
      'no rule of access lets in 127.0.110.21 (fe1.example.com) -> this router: a row of access: { side: microsoft, from: fe1.example.com }',
    ],
    [
      { access: '{ side: cisco, from: fe1.example.com }' },
      'access takes 127.0.110.21 (fe1.example.com) for cisco -> this router: a row of access: { side: microsoft, from: fe1.example.com }',
    ],
  ])('could not connect to us, which is found out before it tries (%j)', async (settings, expected) => {
    await serveTls(fe1, shown());
    expect(ofHop(await examine(settings))).toContainEqual(
      `peer-access warning: it could not connect to us: ${expected}`,
    );
  });

  test('is revoked: so the list of its CA says, and the peer needs another certificate', async () => {
    const certificate = frontEnd();
    await serveTls(fe1, { certificate });
    const crl = folderWith({ 'ca.crl': authority.revocationList({ revoked: [certificate] }) });
    expect(ofHop(await examine({ profile: `, crl: [${crl}/ca.crl]` }))).toContainEqual(
      expect.stringMatching(/^peer-chain error: its certificate is refused: CERT_REVOKED -> Microsoft Front End: Get-/),
    );
  });

  test('there is no list of its CA: that is for this router to mend', async () => {
    const intermediate = authority.intermediate('Without List');
    const certificate = frontEnd({}, intermediate);
    await serveTls(fe1, { certificate, chain: intermediate.certificate });
    const crl = folderWith({ 'ca.crl': authority.revocationList() });
    expect(ofHop(await examine({ profile: `, crl: [${crl}/ca.crl]` }))).toContainEqual(
      'peer-chain error: its certificate is refused: UNABLE_TO_GET_CRL -> this router: add the list of its CA to tls.default.crl',
    );
  });

  test.each(wrong)('shows a certificate %s: nothing else is wrong with it', async (what, certificate, expected) => {
    await serveTls(fe1, { certificate: certificate(), trusts: authority.certificate });
    const examined = await examine();
    const bad = ofHop(examined).filter((line) => !/^[a-z-]+ ok:/.test(line));
    expect(bad).toEqual([expect.stringMatching(expected)]);
    expect(examined.code).toBe(what === 'that ends soon' ? 0 : 1);
  });

  test('does not send its intermediate: its name is told, and with it sent all is well', async () => {
    const intermediate = authority.intermediate('Test Intermediate');
    const certificate = intermediate.issue({
      commonName: 'fe1.example.com',
      alternativeNames: ['DNS:fe1.example.com'],
      days: 90,
    });
    await serveTls(fe1, { certificate });
    const without = ofHop(await examine());
    expect(without).toContainEqual(
      expect.stringMatching(/^peer-chain error: CN=Test Intermediate, who signed its cert/),
    );
    await serveTls({ ...imp1 }, { certificate, chain: intermediate.certificate });
    const sent = await examine({ route: `next-hop: ${imp1.address}, transport: tls, tls-name: fe1.example.com` });
    expect(ofHop(sent)).toContainEqual(expect.stringMatching(/^peer-chain ok: its certificate leads to CN=Test Root/));
  });
});

describe('a far side that refuses our certificate', () => {
  test.each([
    ['TLSv1.2', /^tls-handshake error: it closes the connection during the handshake: most likely it refuses our cert/],
    [
      'TLSv1.3',
      /^own-certificate-accepted error: .* after the handshake, without an answer: most likely it refuses our/,
    ],
  ] as const)(
    'by closing the connection without a word (%s): trust and names are to be looked at',
    async (version, seen) => {
      const trusts = other.certificate;
      await serveTls(fe1, { certificate: good, trusts }, undefined, { minVersion: version, maxVersion: version });
      const examined = await examine();
      const last = ofHop(examined).at(-1);
      expect(last).toMatch(seen);
      expect(last).toMatch(
        / -> Microsoft Front End: on each Front End: Import-Certificate .* -> Microsoft Front End: \$route = New-CsStaticRoute -TLSRoute -Destination router\.example\.com -Port 5061 -MatchUri example\.com -UseDefaultCertificate \$true; Set-CsStaticRoutingConfiguration -Identity global -Route @\{Add=\$route\}; Enable-CsTopology$/,
      );
      expect(examined.code).toBe(1);
    },
  );

  test.each(['-tls1_2', '-tls1_3'])('by an alert, which is told (openssl s_server %s)', async (version) => {
    const trusting = ['-Verify', '2', '-verify_return_error', '-CAfile', other.certificateFile];
    await serveByOpenssl(fe1, { certificate: good }, version, ...trusting);
    const examined = await examine();
    expect(ofHop(examined).at(-1)).toMatch(
      /^own-certificate-accepted error: it refuses our certificate \(.*alert unknown ca\) -> Microsoft Front End: on each Front End: Import-Certificate /,
    );
    expect(examined.code).toBe(1);
  });

  test('on the Cisco side: cup-trust and TLS peer subjects, with their menus', async () => {
    await serveTls(imp1, { certificate: good, trusts: other.certificate });
    const toCisco = `next-hop: fe1.example.com, transport: tls }, { to: cisco, pattern: example.com, next-hop: ${imp1.address}, transport: tls, tls-name: fe1.example.com`;
    const refused = ofHop(await examine({ route: toCisco })).at(-1);
    expect(refused).toContain(
      'Cisco IM&P: Cisco Unified IM and Presence OS Administration > Security > Certificate Management > Upload Certificate/Certificate Chain',
    );
    expect(refused).toContain(
      'Cisco Unified CM IM and Presence Administration > System > Security > TLS Peer Subjects: add router.example.com;',
    );
  });
});

describe('how far one gets', () => {
  test('nobody listens there', async () => {
    const examined = await examine();
    expect(ofHop(examined).at(-1)).toMatch(
      /^connection error: nobody listens there for TLS \(connect ECONNREFUSED 127\.0\.110\.21:5061\) -> Microsoft Front End: Get-CsWindowsService/,
    );
    expect(examined.code).toBe(1);
  });

  test('it takes connections and says nothing to TLS', async () => {
    await serveTcp(fe1);
    expect(ofHop(await examine({ connect: '1s' })).at(-1)).toMatch(
      /^tls-handshake error: it says nothing to TLS \(nothing within 1000 ms\) -> Microsoft Front End: /,
    );
  });

  test('it speaks, but not TLS', async () => {
    await serveTcp(fe1, undefined, 'SIP/2.0 400 Bad Request\r\n\r\n');
    expect(ofHop(await examine()).at(-1)).toMatch(
      /^tls-handshake error: it answers, but not with TLS \(wrong version number\) -> this router: transport: tcp on the route/,
    );
  });

  test('it takes our certificate and never answers', async () => {
    await serveTls(fe1, shown(), () => undefined);
    expect(ofHop(await examine({ answer: '500ms' })).at(-1)).toMatch(
      /^options error: no answer to OPTIONS within 500 ms -> Microsoft Front End: New-CsTrustedApplicationPool -Identity router\.example\.com /,
    );
  });

  test('it answers something else than SIP', async () => {
    await serveTls(fe1, shown(), () => 'HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n');
    expect(ofHop(await examine()).at(-1)).toMatch(/^options error: what it answers is not SIP \(/);
  });

  test('it speaks TLS on the port that is meant for TCP', async () => {
    await serveTcp({ ...fe1, port: 5060 }, () => '\x15\x03\x03\0\x02\x02\x16');
    expect(ofHop(await examine({ route: `next-hop: ${fe1.address}, port: 5060` })).at(-1)).toMatch(
      /^options error: what it answers is not SIP \(the next hop speaks TLS on this port: transport: tls on its route/,
    );
  });

  test('over TCP', async () => {
    const route = `next-hop: ${fe1.address}, port: 5060`;
    await serveTcp({ ...fe1, port: 5060 }, ok);
    const answered = await examine({ route });
    expect(ofHop(answered).slice(1)).toEqual([
      'peer-access ok: it may connect to us, as microsoft',
      'connection ok: it takes TCP connections',
      expect.stringMatching(/^options (ok|warning): OPTIONS: 200 in \d+ ms/),
    ]);
    expect(answered.code).toBe(0);
  });

  test('over TCP from an address that no rule of access lets in, where the rules know names only', async () => {
    const route = `next-hop: ${fe1.address}, port: 5060`;
    await serveTcp({ ...fe1, port: 5060 }, ok);
    const answered = await examine({ route, access: '{ side: microsoft, from: fe1.example.com }' });
    expect(ofHop(answered)).toContain(
      `peer-access warning: it could not connect to us: no rule of access lets in ${fe1.address} over tcp -> this router: a row of access: { side: microsoft, from: ${fe1.address} }`,
    );
  });

  test.each([
    ['answered', ok, /^options (ok|warning): OPTIONS: 200/],
    ['silent', silent, /^options error: no answer to OPTIONS within 500 ms/],
    ['refused', undefined, /^connection error: nobody listens there for UDP \(.*ECONNREFUSED/],
  ] as const)('over UDP: %s', async (_, respond, expected) => {
    if (respond !== undefined) await serveUdp({ ...fe1, port: 5060 }, respond);
    const examined = await examine({
      route: `next-hop: ${fe1.address}, transport: udp`,
      answer: respond === silent ? '500ms' : '10s',
    });
    const access = 'peer-access ok: it may connect to us, as microsoft';
    expect(ofHop(examined).slice(1)).toEqual([access, expect.stringMatching(expected)]);
  });

  test.each([
    [401, 'error', /OPTIONS: 401 in \d+ ms: it does not know us -> Microsoft Front End: New-CsTrustedApplicationPool /],
    [403, 'error', /OPTIONS: 403 in \d+ ms: it does not know us/],
    [503, 'warning', /OPTIONS: 503 in \d+ ms: the router takes that for ill -> this router: .*health\.probe\.good$/],
    [405, '(ok|warning)', /OPTIONS: 405 in \d+ ms(, which is slow|$)/],
  ] as const)('OPTIONS are answered with %i', async (status, severity, seen) => {
    await serveTls(fe1, shown(), (request) => responseText(request, status));
    const line = ofHop(await examine()).at(-1);
    expect(line).toMatch(new RegExp(`^options ${severity}: `));
    expect(line).toMatch(seen);
  });

  test('a clock that is ten minutes behind', async () => {
    const date = new Date(Date.now() - 600_000).toUTCString();
    await serveTls(fe1, shown(), (request) => responseText(request, 200, { headers: [`Date: ${date}`] }));
    expect(ofHop(await examine()).at(-1)).toMatch(/^clock warning: its clock is 60\d s behind ours -> this router: /);
  });

  test('only TLS 1.0: what it does speak is found out, and the legacy profile is named', async () => {
    const certificate = authority.issue({ commonName: 'fe1.example.com', alternativeNames: ['DNS:fe1.example.com'] });
    await serveByOpenssl(fe1, { certificate }, '-tls1', '-cipher', 'ALL:@SECLEVEL=0');
    expect(ofHop(await examine({ answer: '500ms' })).at(-1)).toMatch(
      /^tls-version error: no TLS version or cipher in common \(.*\): it speaks TLSv1 with \S+ -> Microsoft Front End: .* -> this router: or, .*min-version: TLSv1, legacy: true/,
    );
  });
});

describe('names', () => {
  test('a hop without an address', async () => {
    const examined = await examine({ route: 'next-hop: nowhere.example.com, transport: tls' });
    expect(ofHop(examined)).toEqual([
      expect.stringMatching(
        /^hop-address error: nowhere\.example\.com leads nowhere: .* -> DNS: an A record of nowhere/,
      ),
    ]);
    expect(examined.code).toBe(1);
  });

  test('a hop by its SRV records, whose name the certificate does not carry', async () => {
    await serveTls(fe1, shown());
    const examined = await examine({ route: 'next-hop: pool.example.com, port: 0, transport: tls' });
    expect(ofHop(examined)).toContain('hop-address ok: pool.example.com leads to 127.0.110.21');
    expect(ofHop(examined)).toContainEqual(
      expect.stringMatching(/^peer-name error: .* not pool\.example\.com -> this router: tls-name: fe1\.example\.com/),
    );
    expect(ofHop(examined)).toContainEqual(
      expect.stringMatching(
        /^hop-reverse warning: 127\.0\.110\.21 leads to fe1\.example\.com, not to pool\.example\.com/,
      ),
    );
  });

  test('our own, forward and back', async () => {
    expect(lines((await examine()).report, 'node')).toEqual([
      'own-name-address ok: router.example.com has the address 127.0.110.1',
      'own-name-reverse ok: 127.0.110.1 leads to router.example.com',
    ]);
  });
});

describe('an address in place of our name', () => {
  const carrying = (...addresses: readonly string[]): TestCertificate =>
    authority.issue({ commonName: addresses[0]!, alternativeNames: addresses.map((each) => `IP:${each}`), days: 90 });

  test('of this machine: nobody is asked for it, and it is among the names of the certificate', async () => {
    const route = `${toFrontEnd} }, { to: cisco, pattern: example.com, next-hop: 127.0.110.11, transport: tls`;
    const { report } = await examine({ node: router, own: carrying(router), route });
    expect(lines(report, 'node')).toEqual([
      `own-name-address ok: node.name ${router} is an address of this machine`,
      `own-name-reverse ok: ${router} leads to router.example.com`,
    ]);
    const ofProfile = lines(report, 'tls-profile');
    expect(ofProfile).toContain(`own-names ok: it is good for ${router}`);
    expect(ofProfile).toContain(
      `own-common-name ok: Cisco will compare its common name, ${router}, with the TLS peer subjects`,
    );
  });

  test('of IPv6, however it is spelt', async () => {
    const { report } = await examine({ node: '"0:0::1"', own: carrying('::1') });
    expect(lines(report, 'node')[0]).toMatch(/^own-name-address ok: node\.name \S+ is an address of this machine$/);
    expect(lines(report, 'tls-profile')).toContainEqual(expect.stringMatching(/^own-names ok: it is good for \S+:1$/));
  });

  test('of another machine is right for a virtual address only', async () => {
    const { report } = await examine({ node: '192.0.2.10', own: carrying('192.0.2.10') });
    expect(lines(report, 'node')[0]).toBe(
      'own-name-address warning: node.name 192.0.2.10 is no address of this machine: right only for a virtual address -> this router: node.name: an address of a listener, or a name for it',
    );
  });

  test('leads to advice that a Front End can follow: its routes for TLS take names only', async () => {
    await serveTls(fe1, { ...shown(), trusts: other.certificate });
    const refusal = ofHop(await examine({ node: router, own: carrying(router) })).find((line) =>
      line.startsWith('own-certificate-accepted'),
    );
    expect(refusal).toContain(
      `this router: node.name: a name in place of ${router}, if only in the hosts file of each Front End: New-CsStaticRoute -TLSRoute takes no address as its destination`,
    );
    expect(refusal).not.toContain(`-Destination ${router}`);
  });
});

describe('our own certificate', () => {
  const ofProfile = async (wish: Wish): Promise<readonly string[]> =>
    lines((await examine(wish)).report, 'tls-profile').filter((line) => !/^[a-z-]+ ok:/.test(line));
  const routerWith = (wish: Partial<CertificateWish>): TestCertificate =>
    authority.issue({
      commonName: 'router.example.com',
      alternativeNames: ['DNS:router.example.com'],
      days: 90,
      ...wish,
    });

  test.each<[string, Partial<CertificateWish>, RegExp]>([
    [
      'without our name',
      { alternativeNames: ['DNS:example.com'] },
      /^own-names error: router\.example\.com is not among its names \(DNS:example\.com\) -> certification authority: .*certs\/make-csr\.sh router\.example\.com/,
    ],
    [
      'for servers only',
      { usages: ['serverAuth'] },
      /^own-purposes error: it is not made for clientAuth: peers need both/,
    ],
    [
      'that ends soon',
      { days: 20 },
      /^own-certificate-dates warning: the certificate of CN=router\.example\.com ends on/,
    ],
  ])('%s', async (_, wish, expected) => {
    expect(await ofProfile({ own: routerWith(wish) })).toContainEqual(expect.stringMatching(expected));
  });

  test('with an elliptic-curve key, which Lync cannot use', async () => {
    expect(await ofProfile({})).toEqual([
      expect.stringMatching(
        /^own-key warning: its key is ec, not RSA: Lync and OCS have no elliptic-curve ciphers -> /,
      ),
    ]);
  });

  test('with another common name: Cisco is told which to list', async () => {
    const route = `${toFrontEnd} }, { to: cisco, pattern: example.com, next-hop: 127.0.110.11`;
    const odd = routerWith({ commonName: 'pif' });
    expect(await ofProfile({ own: odd, route })).toContainEqual(
      expect.stringMatching(
        /^own-common-name warning: its common name is pif, not router.* TLS Peer Subjects: add pif;/,
      ),
    );
  });

  test('whose intermediate stands among the CAs only', async () => {
    const intermediate = authority.intermediate('Test Intermediate');
    const { certificate, key } = intermediate.issue({
      commonName: 'router.example.com',
      alternativeNames: ['DNS:router.example.com'],
      days: 90,
    });
    const ca = authority.certificate + intermediate.certificate;
    expect(await ofProfile({ own: { certificate, key }, ca })).toContainEqual(
      expect.stringMatching(
        /^own-chain warning: .* lacks the intermediate CN=Test Intermediate: peers without it cannot verify us/,
      ),
    );
    expect(await ofProfile({ own: { certificate, key } })).toContainEqual(
      expect.stringMatching(/^own-chain warning: neither .* holds CN=Test Intermediate, who signed it/),
    );
    const whole = { certificate: certificate + intermediate.certificate, key };
    expect((await ofProfile({ own: whole })).filter((line) => line.startsWith('own-chain'))).toEqual([]);
  });
});

describe('our own listeners', () => {
  const unread = 'it closes unread what comes from here, as no rule lets this machine in';
  const usual = (folder: string, more = ''): string =>
    routesYaml({ more, answer: more.includes('drop') ? '500ms' : '10s' })
      .replace('certificate: own.crt', `certificate: ${folder}/router.crt`)
      .replace('key: own.key', `key: ${folder}/router.key`)
      .replace('ca: ca.crt', `ca: ${folder}/ca.crt`)
      // Who may be let in by name is heard out to the end of the handshake.
      .replace('access: [', 'access: [{ side: microsoft, from: fe1.example.com }, ');
  const examineFile = async (file: string): Promise<{ code: number; report: DoctorReport }> => {
    const { code, out } = await run(doctor, ['--json', file]);
    return { code, report: JSON.parse(out.join('')) as DoctorReport };
  };

  test('while the router runs: TLS shows the certificate of its file, and strangers are closed unread as they should be', async () => {
    const running = await RouterProcess.start({ routes: usual(inject('certificates')) });
    onTestFinished(async () => void (await running.stop()));
    const { report } = await examineFile(running.file);
    expect(lines(report, 'listener')).toEqual([
      'listener-open ok: it is open',
      expect.stringMatching(/^listener-tls ok: TLSv1\.3 with TLS_/),
      'listener-certificate ok: it shows the certificate of its file',
      `listener-answer ok: ${unread}`,
      'listener-open ok: it is open',
      `listener-answer ok: ${unread}`,
      expect.stringMatching(/^listener-answer ok: OPTIONS: 403 in \d+ ms, as no rule lets this machine in$/),
    ]);
  });

  test('where no name could let this machine in, TLS is closed before the handshake, which is well, too', async () => {
    const byAddress = usual(inject('certificates')).replace('{ side: microsoft, from: fe1.example.com }, ', '');
    const running = await RouterProcess.start({ routes: byAddress });
    onTestFinished(async () => void (await running.stop()));
    const { report } = await examineFile(running.file);
    expect(lines(report, 'listener').slice(0, 2)).toEqual([
      'listener-open ok: it is open',
      `listener-answer ok: ${unread}`,
    ]);
  });

  test('where a rule lets this machine in, each of them answers', async () => {
    const routes = usual(inject('certificates')).replace('access: [', `access: [{ side: cisco, from: ${router} }, `);
    const running = await RouterProcess.start({ routes });
    onTestFinished(async () => void (await running.stop()));
    const { report } = await examineFile(running.file);
    const answers = lines(report, 'listener').filter((line) => line.startsWith('listener-answer'));
    expect(answers).toHaveLength(3);
    for (const line of answers) expect(line).toMatch(/^listener-answer ok: OPTIONS: 200 in \d+ ms$/);
  });

  test('a certificate that was renewed and not reloaded is noticed', async () => {
    const folder = folderWith({
      'router.crt': own.certificate,
      'router.key': own.key,
      'ca.crt': authority.certificate,
    });
    const running = await RouterProcess.start({ routes: usual(folder, 'reload: { watch: false }') });
    onTestFinished(async () => void (await running.stop()));
    const renewed = authority.issue({ commonName: 'router.example.com', alternativeNames: ['DNS:router.example.com'] });
    writeFileSync(join(folder, 'router.crt'), renewed.certificate);
    writeFileSync(join(folder, 'router.key'), renewed.key);
    const { report } = await examineFile(running.file);
    expect(lines(report, 'listener')).toContainEqual(
      expect.stringMatching(
        /^listener-certificate warning: it shows another certificate .* -> this router: pif-router reload$/,
      ),
    );
  });

  test('where strangers get no answer, silence is well', async () => {
    const routes = usual(inject('certificates'), 'routing: { when-access-denied: drop }');
    const running = await RouterProcess.start({ routes });
    onTestFinished(async () => void (await running.stop()));
    const { report } = await examineFile(running.file);
    expect(lines(report, 'listener').at(-1)).toBe(
      'listener-answer ok: it does not answer strangers, as when-access-denied: drop says',
    );
  });

  test('while it does not run: a warning each, which is no failure', async () => {
    await serveTls(fe1, shown());
    const examined = await examine();
    expect(lines(examined.report, 'listener')).toHaveLength(3);
    for (const line of lines(examined.report, 'listener'))
      expect(line).toMatch(/^listener-open warning: nobody listens there: the router does not run/);
    expect(examined.code).toBe(0);
  });

  test('one of them taken by another program, the others closed: those fail', async () => {
    await serveTcp({ address: router, port: 5060 }, ok);
    const examined = await examine();
    expect(lines(examined.report, 'listener')).toContainEqual(
      expect.stringMatching(/^listener-open error: nobody listens there, but other listeners are open/),
    );
    expect(examined.code).toBe(1);
  });
});

describe('the command', () => {
  test('says the same in plain words, each step below its finding, and counts at the end', async () => {
    const files = { 'own.crt': own.certificate, 'own.key': own.key, 'ca.crt': authority.certificate };
    const file = join(folderWith({ ...files, 'routes.yaml': routesYaml({}) }), 'routes.yaml');
    const { code, out } = await run(doctor, [file]);
    expect(out[0]).toBe('TLS profile default');
    expect(out).toContain('this node, router.example.com');
    expect(out).toContain('next hop tls 127.0.110.21:5061 as fe1.example.com, microsoft side');
    const at = out.findIndex((line) => line.startsWith('  error   connection: nobody listens there'));
    expect(out[at + 1]).toMatch(/^ {10}Microsoft Front End: Get-CsWindowsService/);
    expect(out.at(-1)).toMatch(/: 1 errors, \d+ warnings$/);
    expect(code).toBe(1);
  });

  test('never prints a key', async () => {
    await serveTls(fe1, shown());
    const { text } = await examine();
    expect(text).not.toContain('PRIVATE KEY');
    for (const line of own.key.split('\n').filter((each) => each.length > 40)) expect(text).not.toContain(line);
  });

  test.each([[['--what']], [['a.yaml', 'b.yaml']]])('%j is not understood', async (args) => {
    expect(await run(doctor, args)).toMatchObject({
      code: 2,
      out: [],
      err: [expect.any(String), 'usage: pif-router doctor [--json] [FILE]', expect.stringContaining('--help')],
    });
  });

  test('a file that cannot be used: its problems, and 2', async () => {
    const file = join(folderWith({ 'routes.yaml': routesYaml({}) }), 'routes.yaml');
    const { code, out, err } = await run(doctor, [file]);
    expect({ code, out }).toEqual({ code: 2, out: [] });
    expect(err.join('\n')).toContain('own.crt');
  });
});
