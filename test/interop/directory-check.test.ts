/** `pif-router directory check` at real servers: an administrator reads whether a source works and what it knows. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { command as directoryCheck } from '../../src/cli/directory.ts';
import { createTimerWheel } from '../../src/clock.ts';
import { ldapConnections } from '../../src/directory/ldap/connections.ts';
import { routesYaml } from '../support/configuration.ts';
import { fakeLdapServer, searchDone, searchEntry } from '../support/fake-ldap-server.ts';
import { type CommandRun, run } from '../support/run-command.ts';
import { type LogLine, recordingLog, serversTo } from './directory/opened.ts';
import { startOpenLdap } from './directory/openldap.ts';
import { type SambaDirectory, startSambaAd } from './directory/samba-ad.ts';
import type { TestDirectory } from './directory/test-directory.ts';

let openLdap: TestDirectory;
let samba: SambaDirectory;
beforeAll(async () => {
  [openLdap, samba] = await Promise.all([startOpenLdap({ users: 40 }), startSambaAd({ users: 40 })]);
  console.info(`met ${openLdap.version} and ${samba.version}`);
});
afterAll(() => Promise.all([openLdap?.stop(), samba?.stop()]));

/** Runs the command with one source at these URLs. */
function check(
  server: TestDirectory,
  urls: readonly string[],
  changed: {
    readonly password?: string;
    readonly base?: string;
    readonly filter?: string;
    readonly isPlain?: boolean;
  } = {},
): Promise<CommandRun> {
  const folder = mkdtempSync(join(tmpdir(), 'pif-directory-check-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { reader, caFile, suffix } = server;
  const password = join(folder, 'password');
  writeFileSync(password, changed.password ?? reader.password, { mode: 0o600 });
  const who = `bind-dn: "${reader.dn}", password-file: ${password}`;
  const filter = changed.filter === undefined ? '' : `, filter: "${changed.filter}"`;
  const trust = changed.isPlain === true ? 'start-tls: false' : `ca: ${caFile}`;
  const source = `{ kind: ldap, name: corp, urls: [${urls.join(', ')}], ${trust}, ${who}, base: ["${changed.base ?? suffix}"]${filter} }`;
  const file = join(folder, 'routes.yaml');
  writeFileSync(file, routesYaml({ x: `directory: { sources: [${source}] }` }));
  return run(directoryCheck, [file]);
}

test('OpenLDAP: connects, binds, and counts the users by what they are', async () => {
  const { code, out, err } = await check(openLdap, [openLdap.ldapsUrl]);
  expect(err).toEqual([]);
  expect(out).toEqual([
    `ldap corp, as ${openLdap.reader.dn}`,
    expect.stringMatching(
      /^ {2}works: ldaps:\S+ \(LDAP with content synchronisation\), connected and bound in \d+ ms$/,
    ),
    '    clock: it does not tell its time',
    expect.stringMatching(/^ {4}last change: CSN \d{14}\.\d+Z#/),
    '    changes can be followed by: poll, notify',
    '  46 users with a SIP address',
    '    36 enabled on the Microsoft side',
    '    10 with an address only: migrated, or made searchable',
    '    2 of the enabled whose account is disabled in the directory; they stay reachable:',
    expect.stringContaining('user0000017'),
    expect.stringContaining('user0000037'),
    '    1 with a malformed address, which is passed over:',
    expect.stringContaining('msRTCSIP-PrimaryUserAddress: "sip:no-domain"'),
    '    1 addresses that several objects have; the enabled object decides:',
    expect.stringMatching(/dup@example\.com of .*dup-a.* and .*dup-b/i),
    '    1 with addresses in other domains only, which are never asked for:',
    expect.stringContaining('guest@other.example.com'),
  ]);
  expect(code).toBe(0);
});

test('Samba AD: tells name, clock and USN of the controller, and that proxyAddresses is not in the global catalog', async () => {
  const { code, out } = await check(samba, [samba.ldapsUrl]);
  expect(out.slice(1, 8)).toEqual([
    expect.stringMatching(/^ {2}works: \S+ \(Active Directory, dc1\.example\.com\), connected and bound in \d+ ms$/),
    '    clock: as ours',
    expect.stringMatching(/^ {4}last change: USN \d+$/),
    expect.stringMatching(/^ {4}password: of this account expires 20\d\d-\S+Z, in \d+ days$/),
    '    changes can be followed by: poll, dirsync, notify',
    '    global catalog: lacks proxyAddresses; do not use the ports 3268 and 3269',
    '  46 users with a SIP address',
  ]);
  expect(code).toBe(0);
});

test('Samba AD: an account that cannot see what is left of deleted objects is told so', async () => {
  const { out } = await check({ ...samba, reader: samba.plain }, [samba.ldapsUrl]);
  expect(out.filter((line) => line.includes('deletions'))).toEqual([
    expect.stringMatching(
      /^ {4}deletions: this account may not read CN=Deleted Objects, so a deleted user stays until/,
    ),
  ]);
});

test.each([
  ['OpenLDAP', () => openLdap],
  ['Samba AD', () => samba],
] as const)('%s: a base that is not there, and a filter that asks for groups, are told', async (_, serverOf) => {
  const server = serverOf();
  const base = `OU=Nowhere,${server.suffix}`;
  const { code, out } = await check(server, [server.ldapsUrl], { base, filter: `(memberOf=CN=all,${server.suffix})` });
  expect(out).toContain(`    base: ${base} is not there, or the account may not see it`);
  expect(out).toContainEqual(expect.stringMatching(/^ {4}filter: it asks for groups \(memberOf\)/));
  expect(code).toBe(1);
});

test('Samba AD: a password that is about to expire is told, in whatever form the account is named', async () => {
  const age = (days: number): void => {
    const option = `--max-pwd-age=${days}`;
    execFileSync('samba-tool', ['domain', 'passwordsettings', 'set', option, '-s', samba.confFile], { stdio: 'pipe' });
  };
  age(10);
  onTestFinished(() => age(42));
  const [, logonName] = /^CN=([^,]+)/i.exec(samba.reader.dn) ?? [];
  for (const dn of [samba.reader.dn, `${logonName}@example.com`, `EXAMPLE\\\\${logonName}`]) {
    const { code, out } = await check({ ...samba, reader: { ...samba.reader, dn } }, [samba.ldapsUrl]);
    expect(out.find((line) => line.includes('password:'))).toMatch(
      /^ {4}password: of this account expires \S+, in [0-9] days: set a new one, in the directory and here, or let it never expire$/,
    );
    expect(code).toBe(0);
  }
  const log = recordingLog();
  const clock = createTimerWheel();
  const servers = serversTo(samba, { requiredAttributes: ['msRTCSIP-UserEnabled'] });
  const connections = ldapConnections(servers, { clock, log, random: () => 0 });
  onTestFinished(() => {
    connections.close();
    clock.close();
  });
  await connections.open('lookup');
  await connections.open('sync');
  const warnings = (): readonly LogLine[] => log.lines.filter(({ message }) => message.includes('about to expire'));
  await expect.poll(warnings).toMatchObject([
    {
      level: 'warn',
      fields: { account: samba.reader.dn, why: expect.stringMatching(/^expires .* in [0-9] days: /) },
    },
  ]);
});

test('a server whose last change lies ahead of our clock is told, for its clock may have been set back', async () => {
  const csn = `${new Date(Date.now() + 3_600_000).toISOString().replaceAll(/[-:T]|\..*/g, '')}.000000Z#000000#001#000000`;
  const root = { namingContexts: ['dc=example,dc=com'], supportedControl: ['1.3.6.1.4.1.4203.1.9.1.1'] };
  const bob = { 'msRTCSIP-PrimaryUserAddress': ['sip:bob@example.com'], 'msRTCSIP-UserEnabled': ['TRUE'] };
  const types = [
    "( 1.1 NAME 'msRTCSIP-PrimaryUserAddress' )",
    "( 1.2 NAME 'msRTCSIP-UserEnabled' )",
    "( 1.3 NAME 'proxyAddresses' )",
  ];
  const fake = await fakeLdapServer(({ operation, messageId, octets }) => {
    if (operation !== 'search') return undefined;
    const [dn, values]: [string, Record<string, string[]>] = octets.includes('contextCSN')
      ? ['dc=example,dc=com', { contextCSN: [csn] }]
      : octets.includes('attributeTypes')
        ? ['cn=Subschema', { attributeTypes: types }]
        : octets.includes('supportedControl')
          ? ['', root]
          : ['cn=bob,dc=example,dc=com', bob];
    return [searchEntry(messageId, dn, values), searchDone(messageId)];
  });
  const { out } = await check({ ...openLdap, suffix: 'dc=example,dc=com' }, [`ldap://127.0.0.1:${fake.port}`], {
    isPlain: true,
  });
  expect(out).toContainEqual(
    expect.stringMatching(
      /^ {4}changes: the last one is 3(599|600) s ahead of our clock; if the server's clock was set back/,
    ),
  );
});

test('a global catalog that lacks an attribute is no good as a server, and the command says so with its exit code', async () => {
  const { code, out } = await check(samba, [samba.gcUrl]);
  expect(out).toContain(
    '    global catalog: lacks proxyAddresses; this is a port of the global catalog: use 636, or leave them out',
  );
  expect(code).toBe(1);
});

test('one server of two that does not work is named with its reason; the users are counted at the other', async () => {
  const { code, out } = await check(openLdap, ['ldaps://127.0.0.1:1', openLdap.ldapsUrl]);
  expect(out[1]).toMatch(/^ {2}does not work: ldaps:\/\/127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED/);
  expect(out).toContain('  46 users with a SIP address');
  expect(code).toBe(1);
});

test('OpenLDAP: that the account may not read who is enabled is told', async () => {
  const other = await startOpenLdap({ users: 5, hidden: 'msRTCSIP-UserEnabled' });
  onTestFinished(() => other.stop());
  const { out } = await check(other, [other.ldapsUrl]);
  expect(out.filter((line) => line.includes('msRTCSIP-UserEnabled'))).toEqual([
    expect.stringMatching(/^ {4}none of them shows msRTCSIP-UserEnabled: may the account read it\?/),
  ]);
});

test('a wrong password is told, and is not printed', async () => {
  const { code, out, err } = await check(openLdap, [openLdap.ldapsUrl], { password: 'not the right one' });
  expect(out.join('\n')).toMatch(/the bind DN or its password is wrong/);
  expect([...out, ...err].join('\n')).not.toContain('not the right one');
  expect(code).toBe(1);
});

test('a directory without the RTC schema: the missing attributes are named', async () => {
  const other = await startOpenLdap({ users: 5, hasRtc: false });
  onTestFinished(() => other.stop());
  const { code, out } = await check(other, [other.ldapsUrl]);
  expect(out[1]).toMatch(
    /has no attribute msRTCSIP-PrimaryUserAddress, msRTCSIP-UserEnabled: is this the right directory\?$/,
  );
  expect(code).toBe(1);
});
