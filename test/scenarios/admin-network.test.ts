/** Administration over the network at the running program: who is let in, by what, and how a reload changes it. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { statSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import type { Status } from '../../src/admin/status.ts';
import { status } from '../../src/cli/administer.ts';
import { ask, command, reload, socketOf } from '../support/admin.ts';
import { createAuthority } from '../support/certificates.ts';
import { RouterProcess } from '../support/router-process.ts';
import { run } from '../support/run-command.ts';
import { routesYaml, twoSides } from '../support/two-sides.ts';
import { until } from '../support/until.ts';

const sides = twoSides(120);
const port = 8060;
const token = 'a-token-of-the-test-0123456789';
const bearer = { authorization: `Bearer ${token}` };
const certificates = inject('certificates');

/** For the address itself, as who administers from elsewhere may name it. */
const authority = createAuthority();
const own = authority.issue({ commonName: 'router', alternativeNames: [`IP:${sides.router}`] });
const operator = authority.issue({ commonName: 'operator' });
const profile = `certificate: ${own.certificateFile}, key: ${own.keyFile}, ca: ${authority.certificateFile}`;

const file = (admin: string): string =>
  `${routesYaml(sides, { certificates, transports: ['tcp'] }).replace(
    'access:',
    `  operators: { ${profile} }\n  token-only: { extends: operators, client-certificate: none }\naccess:`,
  )}reload: { watch: false }\nadmin: { ${admin} }\n`;

const onLoopback = `listen: "${sides.router}:${port}"`;
const withToken = `${onLoopback}, token-file: token`;
const everywhere = `listen: "0.0.0.0:${port}", token-file: token, tls: token-only`;

let program: RouterProcess;
let tokenFile: string;
beforeAll(async () => {
  program = await RouterProcess.start({ routes: file('') });
  tokenFile = join(program.folder, 'token');
});
beforeEach(() => writeFileSync(tokenFile, `${token}\n`, { mode: 0o600 }));
afterEach(async () => {
  await change('');
  await ask(program, 'POST /undrain');
});
afterAll(async () => {
  await program.stop();
  authority.remove();
});

async function change(admin: string): Promise<void> {
  program.rewrite(file(admin));
  expect(await reload(program)).toMatchObject({ outcome: 'applied' });
}

interface Heard {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Asking extends RequestOptions {
  readonly isTls?: boolean;
  readonly ca?: string;
  readonly body?: string;
}

const hear = (what: string, { isTls = false, body, ...options }: Asking = {}): Promise<Heard> =>
  new Promise((resolve, reject) => {
    const [method, path] = what.split(' ');
    const request = isTls ? httpsRequest : httpRequest;
    const asked = request({ host: sides.router, port, method, path, ...options }, async (response) => {
      const text = (await response.setEncoding('utf8').toArray()).join('');
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
    });
    asked.on('error', reject).end(body);
  });

const overTls = (headers: Readonly<Record<string, string>>): Asking => ({
  isTls: true,
  ca: authority.certificate,
  headers,
});

describe('on loopback without a token', () => {
  test('programs of the machine ask as they do at the socket', async () => {
    await change(onLoopback);
    const { status, headers, text } = await hear('GET /status');
    expect(status).toBe(200);
    expect(JSON.parse(text)).toEqual((await ask<Status>(program, 'GET /status')).body);
    expect(headers).toMatchObject({ 'cache-control': 'no-store', connection: 'close' });
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect(JSON.parse((await hear('POST /drain')).text)).toMatchObject({ state: 'draining' });
  });

  test('no web page does: neither by a name that points here, nor by the address, nor by asking first', async () => {
    await change(onLoopback);
    const pages = [
      { host: `evil.example.com:${port}` },
      { origin: 'https://evil.example.com' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ];
    for (const headers of pages) {
      const refused = await hear('POST /drain', { headers });
      expect({ headers, status: refused.status }).toEqual({ headers, status: 403 });
      expect(Object.keys(refused.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
    const preflight = await hear('OPTIONS /drain', { headers: { origin: 'https://evil.example.com' } });
    expect(preflight.status).toBe(403);
    expect((await ask<Status>(program, 'GET /status')).body.state).toBe('in service');
    await until(() => program.logLines.some(({ event, status }) => event === 'admin-refused' && status === 403));
  });

  test.each(['localhost', `localhost:${port}`, '127.0.0.1:1', '[::1]', sides.router])(
    'Host: %s is this machine',
    async (host) => {
      await change(onLoopback);
      expect(await hear('GET /ready', { headers: { host } })).toMatchObject({ status: 200 });
    },
  );
});

describe('with a token', () => {
  test('nobody is let in by another one, and is told which kind is asked for (RFC 6750 §3)', async () => {
    await change(withToken);
    const wrong = ['', 'Bearer', `Bearer ${token.slice(1)}`, `Bearer ${token}x`, `Basic ${token}`, token];
    for (const authorization of wrong) {
      const refused = await hear('GET /status', { headers: { authorization } });
      expect({ authorization, status: refused.status }).toEqual({ authorization, status: 401 });
      expect(refused.headers['www-authenticate']).toBe('Bearer realm="pif-router"');
      expect(refused.text).not.toContain(token);
    }
    expect(await hear('GET /status', { headers: bearer })).toMatchObject({ status: 200 });
    expect(await hear('GET /status', { headers: { authorization: `bearer ${token}` } })).toMatchObject({ status: 200 });
  });

  test('in clear text the commands send it to no other machine', async () => {
    await change(withToken);
    const where = ['--admin', 'http://192.0.2.1:8060', '--token-file', tokenFile];
    const { code, output } = await command(program, 'status', ...where);
    expect({ code, output }).toEqual({
      code: 1,
      output: 'the token would travel to 192.0.2.1:8060 in the clear: use https://\n',
    });
  });
});

describe('with a token and TLS, on all addresses', () => {
  const url = `https://${sides.router}:${port}`;
  const ca = authority.certificateFile;

  const curl = (...args: readonly string[]): Promise<string> =>
    promisify(execFile)('curl', ['--silent', '--fail-with-body', '--cacert', ca, ...args]).then(
      ({ stdout }) => stdout,
      ({ code, stdout }) => `${code} ${stdout}`,
    );

  test('curl is answered, and refused without the token or over plain HTTP', async () => {
    await change(everywhere);
    writeFileSync(join(program.folder, 'header'), `Authorization: Bearer ${token}`, { mode: 0o600 });
    const given = ['--header', `@${program.folder}/header`];
    expect(JSON.parse(await curl(...given, `${url}/status`))).toMatchObject({ state: 'in service' });
    expect(JSON.parse(await curl(...given, '--request', 'POST', `${url}/drain`))).toMatchObject({ state: 'draining' });
    expect(await curl(`${url}/status`)).toContain('a token is needed');
    // curl(1): 52 nothing was answered, 56 the connection was reset.
    expect(await curl(...given, `http://${sides.router}:${port}/status`)).toMatch(/^5[26] $/);
  });

  test('the commands ask there, and say why when they are not let in', async () => {
    await change(everywhere);
    const where = ['--admin', url, '--ca', ca];
    expect(await command(program, 'status', ...where)).toMatchObject({
      code: 1,
      output: 'the router refuses this: a token is needed, and this is not it: Authorization: Bearer TOKEN\n',
    });
    const shown = [...where, '--token-file', tokenFile];
    expect(await command(program, 'status', ...shown)).toMatchObject({ code: 0 });
    expect(await command(program, 'drain', ...shown)).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^draining, process/),
    });
    expect(await command(program, 'reload', '--json', ...shown)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"outcome":"applied"'),
    });
    expect(await command(program, 'status', '--admin', url, '--token-file', tokenFile)).toMatchObject({
      code: 1,
      output: expect.stringMatching(/^no router answers at https:\S+ \(.*certificate/),
    });
  });

  test('a profile that asks for client certificates lets in only who has one, too', async () => {
    await change(everywhere.replace('token-only', 'operators'));
    await expect(hear('GET /status', overTls(bearer))).rejects.toThrow();
    const where = ['--admin', url, '--ca', ca, '--token-file', tokenFile];
    const shown = ['--cert', operator.certificateFile, '--key', operator.keyFile];
    expect(await command(program, 'status', ...where, ...shown)).toMatchObject({ code: 0 });
    expect(await command(program, 'status', ...where)).toMatchObject({ code: 1 });
  });
});

test.each([
  ['--admin', 'http://127.0.0.1:8060', '--socket', 'a.sock'],
  ['--admin', '127.0.0.1:8060'],
  ['--admin', 'http://me@127.0.0.1:8060'],
  ['--token-file', 'token'],
  ['--admin', 'http://127.0.0.1:8060', '--token-file', 'token', '--token-env', 'TOKEN'],
  ['--admin'],
])('a command with %s %s %s does not say where', async (...args) =>
  expect(
    await run(
      status,
      args.filter((arg) => arg !== undefined),
    ),
  ).toMatchObject({
    code: 2,
    err: [
      expect.any(String),
      expect.stringMatching(/^usage: pif-router status \[--json\] \[--socket PATH \| --admin URL/),
      'pif-router status --help says more',
    ],
  }),
);

describe('who asks is held short', () => {
  test.each([
    ['one that is refused', 'GET /status HTTP/1.1\r\nHost: evil.example\r\n\r\n', 403],
    ['one with a body', `POST /reload HTTP/1.1\r\nHost: ${sides.router}\r\nContent-Length: 2\r\n\r\nhi`, 413],
    ['one that is answered', `GET /status HTTP/1.1\r\nHost: ${sides.router}\r\n\r\n`, 200],
  ])('what follows on the same connection is not carried out: behind %s', async (_what, first, expected) => {
    await change(onLoopback);
    const socket = connect(port, sides.router);
    socket.end(`${first}POST /drain HTTP/1.1\r\nHost: ${sides.router}\r\n\r\n`);
    const heard = (await socket.setEncoding('latin1').toArray()).join('');
    expect([...heard.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => Number(status))).toEqual([expected]);
    expect((await ask<Status>(program, 'GET /status')).body).toMatchObject({ state: 'in service' });
  });

  test('a body and long header fields are refused', async () => {
    await change(onLoopback);
    expect(await hear('POST /reload', { body: 'x', headers: { 'content-length': 1 } })).toMatchObject({ status: 413 });
    expect(await hear('POST /reload', { body: 'x', headers: { 'transfer-encoding': 'chunked' } })).toMatchObject({
      status: 413,
    });
    expect(await hear('GET /status', { headers: { 'x-long': 'x'.repeat(9_000) } })).toMatchObject({ status: 431 });
  });

  test('more than 32 connections at a time are closed, and those that ask for nothing in time, too', async () => {
    await change(onLoopback);
    const sockets = Array.from({ length: 33 }, () => connect(port, sides.router));
    const closed = new Set<number>();
    for (const [i, socket] of sockets.entries())
      socket
        .on('error', () => undefined)
        .on('close', () => closed.add(i))
        .resume();
    await until(() => closed.size === 1);
    await until(() => closed.size === 33);
    expect(await hear('GET /ready')).toMatchObject({ status: 200 });
  });
});

describe('a reload', () => {
  test('changes the token and adds TLS on the port that is open, and closes it', async () => {
    await change(onLoopback);
    await change(withToken);
    expect(await hear('GET /status')).toMatchObject({ status: 401 });
    writeFileSync(tokenFile, 'another-token-0123456789\n');
    await change(withToken);
    expect(await hear('GET /status', { headers: bearer })).toMatchObject({ status: 401 });
    writeFileSync(tokenFile, `${token}\n`);
    await change(`${withToken}, tls: token-only`);
    expect(await hear('GET /status', overTls(bearer))).toMatchObject({ status: 200 });
    await expect(hear('GET /status', { headers: bearer })).rejects.toThrow();
    await change('');
    await expect(hear('GET /status')).rejects.toThrow('ECONNREFUSED');
  });

  test('by the port itself is answered, also when it moves the port', async () => {
    await change(onLoopback);
    program.rewrite(file(`listen: "${sides.router}:${port + 1}"`));
    expect(JSON.parse((await hear('POST /reload')).text)).toMatchObject({ outcome: 'applied' });
    expect(await hear('GET /ready', { port: port + 1 })).toMatchObject({ status: 200 });
    await expect(hear('GET /ready')).rejects.toThrow('ECONNREFUSED');
  });

  test('to a port that is taken, or without what it takes, changes nothing', async () => {
    await change(onLoopback);
    const taken = createServer().listen(port + 1, sides.router);
    await once(taken, 'listening');
    program.rewrite(file(`listen: "${sides.router}:${port + 1}"`));
    expect((await reload(program)).problems.at(-1)).toMatch(/admin\.listen .*8061, cannot be opened: .*EADDRINUSE/);
    taken.close();
    program.rewrite(file(`listen: "0.0.0.0:${port}"`));
    expect((await reload(program)).problems.at(-1)).toMatch(
      /:\d+:\d+: error: admin\.listen: 0\.0\.0\.0 can be reached/,
    );
    expect(JSON.parse((await hear('GET /status')).text)).toMatchObject({
      configuration: { lastReload: { outcome: 'refused' } },
    });
  });

  test('opens the socket to the group, and to the own user alone again', async () => {
    await change('socket-mode: "0660"');
    const mode = (): number => statSync(socketOf(program)).mode & 0o777;
    expect(mode()).toBe(0o660);
    await change('');
    expect(mode()).toBe(0o600);
  });
});
