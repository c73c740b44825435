/** Marked secrets in the running program: what it and its commands say, whatever happens, holds none of them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, expect, onTestFinished, test, vi } from 'vitest';
import { type CommandResult, command, reload } from '../support/admin.ts';
import { createAuthority } from '../support/certificates.ts';
import { bindResponse, fakeLdapServer } from '../support/fake-ldap-server.ts';
import { newBranch, requestText } from '../support/raw-message.ts';
import { openEnd } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { routesYaml, twoSides } from '../support/two-sides.ts';
import { until } from '../support/until.ts';

const sides = twoSides(121);
const port = 8060;
/** So that each can be told from all else that is said. */
const secrets = {
  bindPassword: 'Marked-Bind-Password-5f1c',
  bindPasswordOfEnvironment: 'Marked-Bind-Password-Env-77aa',
  wrongBindPassword: 'Marked-Wrong-Bind-Password-0b2d',
  token: 'Marked-Admin-Token-c0ffee-0123456789',
  wrongToken: 'Marked-Wrong-Token-decaf-0123456789',
  inTheClear: 'Marked-Password-In-The-Clear-31',
  signingKey: 'c0ffee00c0ffee11c0ffee22c0ffee33c0ffee44c0ffee55c0ffee66c0ffee77',
};
const authority = createAuthority();
const own = authority.issue({ commonName: 'router.example.com', alternativeNames: ['DNS:router.example.com'] });
const elsewhere = mkdtempSync(join(tmpdir(), 'pif-secrets-'));

const privateFile = (name: string, text: string): string => {
  const file = join(elsewhere, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
};
const files = {
  password: privateFile('password', `${secrets.bindPassword}\n`),
  wrongPassword: privateFile('wrong', `${secrets.wrongBindPassword}\n`),
  token: privateFile('token', `${secrets.token}\n`),
  signingKeys: privateFile('signing.keys', `${secrets.signingKey}\n`),
  badKeys: privateFile('bad.keys', `${secrets.signingKey}\nX${secrets.signingKey}\n${secrets.signingKey}\n`),
  wrongToken: privateFile('wrong-token', `${secrets.wrongToken}\n`),
  log: join(elsewhere, 'router.log'),
};

/** Each line of the key, and every form in which programs print octets. */
const traces = (): readonly string[] => {
  const ofKey = own.key.split('\n').filter((line) => line !== '' && !line.startsWith('-----'));
  const forms = (secret: string) => [
    secret,
    Buffer.from(secret).toString('base64').slice(0, -4),
    Buffer.from(secret).toString('hex'),
    encodeURIComponent(secret),
    [...Buffer.from(secret).subarray(0, 12)].join(','),
  ];
  return [...ofKey, ...Object.values(secrets).flatMap(forms)];
};

const source = (name: string, more: string): string =>
  `{ kind: ldap, name: ${name}, urls: ["ldap://127.0.0.1:${ldap.port}"], start-tls: false, bind-dn: "cn=${name}", base: ["dc=example,dc=com"], ${more} }`;

const routes = (changed: Readonly<Record<string, string>> = {}): string => {
  const { sources, tls, admin, keys, more } = {
    sources: [
      source('by-file', `password-file: ${files.password}`),
      source('by-env', 'password-env: PIF_TEST_SECRET'),
      source('wrong', `password-file: ${files.wrongPassword}`),
    ].join(', '),
    tls: `{ default: { certificate: ${own.certificateFile}, key: ${own.keyFile}, ca: ${authority.certificateFile} } }`,
    admin: `{ listen: "${sides.router}:${port}", token-file: ${files.token} }`,
    keys: files.signingKeys,
    more: '',
    ...changed,
  };
  return routesYaml(sides, { certificates: '.', mode: 'advanced' })
    .replace(/tls:\n {2}default:\n(?: {4}.*\n)+/, `tls: ${tls}\n`)
    .replace('sources: []', `sources: [${sources}]`)
    .concat(
      `admin: ${admin}\nreload: { watch: false }\nsigning: { keys-file: ${keys} }\nlog: { level: trace, file: ${files.log} }\nstop: { drain: 0s }\n${more}\n`,
    );
};

/** Each is refused; each holds a secret, or names a file of one where another belongs. */
const mistakes = (): readonly string[] => [
  routes({ sources: source('x', `password: ${secrets.inTheClear}`) }),
  routes({ sources: source('x', `password-file: ${secrets.inTheClear}`) }),
  routes({ sources: source('x', `password-env: ${secrets.inTheClear}`) }),
  routes({ sources: source('x', `password-file: ${own.keyFile}`) }),
  routes({ sources: source('x', `password-file: ${files.password}, password-env: PIF_TEST_SECRET`) }),
  routes({ sources: source('x', `password-file: [${secrets.inTheClear}]`) }),
  routes({ sources: `${source('x', '').slice(0, -4)}, password-file: "${secrets.inTheClear} }` }),
  routes({ sources: source('x', `password-file: ${secrets.inTheClear}: 1`) }),
  routes({ sources: source('x', '').replace('ldap://', `ldap://svc:${secrets.inTheClear}@`) }),
  routes({ admin: `{ listen: "${sides.router}:${port}", token: ${secrets.token} }` }),
  routes({ admin: `{ listen: "${sides.router}:${port}", token-file: ${secrets.token} }` }),
  routes({ admin: `{ listen: "${sides.router}:${port}", token-env: ${secrets.token} }` }),
  routes({ admin: `{ listen: "${sides.router}:${port}", token-file: ${own.keyFile} }` }),
  routes({ admin: `{ listen: "192.0.2.77:${port}", token-file: ${files.token}, tls: default }` }),
  routes({ tls: `{ default: { certificate: ${own.keyFile}, key: ${own.keyFile}, ca: ${own.keyFile} } }` }),
  routes({ tls: `{ default: { certificate: ${own.certificateFile}, key: ${files.token}, ca: ${files.password} } }` }),
  routes({
    tls: `{ default: { certificate: ${authority.certificateFile}, key: ${own.keyFile}, ca: ${authority.certificateFile} } }`,
  }),
  routes({ keys: files.badKeys }),
  routes({ keys: files.token }),
  routes({ keys: own.keyFile }),
  routes({ more: `password: ${secrets.inTheClear}` }),
];

let ldap: Awaited<ReturnType<typeof fakeLdapServer>>;
afterAll(() => {
  rmSync(elsewhere, { recursive: true });
  authority.remove();
});

test('no secret is in what the program writes, answers, prints or was started with', async () => {
  let bound = '';
  ldap = await fakeLdapServer(({ operation, octets, messageId }) => {
    if (operation !== 'bind') return undefined;
    bound += octets.toString('latin1');
    const isWrong = octets.includes(secrets.wrongBindPassword);
    return [isWrong ? bindResponse(messageId, 49, 'invalid credentials') : bindResponse(messageId)];
  });
  vi.stubEnv('PIF_TEST_SECRET', secrets.bindPasswordOfEnvironment);
  const router = await RouterProcess.start({ routes: routes() });
  onTestFinished(async () => void (await router.stop()));
  const said: string[] = [readFileSync(`/proc/${router.pid}/cmdline`, 'utf8')];
  const tell = async (...args: readonly string[]): Promise<CommandResult> => {
    const result = await command(router, ...args);
    said.push(result.output);
    return result;
  };

  // All secrets are in use: otherwise nothing could be found.
  const peer = await openEnd({ transport: 'udp', address: sides.cisco, to: { address: sides.router, port: 5060 } });
  const via = [`${peer.via};branch=${newBranch()}`];
  peer.send(requestText({ method: 'MESSAGE', uri: 'sip:bob@udp.example.com', via }));
  const passwords = [secrets.bindPassword, secrets.bindPasswordOfEnvironment, secrets.wrongBindPassword];
  await until(() => passwords.every((password) => bound.includes(password)));
  await peer.close();

  const where = ['--admin', `http://${sides.router}:${port}`];
  expect(await tell('status', '--json', ...where, '--token-file', files.token)).toMatchObject({ code: 0 });
  expect(await tell('status', ...where, '--token-file', files.wrongToken)).toMatchObject({ code: 1 });
  expect(await tell('status', ...where)).toMatchObject({ code: 1 });
  await tell('status', '--admin', 'http://192.0.2.1:8060', '--token-file', files.token);
  await tell('drain');
  await Promise.all([
    tell('undrain'),
    tell('status', '--json'),
    tell('check'),
    tell('unit'),
    tell('keys', 'rotate'),
    tell('doctor'),
    tell('doctor', '--json'),
    tell('directory', 'check'),
    tell('directory', 'show', 'sip:bob@udp.example.com', '--json'),
    tell('explain', 'MESSAGE', 'sip:bob@udp.example.com', '--from-peer', sides.cisco),
  ]);
  await handshakeOfStranger();

  for (const mistake of mistakes()) {
    router.rewrite(mistake);
    const result = await reload(router);
    expect(result).toMatchObject({ outcome: 'refused' });
    said.push(JSON.stringify(result));
  }
  await Promise.all([tell('check'), tell('status')]);
  router.rewrite(routes({ sources: source('by-file', `password-file: ${files.wrongPassword}`) }));
  expect(await reload(router)).toMatchObject({ outcome: 'applied' });
  await tell('status', '--json');
  expect(await router.stop()).toBe(0);

  const log = readFileSync(files.log, 'utf8');
  expect(log).toContain('"event":"admin-refused"');
  for (const [where, text] of Object.entries({ said: said.join('\n'), log, output: router.output }))
    expect({ where, found: traces().filter((trace) => text.includes(trace)) }).toEqual({ where, found: [] });
});

/** A TLS connection without a certificate: refused, and told in the log. */
const handshakeOfStranger = (): Promise<void> =>
  new Promise((resolve) => {
    const socket = connect({ host: sides.router, port: 5061, rejectUnauthorized: false }).on('error', () => undefined);
    socket.on('close', () => resolve()).resume();
  });
