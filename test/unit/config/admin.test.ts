/** The section `admin`: what it becomes, and that nothing in it opens the router to others by mistake. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAuthority, type TestAuthority } from '../../support/certificates.ts';
import { problemsOf, routesYaml, snapshotOf } from '../../support/configuration.ts';

const token = 'abcdefghijklmnop-0123456789';
let authority: TestAuthority;
let files: Readonly<Record<string, string>>;
beforeAll(() => {
  authority = createAuthority();
  const router = authority.issue({ commonName: 'router.example.com', alternativeNames: ['DNS:router.example.com'] });
  files = { crt: router.certificate, key: router.key, ca: authority.certificate, token };
});
afterAll(() => authority.remove());

const yaml = (admin: string): string =>
  routesYaml({ tls: 'tls: { admin: { certificate: crt, key: key, ca: ca } }', x: `admin: { ${admin} }` });

/** Certificates of a test end soon, which is told. */
const complaintsOf = (admin: string): readonly string[] =>
  problemsOf(yaml(admin), files).filter((line) => !line.includes('warning: tls.admin'));

test('left out, there is a socket for the own user in the folder of the file, and no port', () => {
  const { admin } = snapshotOf(routesYaml());
  expect(admin).toEqual({
    socket: expect.stringMatching(/\/pif-router\.sock$/),
    socketMode: 0o600,
    network: undefined,
  });
});

test('a port on loopback needs nothing more', () => {
  expect(snapshotOf(routesYaml({ x: 'admin: { listen: "[::1]:8060", socket-mode: "0660" }' })).admin).toMatchObject({
    socketMode: 0o660,
    network: { address: '::1', port: 8060, token: undefined, tlsProfile: undefined },
  });
});

describe.each(['192.0.2.1', '0.0.0.0', '[2001:db8::1]', '[::]', '[::ffff:127.0.0.1]', '128.0.0.1'])(
  'on %s',
  (address) => {
    test.each([
      ['token-file and tls', ''],
      ['token-file', ', tls: admin'],
      ['tls', ', token-file: token'],
    ])('it is refused where %s is missing', (missing, given) => {
      const bare = address.replace(/[[\]]/g, '');
      expect(complaintsOf(`listen: "${address}:8060"${given}`)).toEqual([
        `routes.yaml:7:18: error: admin.listen: ${bare} can be reached by other machines, which takes a token and TLS (add ${missing}, or use 127.0.0.1)`,
      ]);
    });

    test('it is possible with both', () =>
      expect(complaintsOf(`listen: "${address}:8060", tls: admin, token-file: token`)).toEqual([]));
  },
);

test.each([
  ['listen: 8060', 'admin.listen: "8060" is not an IP address with its port (such as 127.0.0.1:8060 or [::1]:8060)'],
  [
    'listen: "127.0.0.1:0"',
    'admin.listen: "127.0.0.1:0" is not an IP address with its port (such as 127.0.0.1:8060 or [::1]:8060)',
  ],
  [
    'listen: "localhost:8060"',
    'admin.listen: "localhost:8060" is not an IP address with its port (such as 127.0.0.1:8060 or [::1]:8060)',
  ],
  ['listen: "127.0.0.1:5060"', 'admin.listen: listen[0] already listens there (give it another port)'],
  ['token-file: token', 'admin.token-file: this has no meaning without admin.listen (remove it)'],
  ['token-env: HOME', 'admin.token-env: this has no meaning without admin.listen (remove it)'],
  ['tls: admin', 'admin.tls: this has no meaning without admin.listen (remove it)'],
  ['listen: "127.0.0.1:8060", tls: admim', 'admin.tls: there is no TLS profile "admim" (did you mean "admin"?)'],
  [
    'listen: "127.0.0.1:8060", token-file: token, token-env: HOME',
    'admin.token-env: the token is given twice (name either token-file or token-env)',
  ],
  [
    'listen: "127.0.0.1:8060", token: secret',
    'admin.token: a secret must not stand in this file (use token-file or token-env)',
  ],
  ['socket-mode: "0666"', 'admin.socket-mode: "0666" is not possible here (did you mean "0660"?)'],
])('%s is refused in words', (admin, complaint) => {
  expect(complaintsOf(admin).map((line) => line.replace(/^\S+ error: /, ''))).toEqual([complaint]);
});

test.each(['too-short', 'with a blank in the middle', 'ümlaut-ümlaut-ümlaut'])(
  'a token such as %j is refused, and not repeated',
  (weak) => {
    const said = problemsOf(routesYaml({ x: 'admin: { listen: "127.0.0.1:8060", token-file: weak }' }), { weak });
    expect(said).toEqual([expect.stringContaining('admin.token-file: a token is 16 to 512 letters, digits and')]);
    expect(said.join()).not.toContain(weak);
  },
);
