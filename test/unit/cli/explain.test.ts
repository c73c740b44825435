/** What `explain` tells about one request, and what it answers to the shell. */
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { directoryEndpoints } from '../../../src/admin/directory.ts';
import { openAdminSocket } from '../../../src/admin/socket.ts';
import { command as explain } from '../../../src/cli/explain.ts';
import type { OpenDirectory } from '../../../src/directory/compose.ts';
import type { Log } from '../../../src/log.ts';
import { folderWith, routesYaml } from '../../support/configuration.ts';
import { run } from '../../support/run-command.ts';

const users = `dn: CN=b
msRTCSIP-PrimaryUserAddress: sip:bob@example.com
msRTCSIP-UserEnabled: TRUE

dn: CN=a
msRTCSIP-PrimaryUserAddress: sip:alice@example.com
msRTCSIP-UserEnabled: FALSE
`;

const routes = `routes:
  - { to: cisco, pattern: example.com, next-hop: 127.0.0.11 }
  - { to: microsoft, pattern: example.com, next-hop: 127.0.0.22, priority: 2 }
  - { to: microsoft, pattern: example.com, next-hop: pool.example.com, port: 0 }`;

const basic = routesYaml({ routes });
const advanced = routesYaml({
  routes,
  routing: 'routing: { mode: advanced }',
  directory: 'directory: { sources: [{ kind: ldif, file: users.ldif }] }',
});

/** The arguments in front of FILE, as one would type them. */
const explained = (words: string, yaml = basic) => {
  const file = join(folderWith({ 'routes.yaml': yaml, 'users.ldif': users }), 'routes.yaml');
  return run(explain, [...words.split(' '), file]);
};

describe('explain', () => {
  test('prints each check with its verdict, then the hops, best first', async () => {
    const { code, out } = await explained('MESSAGE sip:bob@example.com --from-peer 127.0.0.11');
    expect(code).toBe(0);
    expect([out[0]!.replace(/by .*routes/, 'by routes'), ...out.slice(1)]).toEqual([
      'MESSAGE sip:bob@example.com from tcp 127.0.0.11:5060, by routes.yaml',
      '',
      '  access           passed       access[0] 127.0.0.11 is cisco',
      '  signatures       passed       nothing claims to be of this node',
      '  loop             passed       not seen before, not sent to cisco, no marker',
      '  recipient        passed       the Request-URI says who is meant, in one way',
      '  route to follow  passed       no Route left, no dialog',
      '  own address      passed       sip:bob@example.com is not this node',
      '  domain           passed       example.com is a shared domain',
      '  pin              passed       bob@example.com is not pinned',
      '  mode             passed       basic: the other side, microsoft',
      '  route table      decided      example.com: routes[1], routes[2]',
      '',
      'forward from cisco to microsoft:',
      '  1. tcp pool.example.com:0 (by its SRV records)',
      '  2. tcp 127.0.0.22:5060',
      'reasons: access-allowed, basic-other-side, route-matched',
    ]);
  });

  test('asks the directory in advanced mode, and tells its answer', async () => {
    const { code, out } = await explained('MESSAGE sip:Alice@example.com --from-peer 127.0.0.11', advanced);
    expect(code).toBe(1);
    expect(out[1]).toBe('alice@example.com: ldif users.ldif has the address, but UserEnabled is not TRUE');
    expect(out.slice(-2)).toEqual(['reject with 404', 'reasons: access-allowed, not-a-microsoft-user']);
  });

  test.each([
    ['bob', 'ldif users.ldif has this user on microsoft', 0],
    ['nobody', 'ldif users.ldif does not know this user', 1],
  ])('of %s in advanced mode: %s', async (user, said, code) => {
    const result = await explained(`INVITE sip:${user}@example.com --from-peer 127.0.0.11:1234`, advanced);
    expect(result.out[1]).toBe(`${user}@example.com: ${said}`);
    expect(result.code).toBe(code);
  });

  test.each([
    ['refused', 'MESSAGE sip:bob@example.com --from-peer 127.0.0.99', 1, 'reject with 403'],
    [
      'refused in silence',
      'BENOTIFY sip:bob@example.com --from-peer 127.0.0.99',
      1,
      'reject with 403 (BENOTIFY is never answered: it is dropped)',
    ],
    ['answered here', 'OPTIONS sip:router.example.com --from-peer 127.0.0.21', 0, 'answer 200'],
    [
      'in a dialog',
      'BYE sip:127.0.0.22:5060;transport=tcp --from-peer 127.0.0.11 --in-dialog',
      0,
      'forward from cisco to microsoft:',
    ],
  ])('of a request that is %s: %s', async (_, words, code, verdict) => {
    const result = await explained(words);
    expect(result.out).toContain(verdict);
    expect(result.code).toBe(code);
  });

  const rules = routesYaml({
    routes,
    listen: 'listen: [{ transport: tcp, address: 127.0.0.1 }, { transport: udp, address: 127.0.0.1 }]',
    access: `access:
  - { name: pool, side: microsoft, from: 127.0.0.0/28, transport: tcp, from-domains: [example.com], methods: [MESSAGE] }
  - { side: cisco, from: 127.0.0.16/28 }
  - { name: old, deny: true, from: 127.0.0.17 }`,
  });

  test.each([
    ['MESSAGE', '127.0.0.1', 'passed       access[0] "pool" 127.0.0.0/28 over tcp is microsoft'],
    ['MESSAGE', '127.0.0.17', 'decided      access[2] "old" 127.0.0.17 is denied'],
    ['INFO', '127.0.0.1', 'decided      access[0] "pool" 127.0.0.0/28 over tcp may send MESSAGE, not INFO'],
    [
      'MESSAGE',
      '127.0.0.1 --from sip:mallory@example.net',
      'decided      access[0] "pool" 127.0.0.0/28 over tcp may speak for example.com, not for example.net',
    ],
    [
      'MESSAGE',
      '127.0.0.2 --transport udp',
      'decided      no access rule matches 127.0.0.2 over udp (no verified name); the nearest, access[0] "pool" 127.0.0.0/28 over tcp, asks for tcp',
    ],
    [
      'MESSAGE',
      '127.0.0.33 --tls-name fe1.example.com',
      'decided      no access rule matches 127.0.0.33 over tls (fe1.example.com); the nearest, access[1] 127.0.0.16/28, asks for an address in 127.0.0.16/28',
    ],
  ])('names the access rule of %s from %s', async (method, peer, told) => {
    const { out } = await explained(`${method} sip:bob@example.com --from-peer ${peer}`, rules);
    expect(out.find((line) => line.startsWith('  access '))).toBe(`  access           ${told}`);
  });

  test('of a denied source that is to be dropped says so', async () => {
    const yaml = routesYaml({ x: 'routing: { when-access-denied: drop }' });
    const { code, out } = await explained('MESSAGE sip:bob@example.com --from-peer 127.0.0.99', yaml);
    expect(out.slice(-3)).toEqual([
      'drop, without an answer',
      'reasons: access-denied',
      'it is not even read: a connection from this address is closed at once',
    ]);
    expect(code).toBe(1);
  });

  test('of routes out of service tells the Retry-After of the 503', async () => {
    const yaml = basic.replace('to: cisco, ', 'to: cisco, in-service: false, ');
    const { code, out } = await explained('MESSAGE sip:bob@example.com --from-peer 127.0.0.21', yaml);
    expect(out.at(-2)).toBe('reject with 503, Retry-After: 30');
    expect(code).toBe(1);
  });

  test('takes the names of a certificate, and then means TLS', async () => {
    const access = 'access: [{ side: cisco, from: imp1.example.com }, { side: microsoft, from: 127.0.0.21 }]';
    const { code, out } = await explained(
      'MESSAGE sip:bob@example.com --from-peer [::1]:40000 --tls-name IMP1.example.com',
      routesYaml({ access }),
    );
    expect(out[0]).toMatch(/^MESSAGE sip:bob@example\.com from tls \[::1\]:40000, by /);
    expect(out[2]).toBe('  access           passed       access[0] imp1.example.com is cisco');
    expect(code).toBe(0);
  });

  test('says that nobody else was asked where no router runs', async () => {
    const { out } = await explained('MESSAGE sip:bob@example.com --from-peer 127.0.0.11', advanced);
    expect(out[2]).toMatch(/^ {2}looked up for this explanation: no router answers at .*pif-router\.sock \(/);
  });

  test('asks the router that runs, which may know better than the file', async () => {
    const folder = folderWith({ 'routes.yaml': advanced, 'users.ldif': users });
    const asked: string[] = [];
    const inService = {
      lookup: (key: string) => {
        asked.push(key);
        return {
          kind: 'home',
          side: 'microsoft',
          addressOnly: false,
          freshness: 'fresh',
          source: 'ldap corp',
          ageMs: 0,
        };
      },
    };
    const endpoints = directoryEndpoints(() => inService as unknown as OpenDirectory, {} as Log);
    const socket = await openAdminSocket(join(folder, 'pif-router.sock'), endpoints);
    onTestFinished(() => socket.close());
    const words = ['INVITE', 'sip:Nobody@example.com', '--from-peer', '127.0.0.11', join(folder, 'routes.yaml')];
    const { code, out } = await run(explain, words);
    expect(out.slice(1, 3)).toEqual([
      'nobody@example.com: ldap corp has this user on microsoft',
      '  as the running router knows it',
    ]);
    expect([code, asked]).toEqual([0, ['nobody@example.com']]);
    const json = await run(explain, ['--json', ...words]);
    expect(JSON.parse(json.out.join('\n'))).toMatchObject({
      directoryFrom: 'router',
      directory: { source: 'ldap corp' },
    });
  });

  test('options that do not say where the router is are misuse, and a token that is not there is told', async () => {
    const peer = 'MESSAGE sip:bob@example.com --from-peer 127.0.0.11';
    expect(await explained(`${peer} --token-file token`, advanced)).toMatchObject({
      code: 2,
      err: [expect.stringContaining('do not say where the router is'), expect.any(String), expect.any(String)],
    });
    const missing = '--admin http://127.0.0.1:8060 --token-file /nonexistent/token';
    expect(await explained(`${peer} ${missing}`, advanced)).toMatchObject({
      code: 2,
      err: [expect.stringContaining('ENOENT')],
    });
  });

  test('--json gives everything as one JSON text', async () => {
    const { code, out } = await explained('MESSAGE sip:bob@example.com --from-peer 127.0.0.11 --json', advanced);
    expect(JSON.parse(out.join('\n'))).toMatchObject({
      request: {
        method: 'MESSAGE',
        uri: 'sip:bob@example.com',
        source: { transport: 'tcp', remoteAddress: '127.0.0.11' },
      },
      directory: { kind: 'home', side: 'microsoft' },
      checks: expect.arrayContaining([expect.objectContaining({ check: 'mode', verdict: 'decided' })]),
      decision: {
        kind: 'forward',
        plan: { to: 'microsoft', hops: [{ host: 'pool.example.com', port: 0 }, { port: 5060 }] },
      },
    });
    expect(code).toBe(0);
  });
});

describe('explain answers 2', () => {
  test.each([
    [
      'without a peer',
      'MESSAGE sip:bob@example.com',
      '--from-peer is missing: the address that the request comes from',
    ],
    [
      'to a peer by name',
      'MESSAGE sip:bob@example.com --from-peer imp1',
      '--from-peer "imp1" is not ADDRESS or ADDRESS:PORT: a peer is known by its IP address (and by --tls-name)',
    ],
    [
      'to a port above 65535',
      'MESSAGE sip:bob@example.com --from-peer 127.0.0.1:65536',
      '--from-peer "127.0.0.1:65536" is not ADDRESS or ADDRESS:PORT: a peer is known by its IP address (and by --tls-name)',
    ],
    [
      'to a method in small letters',
      'message sip:bob@example.com --from-peer 127.0.0.1',
      '"message" is not a method: write it in capitals, such as MESSAGE or INVITE',
    ],
    [
      'to a user without scheme',
      'MESSAGE bob@example.com --from-peer 127.0.0.1',
      '"bob@example.com" is not a SIP URI: write it like sip:bob@example.com',
    ],
    [
      'to another scheme',
      'MESSAGE tel:+123 --from-peer 127.0.0.1',
      '"tel:+123" is not a SIP URI: only sip: and sips: are routed',
    ],
    [
      'to a transport that there is not',
      'MESSAGE sip:b@example.com --from-peer 127.0.0.1 --transport sctp',
      '--transport "sctp" is not possible: known here: udp, tcp, tls',
    ],
    [
      'to a certificate without TLS',
      'MESSAGE sip:b@example.com --from-peer 127.0.0.1 --transport tcp --tls-name a',
      '--tls-name needs --transport tls',
    ],
    [
      'to a word too many',
      'MESSAGE sip:b@example.com x.yaml --from-peer 127.0.0.1',
      expect.stringMatching(/^".*routes\.yaml" is one word too many$/),
    ],
    [
      'to an unknown option',
      'MESSAGE sip:b@example.com --frm 127.0.0.1',
      'there is no option "--frm": did you mean "--from"?',
    ],
  ])('%s', async (_, words, said) => {
    const { code, out, err } = await explained(words);
    expect({ code, out, said: err[0] }).toEqual({ code: 2, out: [], said });
    expect(err[1]).toMatch(/^usage: pif-router explain METHOD URI --from-peer/);
  });

  test('with the problems of a configuration that cannot be used', async () => {
    const { code, err } = await explained('MESSAGE sip:b@example.com --from-peer 127.0.0.1', 'nonsense');
    expect(err).toEqual([expect.stringMatching(/routes\.yaml:1:1: error: expected settings/)]);
    expect(code).toBe(2);
  });
});
