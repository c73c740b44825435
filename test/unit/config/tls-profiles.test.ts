/** What is told about certificates, keys and profiles before a peer would tell it by hanging up. */
import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatProblem } from '../../../src/config/problem.ts';
import { loadSnapshot } from '../../../src/config/snapshot.ts';
import { ldifDirectory } from '../../../src/directory/ldif.ts';
import { createAuthority, type TestAuthority, type TestCertificate } from '../../support/certificates.ts';
import { folderWith, problemsOf, routesYaml, snapshotOf } from '../../support/configuration.ts';

const dayMs = 86_400_000;
const inDays = (days: number): Date => new Date(Date.now() + days * dayMs);

let authority: TestAuthority;
let router: TestCertificate;
let files: Readonly<Record<string, string>>;

beforeAll(() => {
  authority = createAuthority();
  router = authority.issue({ commonName: 'x', alternativeNames: ['DNS:router.example.com'], days: 100 });
  files = { 'router.crt': router.certificate, 'router.key': router.key, 'ca.crt': authority.certificate };
});
afterAll(() => authority.remove());

const listen = 'listen: [{ transport: tcp, address: 127.0.0.1 }, { transport: tls, address: 127.0.0.1 }]';
const usual = 'default: { certificate: router.crt, key: router.key, ca: router.crt }';
/** The router's own certificate stands for the CA, so that only one date matters. */
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
      ca: router.certificate,
      clientCertificate: 'required',
      minVersion: 'TLSv1.2',
      legacy: false,
    });
    expect(transport.listen[1]).toEqual({ transport: 'tls', address: '127.0.0.1', port: 5061, tlsProfile: 'default' });
  });

  test('that extends another takes from it what it does not say, wherever it stands', () => {
    const section = `tls:\n  ocs-2007: { extends: default, min-version: TLSv1, legacy: true, ca: ca.crt }\n  ${usual}`;
    const { transport } = snapshotOf(
      routesYaml({ listen, tls: section }).replace('ca: ca.crt', 'ca: router.crt'),
      files,
    );
    expect(transport.tls.get('ocs-2007')).toEqual({
      ...transport.tls.get('default'),
      name: 'ocs-2007',
      minVersion: 'TLSv1',
      legacy: true,
    });
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
        '60: error: tls.default.ca: router.crt',
      ].map((start) => expect.stringMatching(`^routes\\.yaml:7:${start}: there is no such file .*looked at router`)),
    ));

  test('that holds something else than its setting says', () =>
    expect(said(problemsOf(yaml(), { ...files, 'router.crt': router.key, 'router.key': router.certificate }))).toEqual([
      'error: tls.default.certificate: this file holds no usable certificate (PEM text is expected, with BEGIN CERTIFICATE)',
      'error: tls.default.key: this file holds no usable private key (PEM text is expected, with BEGIN PRIVATE KEY)',
      'error: tls.default.ca: this file holds no usable certificate (PEM text is expected, with BEGIN CERTIFICATE)',
    ]));

  test('with a key that belongs to another certificate', () =>
    expect(said(problemsOf(yaml(), { ...files, 'router.key': authority.key }))).toEqual([
      'error: tls.default.key: this key does not belong to the certificate (were both renewed?)',
    ]));

  test('with a key that needs a passphrase', () => {
    const encrypt = ['pkey', '-in', router.keyFile, '-aes256', '-passout', 'pass:secret'];
    const encrypted = execFileSync('openssl', encrypt, { encoding: 'utf8' });
    expect(said(problemsOf(yaml(), { ...files, 'router.key': encrypted }))).toEqual([
      'error: tls.default.key: this key is encrypted, and nobody is there to type the passphrase (openssl pkey -in KEY -out PLAIN-KEY)',
    ]);
  });

  test.each([0o644, 0o604, 0o606, 0o660])('with a key of mode %o, which others may get at, is refused', (mode) => {
    const folder = folderWith({ ...files, 'routes.yaml': yaml() });
    chmodSync(join(folder, 'router.key'), mode);
    const { snapshot, problems } = loadSnapshot(join(folder, 'routes.yaml'), 1, ldifDirectory);
    expect(snapshot).toBeUndefined();
    expect(said(problems.map(formatProblem))).toEqual([
      'error: tls.default.key: others on this machine may get at this private key (chmod 600 router.key)',
    ]);
  });

  test.runIf(process.getuid?.() === 0)('with a key of root that a group of its choice may read is sound', () => {
    const folder = folderWith({ ...files, 'routes.yaml': yaml() });
    chmodSync(join(folder, 'router.key'), 0o640);
    expect(loadSnapshot(join(folder, 'routes.yaml'), 1, ldifDirectory).problems).toEqual([]);
  });
});

describe('a certificate', () => {
  test.each([
    [69, []],
    [75, ['warning: this certificate ends on DAY, in 24 days (renew it in time)']],
    [101, ['error: this certificate ended on DAY (renew it)']],
    [-1, ['error: this certificate is not valid before DAY (or is the clock of this machine wrong?)']],
  ])('of 100 days, seen after %i days: %j', (days, expected) => {
    const profile = yaml().replace('ca: router.crt', 'ca: young.crt');
    const young = authority.issue({ commonName: 'CA', days: 300 }).certificate;
    const problems = problemsOf(profile, { ...files, 'young.crt': young }, inDays(days));
    const about = said(problems).filter((line) => line.includes('tls.default.certificate'));
    const day = /\d{4}-\d\d-\d\d/;
    expect(about.map((line) => line.replace(day, 'DAY').replace('tls.default.certificate: ', ''))).toEqual(expected);
  });

  test('of the CA that has ended is told too', () => {
    const profile = yaml().replace('ca: router.crt', 'ca: ca.crt');
    expect(said(problemsOf(profile, files, inDays(31)))).toEqual([
      expect.stringMatching(/^error: tls\.default\.ca: this certificate ended on \d{4}-\d\d-\d\d \(renew it\)$/),
    ]);
  });

  test('for servers only is a warning: Lync and IM&P connect and are connected to', () => {
    const { certificate, key } = authority.issue({
      commonName: 'router.example.com',
      usages: ['serverAuth'],
      days: 100,
    });
    expect(said(problemsOf(yaml(), { 'router.crt': certificate, 'router.key': key }))).toEqual([
      'warning: tls.default.certificate: this certificate is not made for clientAuth (extended key usage) (peers need both: serverAuth and clientAuth)',
    ]);
  });

  test.each([
    [['DNS:other.example.com'], ['DNS:other.example.com']],
    [['DNS:*.example.com'], ['DNS:*.example.com']],
  ])('with the names %j only is a warning (RFC 5922 §7.2: no wildcards)', (alternativeNames) => {
    const { certificate, key } = authority.issue({ commonName: 'router.example.com', alternativeNames, days: 100 });
    expect(said(problemsOf(yaml(), { 'router.crt': certificate, 'router.key': key }))).toEqual([
      `warning: tls.default.certificate: node.name router.example.com is not among the names of this certificate (${alternativeNames[0]}) (peers that check names will refuse it)`,
    ]);
  });

  test.each([
    ['a SIP URI (RFC 5922 §7.1)', ['URI:sip:router.example.com', 'DNS:other.example.com']],
    ['its common name, when it has no other', []],
  ])('that names the node by %s is fine', (_, alternativeNames) => {
    const { certificate, key } = authority.issue({ commonName: 'router.example.com', alternativeNames, days: 100 });
    expect(problemsOf(yaml(), { 'router.crt': certificate, 'router.key': key })).toEqual([]);
  });
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
  });

  test('by a profile that is not there', () =>
    expect(said(withRoute('next-hop: fe1.example.com, tls: ocs'))).toEqual([
      'error: routes[1].tls: there is no TLS profile "ocs" (known here: default)',
    ]));
});
