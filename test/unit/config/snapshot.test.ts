/** What a routes.yaml without mistakes becomes, and that the shipped one is the manual that it promises to be. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { accessRule, listener, pinRow, route, routesFile, tlsProfile } from '../../../src/config/shape.ts';
import { loadSnapshot, type Snapshot } from '../../../src/config/snapshot.ts';
import { openDirectory } from '../../../src/directory/compose.ts';
import type { LdifSource } from '../../../src/directory/ldif/source.ts';
import { sourceKinds } from '../../../src/directory/source-kinds.ts';
import { silentLog } from '../../../src/log.ts';
import { defaultsOf } from '../../../src/settings/reader.ts';
import { rfcTimers } from '../../../src/sip/transaction/timers.ts';
import { defaultLimits, type TransportSettings, timeoutFields } from '../../../src/sip/transport/settings.ts';
import { createAuthority } from '../../support/certificates.ts';
import { load, problemsOf, routesYaml, snapshotOf } from '../../support/configuration.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { decided } from '../../support/routing.ts';

const root = join(import.meta.dirname, '../../..');
const shippedText = readFileSync(join(root, 'routes.yaml'), 'utf8');

/** The shipped file beside the files that it names; certificates as certs/make-dev-certs.sh makes them, but quicker. */
function loadShipped(text = shippedText) {
  const authority = createAuthority();
  onTestFinished(() => authority.remove());
  const router = authority.issue({
    commonName: 'router.example.com',
    alternativeNames: ['DNS:router.example.com'],
    days: 90,
  });
  return load(text, {
    'certs/router.crt': router.certificate,
    'certs/router.key': router.key,
    'certs/ca.crt': authority.certificate,
    'test/support/users.ldif': readFileSync(join(root, 'test/support/users.ldif'), 'utf8'),
  });
}

const openedDirectory = ({ directory }: Snapshot) =>
  openDirectory(directory, { clock: new ManualClock(), random: () => 0, log: silentLog });

/** Of an object and of all objects in it. */
const namesIn = ({ settings }: { readonly settings: object }): readonly string[] =>
  Object.entries(settings).flatMap(([name, { read }]) => [name, ...('settings' in read ? namesIn(read) : [])]);

describe('the shipped routes.yaml', () => {
  test('has no problem once its certificates exist (the CA of this test ends in 30 days, which is told)', () => {
    const { problems } = loadShipped();
    expect(problems.filter(({ path }) => path !== 'tls.default.ca')).toEqual([]);
  });

  test('names every setting that there is', () => {
    const kinds = Object.values(sourceKinds).map(({ section }) => section);
    const names = [routesFile, listener, tlsProfile, accessRule, route, pinRow, ...kinds].flatMap(namesIn);
    expect(names.length).toBeGreaterThan(60);
    const unnamed = names.filter((name) => !new RegExp(`^[ #-]*(.*[{,] )?${name}(:|  )`, 'm').test(shippedText));
    expect(unnamed).toEqual([]);
  });

  test('states the defaults as they are: without its optional sections the snapshot is the same', () => {
    const withoutOptional = shippedText.replace(/^(routing|dns|health|timers|limits|log):$(\n( .*|#.*)?$)*/gm, '');
    expect(withoutOptional.length).toBeLessThan(shippedText.length / 1.3);
    const [stated, implied] = [loadShipped().snapshot!, loadShipped(withoutOptional).snapshot!];
    expect(implied.timers).toEqual(stated.timers);
    expect(implied.transport.limits).toEqual(stated.transport.limits);
    expect(implied.transport.timeouts).toEqual(stated.transport.timeouts);
    expect(implied.log).toEqual(stated.log);
    expect(implied.dns).toEqual(stated.dns);
    expect(implied.health).toEqual(stated.health);
    expect(implied.proxyRequire).toEqual(stated.proxyRequire);
    expect(implied.rows.routes).toEqual(stated.rows.routes);
    const { mode, microsoftUser, whenUnavailable, onDenied, retryAfterS, ciscoUsers } = stated.policy;
    expect(implied.policy).toMatchObject({ mode, microsoftUser, whenUnavailable, onDenied, retryAfterS, ciscoUsers });
  });

  test('has a sample directory that knows every state of a user', () => {
    const directory = openedDirectory(loadShipped().snapshot!);
    expect(directory.lookup('bob@example.com')).toMatchObject({ kind: 'home', side: 'microsoft', addressOnly: false });
    expect(directory.lookup("dave.o'neil@example.com")).toMatchObject({ kind: 'home', addressOnly: false });
    expect(directory.lookup('grace@example.com')).toMatchObject({ kind: 'home', addressOnly: false });
    expect(directory.lookup('alice@example.com')).toMatchObject({ kind: 'home', addressOnly: true });
    expect(directory.lookup('carol@example.com')).toMatchObject({ kind: 'home', addressOnly: true });
    expect(directory.lookup('frank@example.com')).toMatchObject({ kind: 'unknown-user' });
  });
});

describe('defaults', () => {
  test('of limits, times and timers are those of the rooms that use them', () => {
    const { transport, timers } = snapshotOf(routesYaml());
    expect(transport.limits).toEqual(defaultLimits);
    expect(transport.timeouts).toEqual(defaultsOf(timeoutFields));
    expect(timers).toEqual({ ...rfcTimers, timerCMs: 190_000, failoverAfterMs: 2_000 });
  });

  test('of ports and TLS profiles follow the transport (RFC 3261 §19.1.2)', () => {
    const listen = 'listen: [{ transport: tcp, address: 127.0.0.1 }, { transport: udp, address: "[::1]" }]';
    const settings: TransportSettings = snapshotOf(routesYaml({ listen })).transport;
    expect(settings.listen).toEqual([
      { transport: 'tcp', address: '127.0.0.1', port: 5060 },
      { transport: 'udp', address: '::1', port: 5060 },
    ]);
  });
});

describe('values', () => {
  test('times become milliseconds, sizes bytes, names lower case, option tags a set', () => {
    const snapshot = snapshotOf(
      routesYaml({
        domains: 'domains: [Example.COM]',
        routing: 'routing: { failover-after: 750ms, retry-after: 1m, proxy-require: [MS-benotify, foo] }',
        timers: 'timers: { t1: 1s, idle: 24h }',
        limits: 'limits: { header: 8KiB, body: 2MiB, udp-datagram: 1500 }',
      }),
    );
    expect(snapshot.timers).toMatchObject({ t1Ms: 1_000, failoverAfterMs: 750 });
    expect(snapshot.transport.timeouts.idleMs).toBe(86_400_000);
    expect(snapshot.transport.limits).toMatchObject({
      headerBytes: 8_192,
      bodyBytes: 2_097_152,
      udpDatagramBytes: 1_500,
    });
    expect(snapshot.rows.domains).toEqual(['example.com']);
    expect(snapshot.policy.retryAfterS).toBe(60);
    expect(snapshot.proxyRequire).toEqual(new Set(['ms-benotify', 'foo']));
  });

  test('hosts are one, with a final dot or without, in any case, and IPv6 in any spelling (RFC 1034 §3.1, RFC 5952)', () => {
    const rowsOf = (hosts: { name: string; domain: string; below: string; hop: string; six: string }) =>
      snapshotOf(
        routesYaml({
          node: `node: { name: ${hosts.name} }`,
          domains: `domains: [${hosts.domain}]`,
          listen: `listen: [{ transport: tcp, address: 127.0.0.1 }, { transport: tcp, address: "::1" }]`,
          access:
            `access: [{ side: cisco, from: 127.0.0.11, from-domains: [${hosts.domain}, "${hosts.below}"] },` +
            ' { side: microsoft, from: 127.0.0.21 }]',
          routes:
            `routes: [{ to: cisco, pattern: ${hosts.domain}, next-hop: ${hosts.hop} },` +
            ` { to: microsoft, pattern: ${hosts.domain}, next-hop: "${hosts.six}" },` +
            ` { to: microsoft, pattern: "*${hosts.below}", next-hop: "${hosts.six}" }]`,
          pins: `pins: [{ user: "sip:ceo@${hosts.domain}", side: cisco }]`,
        }),
      ).rows;
    const spoken = (rows: ReturnType<typeof rowsOf>) => ({
      ...rows,
      routes: rows.routes.map(({ pattern, ...row }) => ({ ...row, pattern: { ...pattern, text: '' } })),
    });
    const plain = { name: 'router.example.com', domain: 'example.com', below: '.example.com', hop: 'imp1.example.com' };
    const odd = {
      name: 'Router.example.com.',
      domain: 'EXAMPLE.com.',
      below: '.Example.com.',
      hop: 'imp1.EXAMPLE.com.',
    };
    expect(spoken(rowsOf({ ...odd, six: '[2001:0DB8:0:0::21]' }))).toEqual(
      spoken(rowsOf({ ...plain, six: '2001:db8::21' })),
    );
  });

  test('an empty list of option tags is one that understands none', () =>
    expect(snapshotOf(routesYaml({ x: 'routing: { proxy-require: [] }' })).proxyRequire).toEqual(new Set()));

  test('a route keeps every field', () => {
    const route =
      '{ to: cisco, type: user, pattern: "b.b*", next-hop: IMP1.example.com, port: 0, priority: 7, weight: 20, in-service: false, block: true, allow-less-specific: false, description: spare }';
    const { routes } = snapshotOf(
      routesYaml({
        routes: `routes: [${route}, { to: cisco, pattern: example.com, next-hop: a.example.net }, { to: microsoft, pattern: example.com, next-hop: b.example.net }]`,
      }),
    ).rows;
    expect(routes[0]).toEqual({
      index: 0,
      to: 'cisco',
      pattern: { kind: 'user-wildcard', text: 'b.b*', mask: 'b.b', isOpen: true },
      nextHop: 'imp1.example.com',
      port: 0,
      transport: 'tcp',
      priority: 7,
      weight: 20,
      inService: false,
      block: true,
      allowLessSpecific: false,
      tlsName: undefined,
      tlsProfile: undefined,
      description: 'spare',
    });
  });

  test('a list of Cisco users is read with its comments, spellings and empty lines', () => {
    const yaml = routesYaml({ x: 'routing: { cisco-users: users.txt }' });
    const list = '\ufeff# all of IM&P\r\n\r\nsip:Alice@Example.com\r\ncarol@example.com   # moved\n';
    expect(snapshotOf(yaml, { 'users.txt': list }).policy.ciscoUsers).toEqual(
      new Set(['alice@example.com', 'carol@example.com']),
    );
  });

  test('a wildcard listener makes every address of this machine our own (RFC 3261 §16.4)', () => {
    const listen = 'listen: [{ transport: tcp, address: 0.0.0.0, port: 5070, name: vip.example.com }]';
    const { policy } = snapshotOf(routesYaml({ listen }));
    expect(policy.isOwnAddress('127.0.0.1', 5070)).toBe(true);
    expect(policy.isOwnAddress('vip.example.com', 5070)).toBe(true);
    expect(policy.isOwnAddress('router.example.com', 5070)).toBe(true);
    expect(policy.isOwnAddress('127.0.0.1', 5060)).toBe(false);
  });

  test('without a directory source the directory says so', () => {
    const directory = openedDirectory(snapshotOf(routesYaml()));
    expect(directory.lookup('bob@example.com')).toEqual({ kind: 'unavailable', why: 'no directory is configured' });
  });
});

describe('a snapshot', () => {
  test('is numbered, frozen through and through, and decides', () => {
    const snapshot = snapshotOf(routesYaml());
    expect(snapshot.number).toBe(1);
    for (const part of [
      snapshot,
      snapshot.timers,
      snapshot.transport.limits,
      snapshot.rows.routes,
      snapshot.rows.routes[0],
    ]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
    const uri = { scheme: 'sip', user: 'bob', host: 'example.com', maddr: undefined, port: undefined } as const;
    const decision = decided(
      {
        method: 'MESSAGE',
        requestUri: { ...uri, transport: undefined, key: 'bob@example.com' },
        source: { transport: 'tcp', remoteAddress: '127.0.0.21', remotePort: 5060, verifiedNames: [] },
        fromDomain: 'example.com',
        hasToTag: false,
        ownRoute: 'none',
        forgery: undefined,
        nextRoute: undefined,
        hasLoopedBranch: false,
        sentBeforeTo: undefined,
        isMarkedByCisco: false,
        hopsAt: () => [],
        spread: 0,
      },
      snapshot.policy,
    );
    expect(decision).toMatchObject({ kind: 'forward', plan: { to: 'cisco', hops: [{ host: '127.0.0.11' }] } });
  });

  test('does not exist when there is an error, and exists when there are only warnings', () => {
    expect(load(routesYaml({ x: 'colour: red' })).snapshot).toBeUndefined();
    const warned = load(routesYaml({ x: 'pins: [{ user: sip:a@example.net, side: cisco }]' }));
    expect(warned.problems.map(({ severity }) => severity)).toEqual(['warning']);
    expect(warned.snapshot?.rows.pins).toHaveLength(1);
  });

  test.each([
    ['a file that is not there', '/nonexistent/routes.yaml', 'there is no such file'],
    ['a directory', import.meta.dirname, 'this is a directory, not a file'],
  ])('cannot be made of %s', (_, file, what) => {
    expect(loadSnapshot(file, 1)).toEqual({
      files: [{ path: file, digest: 'unreadable' }],
      problems: [expect.objectContaining({ severity: 'error', file, line: 1, column: 1, what })],
    });
  });
});

describe('an LDIF source', () => {
  const entry = 'dn: CN=a\nmsRTCSIP-UserEnabled: TRUE\nmsRTCSIP-PrimaryUserAddress: sip:a@example.com\n';
  const sourceOf = (settings: string, text: string | Uint8Array) =>
    snapshotOf(routesYaml({ x: `directory: { sources: [{ kind: ldif, file: users.ldif${settings} }] }` }), {
      'users.ldif': text,
    }).directory.sources.map((source) => (source as LdifSource).settings)[0];

  test('has the share that it may lose, and the file that it is known by', () => {
    expect(sourceOf('', entry)).toMatchObject({ maxLoss: 0.1, file: expect.stringMatching(/^\/.*users\.ldif$/) });
    expect(sourceOf(', max-loss: 0%', entry)).toMatchObject({ maxLoss: 0 });
    expect(sourceOf(', max-loss: 25%', entry)).toMatchObject({ maxLoss: 0.25 });
  });

  test.each<[string, string | Uint8Array, boolean]>([
    ['a line end', entry, false],
    ['the line end of Windows', entry.replaceAll('\n', '\r\n'), false],
    ['a blank line', `${entry}\n`, false],
    ['Ctrl-Z behind it', `${entry}\x1a`, false],
    ['a line end in UTF-16', Buffer.from(`\ufeff${entry}`, 'utf16le'), false],
    ['an address', entry.trimEnd(), true],
    ['half an attribute', `${entry}description: half of it is he`, true],
    ['an address in UTF-16', Buffer.from(`\ufeff${entry.trimEnd()}`, 'utf16le'), true],
  ])('that ends with %s', (_, text, isCutOff) => expect(sourceOf('', text)).toMatchObject({ isCutOff }));

  test.each([
    ['0.1', /sources\[0\]\.max-loss.*"0.1" is not a share.*10%/],
    ['101%', /sources\[0\]\.max-loss.*101% is more than all/],
  ])('may not lose %s', (share, words) => {
    const x = `directory: { sources: [{ kind: ldif, file: users.ldif, max-loss: ${share} }] }`;
    expect(problemsOf(routesYaml({ x }), { 'users.ldif': entry })).toEqual([expect.stringMatching(words)]);
  });
});
