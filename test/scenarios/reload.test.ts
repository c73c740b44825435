/** A changed configuration comes into force by SIGHUP, by command or because a file has changed; what is open goes on. */
import { once } from 'node:events';
import { appendFileSync, cpSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, connect as netConnect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { afterEach, expect, inject, test } from 'vitest';
import type { UserReport } from '../../src/admin/directory.ts';
import type { Status } from '../../src/admin/status.ts';
import { ask, command, reload, socketOf } from '../support/admin.ts';
import { credentials, makeDevelopmentCertificates } from '../support/development-certificates.ts';
import { newBranch, RawMessage, requestText, responseText } from '../support/raw-message.ts';
import { openEnd, type RawEnd } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { ldifUser, routesYaml, twoSides } from '../support/two-sides.ts';
import { until } from '../support/until.ts';

const sides = twoSides(42);
const ends: RawEnd[] = [];
const cleanups: (() => void)[] = [];
let router: RouterProcess | undefined;

afterEach(async () => {
  await router?.stop();
  for (const end of ends.splice(0)) await end.close();
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const routes = (certificates = inject('certificates')): string => routesYaml(sides, { certificates });

/** Not by itself, so that a test says when. */
const unwatched = (text: string): string => `${text}reload: { watch: false }\n`;

const start = async (text: string): Promise<RouterProcess> => {
  router = await RouterProcess.start({ routes: text });
  return router;
};

const microsoft = async (): Promise<RawEnd> => {
  const end = await openEnd({ transport: 'tcp', address: sides.microsoft, port: 5060 });
  end.respond((request) =>
    request.method === undefined || request.method === 'ACK' ? undefined : responseText(request, 200),
  );
  ends.push(end);
  return end;
};

const cisco = async (port = 5060): Promise<RawEnd> => {
  const end = await openEnd({ transport: 'tcp', address: sides.cisco, to: { address: sides.router, port } });
  ends.push(end);
  return end;
};

const send = (from: RawEnd, method = 'MESSAGE', headers: readonly string[] = []): RawMessage => {
  const via = [`${from.via};branch=${newBranch()}`];
  const text = requestText({ method, uri: 'sip:bob@tcp.example.com', via, headers });
  from.send(text);
  return new RawMessage(text);
};

const exchange = async (from: RawEnd): Promise<void> => {
  send(from);
  await from.take(200);
};

const reloadEvents = (program: RouterProcess) => program.logLines.filter(({ event }) => event === 'reload');

test('a bad file is refused with line and column, the number in force is told, and traffic goes on', async () => {
  const program = await start(unwatched(routes()));
  await microsoft();
  const asker = await cisco();
  program.rewrite(unwatched(routes()).replace('mode: basic', 'mode: simple'));
  const line =
    routes()
      .split('\n')
      .findIndex((text) => text.includes('mode: basic')) + 1;

  const { code, output } = await command(program, 'reload');
  expect(code).toBe(1);
  expect(output).toContain(`${program.file}:${line}:9: error: routing.mode: "simple" is not possible here`);
  expect(output).toContain('refused: configuration 1 is still in force');
  await until(() => reloadEvents(program).length === 1);
  expect(reloadEvents(program)).toMatchObject([{ level: 'error', outcome: 'refused', number: 1, cause: 'command' }]);
  await exchange(asker);

  program.rewrite(unwatched(routes()));
  expect(await command(program, 'reload')).toMatchObject({
    code: 0,
    output: expect.stringContaining('configuration 2 is in force'),
  });
  await exchange(asker);
});

test('a listener that cannot be opened refuses the whole configuration', async () => {
  const program = await start(unwatched(routes()));
  program.rewrite(
    unwatched(routes()).replace('tls:\n', '  - { transport: tcp, address: 192.0.2.77, port: 5060 }\ntls:\n'),
  );
  const result = await reload(program);
  expect(result).toMatchObject({ outcome: 'refused', number: 1 });
  expect(result.problems.at(-1)).toContain('192.0.2.77');
});

test('a change that needs a restart is refused by its name', async () => {
  const program = await start(unwatched(routes()));
  program.rewrite(
    unwatched(routes()).replace(`transport: udp, address: ${sides.router}`, 'transport: udp, address: 0.0.0.0'),
  );
  const result = await reload(program);
  expect(result.problems.at(-1)).toMatch(/listen\[0\].*5060\/udp.*0\.0\.0\.0.*this change needs a restart/);
});

test('a request that waits for the directory while a reload comes ends as it began', async () => {
  const silent = createServer().listen(6636, sides.microsoft2);
  cleanups.push(() => silent.close());
  await once(silent, 'listening');
  const version = (whenUnavailable: string, retryAfter: string): string =>
    unwatched(routesYaml(sides, { certificates: inject('certificates'), mode: 'advanced' }))
      .replace(
        'mode: advanced',
        `mode: advanced\n  when-directory-unavailable: ${whenUnavailable}\n  retry-after: ${retryAfter}`,
      )
      .replace(
        'sources: []',
        `cache: { budget: 2s }\n  sources:\n    - { kind: ldap, urls: ["ldaps://${sides.microsoft2}:6636"], ca: ${inject('certificates')}/ca.crt, bind-dn: cn=pif, password-env: HOME, base: ["dc=example,dc=com"], connect: 10s }`,
      );
  const program = await start(version('reject', '11s'));
  await microsoft();
  const asker = await cisco();
  const options = (from: RawEnd): string =>
    requestText({ method: 'OPTIONS', uri: 'sip:router.example.com', via: [`${from.via};branch=${newBranch()}`] });

  send(asker);
  // Answered behind the MESSAGE: it waits for the directory now.
  asker.send(options(asker));
  await asker.take((message) => message.header('CSeq') === '1 OPTIONS' && message.status === 200);
  program.rewrite(version('basic', '22s'));
  expect(await reload(program)).toMatchObject({ outcome: 'applied', number: 2 });
  expect((await asker.take(503)).header('Retry-After')).toBe('11');
  await exchange(asker);
});

test('SIGHUP reloads, and so does a file that has changed; what says the same is not read again', async () => {
  const program = await start(routes());
  program.signal('SIGHUP');
  await until(() => reloadEvents(program).length === 1);
  program.rewrite(routes());
  program.rewrite(routes().replace('failover-after: 2s', 'failover-after: 3s'));
  await until(() => reloadEvents(program).length === 2);
  expect(reloadEvents(program)).toMatchObject([
    { outcome: 'applied', number: 2, cause: 'SIGHUP' },
    { outcome: 'applied', number: 3, cause: 'file changed' },
  ]);
});

test('a listener is moved: the new port is open, the old one is not, an old connection and its dialog go on', async () => {
  const program = await start(unwatched(routes()));
  const callee = await microsoft();
  const asker = await cisco();
  send(asker, 'INVITE', [`Contact: <sip:alice@${sides.cisco};transport=tcp>`]);
  const answer = await asker.take((message) => message.status === 200);

  program.rewrite(
    unwatched(routes()).replace(
      `transport: tcp, address: ${sides.router}, port: 5060`,
      `transport: tcp, address: ${sides.router}, port: 5070`,
    ),
  );
  expect(await reload(program)).toMatchObject({ outcome: 'applied', number: 2 });

  const via = [`${asker.via};branch=${newBranch()}`];
  const route = answer.headers('Record-Route').map((value) => `Route: ${value}`);
  const uri = `sip:bob@${sides.microsoft};transport=tcp`;
  const to = answer.header('To') ?? '';
  const callId = answer.header('Call-ID') ?? '';
  asker.send(requestText({ method: 'BYE', uri, via, to, callId, cseq: 2, headers: route }));
  await callee.take('BYE');
  await asker.take((message) => message.header('CSeq') === '2 BYE' && message.status === 200);

  await exchange(await cisco(5070));
  await expect(cisco(5060)).rejects.toThrow('ECONNREFUSED');
});

test('an LDIF file that is written in place takes nobody away while it is, and what is in it counts in the end', async () => {
  const people = (count: number): string =>
    Array.from({ length: count }, (_, n) => ldifUser(`u${n}@tcp.example.com`, true)).join('');
  const folder = mkdtempSync(join(tmpdir(), 'pif-users-'));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  const users = join(folder, 'users.ldif');
  writeFileSync(users, people(400));
  const program = await start(
    routesYaml(sides, { certificates: inject('certificates'), mode: 'advanced', users, transports: ['tcp'] }),
  );
  const answerFor = async (user: string): Promise<string> =>
    (await ask<UserReport>(program, `GET /directory/user?address=sip:${user}@tcp.example.com`)).body.answer.kind;
  const text = people(401);
  writeFileSync(users, '');
  for (let written = 0; written < text.length; written += 11_111) {
    appendFileSync(users, text.slice(written, written + 11_111));
    // Long enough for the watch to take it for what was meant.
    const seenMs = performance.now() + 500;
    while (performance.now() < seenMs) expect(await answerFor('u399')).toBe('home');
  }
  while ((await answerFor('u400')) !== 'home') await pause(20);
});

const serialOf = (socket: TLSSocket): string => socket.getPeerCertificate().serialNumber;

const shakeHands = (certificates: string, session?: Buffer): Promise<TLSSocket> =>
  new Promise((resolve, reject) => {
    // Node hands localAddress on to net.connect, which its types do not say.
    const options = {
      host: sides.router,
      port: 5061,
      localAddress: sides.cisco,
      servername: 'router.example.com',
      ...credentials(certificates, 'imp1'),
      ...(session === undefined ? {} : { session }),
    };
    const socket = tlsConnect(options);
    socket.once('secureConnect', () => resolve(socket)).once('error', reject);
    cleanups.push(() => socket.destroy());
  });

test('a certificate is replaced: new connections get the new one, no session outlives the change, an open one goes on', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pif-renewed-'));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  cpSync(inject('certificates'), folder, { recursive: true });
  const program = await start(routes(folder));
  const before = await shakeHands(folder);
  const session = before.getSession();

  for (const file of ['router.crt', 'router.key']) rmSync(join(folder, file));
  makeDevelopmentCertificates(folder);
  await until(() => reloadEvents(program).some(({ outcome }) => outcome === 'applied'));

  const after = await shakeHands(folder, session);
  expect(after.isSessionReused()).toBe(false);
  expect(serialOf(after)).not.toBe(serialOf(before));
  before.write(
    requestText({
      method: 'OPTIONS',
      uri: 'sip:router.example.com',
      via: [`SIP/2.0/TLS imp1.example.com;branch=${newBranch()}`],
    }),
  );
  const answer = await new Promise<string>((resolve) =>
    before.once('data', (data) => resolve(data.toString('latin1'))),
  );
  expect(answer).toMatch(/^SIP\/2\.0 200 /);
});

test('the socket for administration belongs to its user alone, and says how the router is', async () => {
  const program = await start(unwatched(routes()));
  expect(statSync(socketOf(program)).mode & 0o777).toBe(0o600);
  const { status, body } = await ask<Status>(program, 'GET /status');
  expect(status).toBe(200);
  expect(body).toMatchObject({
    state: 'in service',
    pid: program.pid,
    configuration: { number: 1, file: program.file },
    listeners: [
      { address: `udp ${sides.router}:5060`, sentBy: 'router.example.com:5060' },
      { address: `tcp ${sides.router}:5060` },
      { address: `tls ${sides.router}:5061` },
    ],
  });
  expect((await ask(program, 'DELETE /status')).status).toBe(404);
  expect((await ask(program, 'GET /constructor')).status).toBe(404);
});

test('the socket is moved by a reload, and what a killed router left is taken over', async () => {
  const program = await start(unwatched(routes()));
  program.rewrite(`${unwatched(routes())}admin: { socket: other.sock }\n`);
  await reload(program);
  expect(await command(program, 'status')).toMatchObject({
    code: 0,
    output: expect.stringContaining('configuration 2'),
  });
  expect(() => statSync(socketOf(program))).toThrow('ENOENT');

  const left = join(program.folder, 'left.sock');
  const killed = await RouterProcess.start({
    routes: routesYaml(twoSides(52), { certificates: inject('certificates') }),
  });
  const socket = netConnect(socketOf(killed));
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.destroy();
  killed.signal('SIGKILL');
  await killed.ended;
  renameSync(socketOf(killed), left);
  await killed.stop();
  program.rewrite(`${unwatched(routes())}admin: { socket: left.sock }\n`);
  expect(await command(program, 'reload', '--socket', join(program.folder, 'other.sock'))).toMatchObject({ code: 0 });
  expect(await command(program, 'status')).toMatchObject({ code: 0 });
});

test('where no router runs, the command says so', async () => {
  const program = await start(unwatched(routes()));
  await program.stop();
  const { code, output } = await command(program, 'status');
  expect(code).toBe(1);
  expect(output).toContain('no router answers at');
});
