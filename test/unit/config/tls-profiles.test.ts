/** What is told about certificates, keys and profiles before a peer would tell it by hanging up. */
import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { loadSnapshot } from '../../../src/config/snapshot.ts';
import { formatProblem } from '../../../src/settings/problem.ts';
import { createAuthority } from '../../support/certificates.ts';
import { folderWith, problemsOf, routesYaml, snapshotOf } from '../../support/configuration.ts';

const dayMs = 86_400_000;
const inDays = (days: number): Date => new Date(Date.now() + days * dayMs);

const authority = createAuthority('Test CA', 400);
const router = authority.issue({ commonName: 'x', alternativeNames: ['DNS:router.example.com'], days: 100 });
const files = { 'router.crt': router.certificate, 'router.key': router.key, 'ca.crt': authority.certificate };

afterAll(() => authority.remove());

const listen = 'listen: [{ transport: tcp, address: 127.0.0.1 }, { transport: tls, address: 127.0.0.1 }]';
const usual = 'default: { certificate: router.crt, key: router.key, ca: ca.crt }';
const yaml = (...profiles: readonly string[]): string =>
  routesYaml({ listen, tls: `tls:\n${[usual, ...profiles].map((profile) => `  ${profile}`).join('\n')}` });

/** Without the file's name and place. */
const said = (problems: readonly string[]): readonly string[] => problems.map((line) => line.replace(/^[^ ]+ /, ''));

describe('a profile', () => {
  test('has the PEM texts of its files and safe defaults', () => {
    const { transport } = snapshotOf(yaml(), files);
    expect(transport.tls.get('default')).toEqual({
      name: 'default',
      certificate: router.certificate,
      key: router.key,
      ca: authority.certificate,
      crl: [],
      clientCertificate: 'required',
      commonName: true,
      wildcards: false,
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
      legacy: false,
    });
    expect(transport.listen[1]).toEqual({ transport: 'tls', address: '127.0.0.1', port: 5061, tlsProfile: 'default' });
  });

  test('that extends another takes from it what it does not say, wherever it stands', () => {
    const given = 'peers: imp1.example.com, common-name: false, wildcards: true, max-version: TLSv1.2, crl: ca.crl';
    const section = `tls:\n  strict: { extends: default, client-certificate: required }\n  ${usual.replace(' }', `, ${given} }`)}`;
    const list = authority.revocationList();
    const { transport } = snapshotOf(routesYaml({ listen, tls: section }), { ...files, 'ca.crl': list });
    expect(transport.tls.get('strict')).toEqual({ ...transport.tls.get('default'), name: 'strict' });
    expect(transport.tls.get('strict')).toMatchObject({
      crl: [list],
      peers: ['imp1.example.com'],
      commonName: false,
      wildcards: true,
      maxVersion: 'TLSv1.2',
    });
  });

  test('for old peers is a warning, and so is one that extends it', () => {
    const old = 'b: { extends: default, min-version: TLSv1, legacy: true }';
    const takes = 'takes TLSv1, SHA-1 and short keys (OpenSSL security level 0)';
    const hint = '(for OCS 2007 R2 and Lync 2010 on old Windows only, each by a route or listener of its own)';
    expect(said(problemsOf(yaml(old), files))).toEqual([`warning: tls.b.legacy: this profile ${takes} ${hint}`]);
    const base = usual.replace(' }', ', min-version: TLSv1, legacy: true }');
    const both = routesYaml({ listen, tls: `tls:\n  ${base}\n  b: { extends: default }` });
    expect(said(problemsOf(both, files))).toEqual([
      `warning: tls.default.legacy: this profile ${takes} ${hint}`,
      `warning: tls.b: this profile ${takes} ${hint}`,
    ]);
  });

  test.each([
    ['min-version: TLSv1', 'min-version: TLSv1 is spoken with legacy: true only (or use TLSv1.2)'],
    ['max-version: TLSv1.1', 'max-version: this is older than min-version TLSv1.2: no peer could connect'],
    [
      'peers: a.example.com, client-certificate: optional',
      'peers: names are known only of peers that must show a certificate (client-certificate: required)',
    ],
  ])('cannot say %s', (settings, problem) => {
    expect(said(problemsOf(yaml(`b: { extends: default, ${settings} }`), files))).toEqual([`error: tls.b.${problem}`]);
  });

  test.each([
    [
      'one that is not there',
      'b: { extends: defautl }',
      'error: tls.b.extends: there is no TLS profile "defautl" (did you mean "default"?)',
    ],
    ['itself', 'b: { extends: b }', 'error: tls.b.extends: a profile cannot extend itself'],
    [
      'one that extends',
      'b: { extends: default }\n  c: { extends: b }',
      'error: tls.c.extends: "b" itself extends "default" (extend "default" directly)',
    ],
  ])('cannot extend %s', (_, profile, what) => expect(said(problemsOf(yaml(profile), files))).toEqual([what]));

  test('with a cipher list that OpenSSL does not understand', () =>
    expect(said(problemsOf(yaml('b: { extends: default, ciphers: NOPE }'), files))).toEqual([
      'error: tls.b.ciphers: OpenSSL knows no cipher in this list (try it with: openssl ciphers LIST)',
    ]));

  test('that breaks is not told again for the profile that extends it', () =>
    expect(problemsOf(yaml('b: { extends: default }'), { ...files, 'router.key': 'nonsense' })).toHaveLength(1));
});

describe('a file', () => {
  test('that is missing is told for each setting, with the place that was looked at', () =>
    expect(problemsOf(yaml(), {})).toEqual(
      [
        '27: error: tls.default.certificate: router.crt',
        '44: error: tls.default.key: router.key',
        '60: error: tls.default.ca: ca.crt',
      ].map((start) =>
        expect.stringMatching(`^routes\\.yaml:7:${start}: there is no such file .*looked at (?:router|ca)`),
      ),
    ));

  test('that holds something else than its setting says', () =>
    expect(
      said(
        problemsOf(yaml(), {
          ...files,
          'router.crt': router.key,
          'router.key': router.certificate,
          'ca.crt': router.key,
        }),
      ),
    ).toEqual([
      'error: tls.default.certificate: this file holds a private key, not a certificate (it belongs into key; the certificate is the file that the CA has sent)',
      'error: tls.default.key: this file holds a certificate, not a private key (the key is in the file that was made together with the request; from Windows export both as .pfx, with the private key)',
      'error: tls.default.ca: this file holds a private key, not the certificate of a CA (it belongs into key; the certificate is the file that the CA has sent)',
    ]));

  test('with a key that belongs to another certificate', () =>
    expect(said(problemsOf(yaml(), { ...files, 'router.key': authority.key }))).toEqual([
      'error: tls.default.key: this key does not belong to the certificate (were both renewed?)',
    ]));

  test('with a key that needs a passphrase', () => {
    const encrypt = ['pkey', '-in', router.keyFile, '-aes256', '-passout', 'pass:secret'];
    const encrypted = execFileSync('openssl', encrypt, { encoding: 'utf8' });
    expect(said(problemsOf(yaml(), { ...files, 'router.key': encrypted }))).toEqual([
      'error: tls.default.key: this file holds an encrypted private key, and nobody is there to type the passphrase (openssl pkey -in router.key -out router.key.pem, and name that file here)',
    ]);
  });

  test.each([0o644, 0o604, 0o606, 0o660])('with a key of mode %o, which others may get at, is refused', (mode) => {
    const folder = folderWith({ ...files, 'routes.yaml': yaml() });
    chmodSync(join(folder, 'router.key'), mode);
    const { snapshot, problems } = loadSnapshot(join(folder, 'routes.yaml'), 1);
    expect(snapshot).toBeUndefined();
    expect(said(problems.map(formatProblem))).toEqual([
      'error: tls.default.key: others on this machine may get at this private key (chmod 600 router.key)',
    ]);
  });

  test.runIf(process.getuid?.() === 0)('with a key of root that a group of its choice may read is sound', () => {
    const folder = folderWith({ ...files, 'routes.yaml': yaml() });
    chmodSync(join(folder, 'router.key'), 0o640);
    expect(loadSnapshot(join(folder, 'routes.yaml'), 1).problems).toEqual([]);
  });
});

describe('a certificate', () => {
  test.each([
    [69, []],
    [75, ['warning: this certificate ends on DAY, in 24 days (renew it in time)']],
    [101, ['error: this certificate ended on DAY (renew it)']],
    [-1, ['error: this certificate is not valid before DAY (or is the clock of this machine wrong?)']],
  ])('of 100 days, seen after %i days: %j', (days, expected) => {
    const problems = problemsOf(yaml(), files, inDays(days));
    const about = said(problems).filter((line) => line.includes('tls.default.certificate'));
    const day = /\d{4}-\d\d-\d\d/;
    expect(about.map((line) => line.replace(day, 'DAY').replace('tls.default.certificate: ', ''))).toEqual(expected);
  });

  test('of the CA that has ended is told too', () => {
    const long = authority.issue({ commonName: 'router.example.com', days: 600 });
    const own = { ...files, 'router.crt': long.certificate, 'router.key': long.key };
    expect(said(problemsOf(yaml(), own, inDays(401)))).toEqual([
      expect.stringMatching(/^error: tls\.default\.ca: this certificate ended on \d{4}-\d\d-\d\d \(renew it\)$/),
    ]);
  });

  test('for servers only is a warning: Lync and IM&P connect and are connected to', () => {
    const { certificate, key } = authority.issue({
      commonName: 'router.example.com',
      usages: ['serverAuth'],
      days: 100,
    });
    expect(said(problemsOf(yaml(), { ...files, 'router.crt': certificate, 'router.key': key }))).toEqual([
      'warning: tls.default.certificate: this certificate is not made for clientAuth (extended key usage) (peers need both: serverAuth and clientAuth)',
    ]);
  });

  test.each([
    [['DNS:other.example.com'], ['DNS:other.example.com']],
    [['DNS:*.example.com'], ['DNS:*.example.com']],
  ])('with the names %j only is a warning (RFC 5922 §7.2: no wildcards)', (alternativeNames) => {
    const { certificate, key } = authority.issue({ commonName: 'router.example.com', alternativeNames, days: 100 });
    expect(said(problemsOf(yaml(), { ...files, 'router.crt': certificate, 'router.key': key }))).toEqual([
      `warning: tls.default.certificate: node.name router.example.com is not among the names of this certificate (${alternativeNames[0]}) (peers that check names will refuse it)`,
    ]);
  });

  test.each([
    ['a SIP URI (RFC 5922 §7.1)', ['URI:sip:router.example.com', 'DNS:other.example.com']],
    ['its common name, when it has no other', []],
  ])('that names the node by %s is fine', (_, alternativeNames) => {
    const { certificate, key } = authority.issue({ commonName: 'router.example.com', alternativeNames, days: 100 });
    expect(problemsOf(yaml(), { ...files, 'router.crt': certificate, 'router.key': key })).toEqual([]);
  });
});

describe('the chain of a certificate', () => {
  const issuing = authority.intermediate('Issuing CA');
  const own = issuing.issue({ commonName: 'router.example.com', days: 100 });
  const checkedWith = (certificate: string, ca = authority.certificate) =>
    said(problemsOf(yaml(), { 'router.crt': certificate, 'router.key': own.key, 'ca.crt': ca }));

  test('is whole in its file, or by what stands in ca', () => {
    expect(checkedWith(own.certificate + issuing.certificate)).toEqual([]);
    expect(checkedWith(own.certificate + issuing.certificate + authority.certificate)).toEqual([]);
  });

  test('that lacks its intermediate certificate is a warning: peers know roots only (RFC 8446 §4.4.2)', () =>
    expect(checkedWith(own.certificate)).toEqual([
      'warning: tls.default.certificate: the certificate of its issuer (CN=Issuing CA) stands neither in this file nor in ca (if that is no root, peers cannot find the way to theirs: append it to this file)',
    ]));

  test('in the wrong order is a warning', () =>
    expect(checkedWith(own.certificate + authority.certificate + issuing.certificate)).toEqual([
      'warning: tls.default.certificate: certificate 2 in this file (CN=Test CA) has not issued the one before it (ours first, then its issuer, then the issuer of that one)',
    ]));
});

describe('a bundle of CAs', () => {
  const old = createAuthority('Old CA', 1);
  afterAll(() => old.remove());

  test('of which one has ended is a warning that names it, all of them an error', () => {
    const ca = `${authority.certificate}${old.certificate}`;
    const about = (days: number) =>
      said(problemsOf(yaml(), { ...files, 'ca.crt': ca }, inDays(days))).filter((line) => line.includes('default.ca:'));
    expect(about(2)).toEqual([expect.stringMatching(/^warning: .* ended on [-0-9]+ \(CN=Old CA\) \(renew it\)$/)]);
    expect(about(500).map((line) => line.slice(0, 5))).toEqual(['error', 'error']);
  });
});

describe('revocation lists', () => {
  const other = createAuthority('Other CA');
  afterAll(() => other.remove());

  const saidOf = (list: string | undefined, ca = authority.certificate) => {
    const profile = usual.replace(' }', ', crl: [ca.crl] }');
    const lists = list === undefined ? {} : { 'ca.crl': list };
    return said(problemsOf(routesYaml({ listen, tls: `tls:\n  ${profile}` }), { ...files, 'ca.crt': ca, ...lists }));
  };

  test('of the CAs are read, several in one file too', () => {
    const both = authority.revocationList() + other.revocationList();
    expect(saidOf(both, authority.certificate + other.certificate).filter((line) => line.includes('crl'))).toEqual([]);
  });

  test.each<[string, () => string | undefined, string]>([
    ['is missing', () => undefined, 'ca.crl: there is no such file'],
    ['is no list', () => authority.certificate, 'this file holds a certificate, not a certificate revocation list'],
    [
      'is cut',
      () => authority.revocationList().replace(/\n.*\n(-----END)/, '\n$1'),
      'this file holds a certificate revocation list that cannot be read (is it whole? openssl crl -in ca.crl -noout -text',
    ],
    ['has ended', () => authority.revocationList({ days: -1 }), 'this list ended on '],
    ['is of an unknown CA', () => other.revocationList(), 'no CA of this profile has issued and signed this list'],
  ])('one that %s is an error at its place', (_what, list, problem) => {
    expect(saidOf(list())).toEqual([expect.stringContaining(`error: tls.default.crl[0]: ${problem}`)]);
  });

  test('that a CA lacks is a warning: OpenSSL lets nobody of it in', () =>
    expect(saidOf(authority.revocationList(), authority.certificate + other.certificate)).toContain(
      'warning: tls.default.crl: there is no list of CN=Other CA: nobody of this CA is let in (add its list)',
    ));
});

describe('a route with TLS', () => {
  const withRoute = (route: string) =>
    problemsOf(
      routesYaml({
        listen,
        tls: `tls: { ${usual} }`,
        routes: `routes:\n  - { to: cisco, pattern: example.com, next-hop: 127.0.0.11 }\n  - { to: microsoft, pattern: example.com, transport: tls, ${route} }`,
      }),
      files,
    );

  test('by address needs a name to look for in the certificate', () =>
    expect(said(withRoute('next-hop: 127.0.0.21'))).toEqual([
      'warning: routes[1]: the certificate there must carry the address 127.0.0.21, and hardly any does (give the name in it as tls-name)',
    ]));

  test('by address with tls-name, or by name, is fine', () => {
    expect(withRoute('next-hop: 127.0.0.21, tls-name: fe1.example.com')).toEqual([]);
    expect(withRoute('next-hop: fe1.example.com')).toEqual([]);
    expect(withRoute('next-hop: 127.0.0.21, tls-name: [pool1.example.com, fe1.example.com]')).toEqual([]);
  });

  test('by a profile that is not there', () =>
    expect(said(withRoute('next-hop: fe1.example.com, tls: ocs'))).toEqual([
      'error: routes[1].tls: there is no TLS profile "ocs" (known here: default)',
    ]));
});
