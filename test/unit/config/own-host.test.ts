/** `node.name` and the names of listeners as addresses, for a site without DNS: what is warned of, and what is refused. */
import { afterAll, describe, expect, test } from 'vitest';
import { createAuthority } from '../../support/certificates.ts';
import { load, problemsOf, routesYaml } from '../../support/configuration.ts';

const authority = createAuthority('Test CA', 400);
afterAll(() => authority.remove());

const isAddress = (address: string): string =>
  `${address} is an address: dialogs end when it changes, and Lync's static routes for TLS take names only (give a name, if both sides can resolve one)`;

const named = (name: string): string => `node: { name: ${name} }`;
const listening = (...rows: readonly string[]): string => `listen: [${rows.map((row) => `{ ${row} }`).join(', ')}]`;

describe('an address for the name of the node', () => {
  test.each([
    ['192.0.2.10', '192.0.2.10'],
    ['"2001:DB8::10"', '2001:db8::10'],
    ['"[2001:db8::10]"', '2001:db8::10'],
  ])('%s is taken, and warned of', (written, address) => {
    const listen = listening(`transport: tcp, address: ${address.includes(':') ? '"::1"' : '127.0.0.1'}`);
    const access = 'access: [{ side: cisco, from: 127.0.0.11 }, { side: microsoft, from: 127.0.0.21 }]';
    const [left, right] = address.includes(':') ? ['"::2"', '"::3"'] : ['127.0.0.11', '127.0.0.21'];
    const routes = `routes: [{ to: cisco, pattern: example.com, next-hop: ${left} }, { to: microsoft, pattern: example.com, next-hop: ${right} }]`;
    const { snapshot, problems } = load(routesYaml({ node: named(written), listen, access, routes }));
    expect(problems).toEqual([
      expect.objectContaining({
        severity: 'warning',
        path: 'node.name',
        line: 1,
        column: 15,
        what: isAddress(address).split(' (')[0],
      }),
    ]);
    expect(snapshot?.node.name).toBe(address);
    expect(snapshot?.transport.nodeName).toBe(address);
  });

  test.each([
    ['0.0.0.0', 'nobody can connect to "0.0.0.0" (write the name or the address that peers connect to)'],
    ['"::"', 'nobody can connect to "::" (write the name or the address that peers connect to)'],
    [
      '"fe80::1%eth0"',
      '"fe80::1%eth0" has a zone, which means something on this machine only (write the name or the address that peers connect to)',
    ],
    ['"::ffff:192.0.2.10"', '"::ffff:192.0.2.10" is an IPv4 address (write it as such)'],
    [
      '224.0.1.75',
      '"224.0.1.75" is no address of a single machine (write the name or the address that peers connect to)',
    ],
    [
      '255.255.255.255',
      '"255.255.255.255" is no address of a single machine (write the name or the address that peers connect to)',
    ],
    ['"ff02::1"', '"ff02::1" is no address of a single machine (write the name or the address that peers connect to)'],
    ['192.0.2.256', '"192.0.2.256" is neither a host name nor an IP address (such as sip.example.com)'],
    [
      '192.0.2.10:5060',
      '"192.0.2.10:5060" is neither a host name nor an IP address (the port has a setting of its own)',
    ],
  ])('%s is refused', (written, said) =>
    expect(problemsOf(routesYaml({ node: named(written) }))).toEqual([`routes.yaml:1:15: error: node.name: ${said}`]),
  );

  test('of the other family than a listener: its peers could not come back', () => {
    const listen = listening(
      'transport: tcp, address: 127.0.0.1',
      'transport: tcp, address: "::1"',
      'transport: udp, address: "::"',
    );
    expect(problemsOf(routesYaml({ node: named('192.0.2.10'), listen }))).toEqual([
      `routes.yaml:1:15: warning: node.name: ${isAddress('192.0.2.10')}`,
      'routes.yaml:3:50: warning: listen[1]: peers on IPv6 are told to come back to 192.0.2.10, which is an IPv4 address (give this listener a name of its own: ::1)',
      'routes.yaml:3:86: warning: listen[2]: peers on IPv6 are told to come back to 192.0.2.10, which is an IPv4 address (give this listener a name of its own: an IPv6 address of this machine)',
    ]);
  });

  test('of one listener only is taken, and warned of there', () =>
    expect(
      problemsOf(routesYaml({ listen: listening('transport: tcp, address: 127.0.0.1, name: 192.0.2.10') })),
    ).toEqual([`routes.yaml:3:54: warning: listen[0].name: ${isAddress('192.0.2.10')}`]));

  test('that is a next hop leads back to this node', () =>
    expect(problemsOf(routesYaml({ node: named('127.0.0.11') })).filter((line) => line.includes('error'))).toEqual([
      'routes.yaml:5:10: error: routes[0]: this row leads to this node itself (127.0.0.11:5060): every request would loop',
    ]));
});

describe('over TLS, an address', () => {
  /** What is said besides that it is an address. */
  const said = (
    wish: { readonly alternativeNames?: readonly string[]; readonly commonName?: string },
    name: string,
    listener = '',
  ): readonly string[] => {
    const { certificate, key } = authority.issue({ commonName: 'router.example.com', days: 100, ...wish });
    const listen = `listen:\n  - { transport: tcp, address: 127.0.0.1 }\n  - { transport: tls, address: 127.0.0.1${listener} }`;
    const tls =
      'tls:\n  default: { certificate: own.crt, key: own.key, ca: ca.crt }\n  other: { extends: default, common-name: false }';
    const files = { 'own.crt': certificate, 'own.key': key, 'ca.crt': authority.certificate };
    return problemsOf(routesYaml({ node: named(name), listen, tls }), files).filter(
      (line) => !line.includes('is an address: ') && !line.includes('peers on IPv4'),
    );
  };

  const refused = (address: string, names: string, profile = 'default'): readonly string[] => [
    `routes.yaml:5:5: error: listen[1]: peers are told to come back to ${address}, which the certificate of TLS profile "${profile}" does not carry (${names}) (have one made with IP:${address} in its subjectAltName, or use one of its names)`,
  ];

  test.each([
    ['192.0.2.10', ['IP:192.0.2.10']],
    ['192.0.2.10', ['DNS:router.example.com', 'IP:192.0.2.9', 'IP:192.0.2.10']],
    ['"2001:DB8:0:0::10"', ['IP:2001:db8::10']],
  ])('%s that the certificate carries as %j is fine', (name, alternativeNames) =>
    expect(said({ alternativeNames }, name)).toEqual([]),
  );

  test('that is the common name of a certificate without subjectAltName is fine: IM&P compares nothing else', () =>
    expect(said({ commonName: '192.0.2.10' }, '192.0.2.10')).toEqual([]));

  test.each([
    ['another address', ['IP:192.0.2.11'], 'IP Address:192.0.2.11'],
    ['a DNS name that looks like it', ['DNS:192.0.2.10'], 'DNS:192.0.2.10'],
    ['names only', ['DNS:router.example.com'], 'DNS:router.example.com'],
  ])('is refused when the certificate carries %s', (_, alternativeNames, names) =>
    expect(said({ alternativeNames, commonName: '192.0.2.10' }, '192.0.2.10')).toEqual(refused('192.0.2.10', names)),
  );

  test('is refused of a profile that takes its certificate from another', () =>
    expect(said({ alternativeNames: ['DNS:a.example.com'] }, '192.0.2.10', ', tls: other')).toEqual(
      refused('192.0.2.10', 'DNS:a.example.com', 'other'),
    ));

  test('is refused as the name of the listener alone', () =>
    expect(said({ alternativeNames: ['DNS:router.example.com'] }, 'router.example.com', ', name: 192.0.2.10')).toEqual(
      refused('192.0.2.10', 'DNS:router.example.com'),
    ));

  test('of the node is fine where the TLS listener has a name of its own', () =>
    expect(said({ alternativeNames: ['DNS:router.example.com'] }, '192.0.2.10', ', name: router.example.com')).toEqual(
      [],
    ));
});
