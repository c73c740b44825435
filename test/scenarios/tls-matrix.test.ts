/** The started program and openssl-made certificates of every wrong kind, in both directions; each beside a good one. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type Server } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CertificateWish, createAuthority, type TestCertificate } from '../support/certificates.ts';
import { newBranch, requestText, responseText } from '../support/raw-message.ts';
import { openEnd, type RawEnd } from '../support/raw-sip.ts';
import { mainFile, RouterProcess } from '../support/router-process.ts';
import { portOf, twoSides } from '../support/two-sides.ts';
import { until } from '../support/until.ts';

const sides = twoSides(80);
const folder = mkdtempSync(join(tmpdir(), 'pif-router-matrix-'));
const root = createAuthority('Root CA');
const issuing = root.intermediate('Issuing CA');
const strange = createAuthority('Strange CA');

/** The peer is named alike in both directions: as who calls, and as who is reached. */
const name = 'fe1.example.com';
const named: CertificateWish = { commonName: 'Front End', alternativeNames: [`DNS:${name}`] };
const chained = (own: TestCertificate): TestCertificate => ({
  ...own,
  certificate: own.certificate + issuing.certificate,
});

const good = chained(issuing.issue(named));
const revoked = root.issue(named);

interface Kind {
  readonly what: string;
  readonly own: TestCertificate;
  readonly code: string;
  /** Where it is another one when we are the ones who connect; null: only who calls is refused for it. */
  readonly codeOut?: string | null;
}

const kinds: readonly Kind[] = [
  { what: 'expired', own: root.issue({ ...named, days: -1 }), code: 'tls-certificate-expired' },
  { what: 'not yet valid', own: root.issue({ ...named, startsInDays: 2 }), code: 'tls-certificate-not-yet-valid' },
  { what: 'of another CA', own: strange.issue(named), code: 'tls-certificate-untrusted' },
  { what: 'self-signed', own: root.issue({ ...named, isSelfSigned: true }), code: 'tls-certificate-untrusted' },
  {
    what: 'without its intermediate',
    own: strange.intermediate('Below').issue(named),
    code: 'tls-certificate-untrusted',
  },
  { what: 'revoked', own: revoked, code: 'tls-certificate-revoked' },
  {
    what: 'of another name',
    own: root.issue({ commonName: name, alternativeNames: ['DNS:fe9.example.com'] }),
    code: 'access-denied',
    codeOut: 'tls-name-mismatch',
  },
  {
    what: 'with a wildcard',
    own: root.issue({ commonName: name, alternativeNames: ['DNS:*.example.com'] }),
    code: 'access-denied',
    codeOut: 'tls-name-mismatch',
  },
  {
    what: 'with a common name only, which does not count here',
    own: root.issue({ commonName: name }),
    code: 'access-denied',
    codeOut: 'tls-name-mismatch',
  },
  {
    what: 'without clientAuth',
    own: root.issue({ ...named, usages: ['serverAuth'] }),
    code: 'tls-certificate-purpose',
    codeOut: null,
  },
  {
    what: 'without serverAuth',
    own: root.issue({ ...named, usages: ['clientAuth'] }),
    code: '',
    codeOut: 'tls-certificate-purpose',
  },
];

const callers = kinds.filter(({ code }) => code !== '');
const reached = kinds.flatMap(({ codeOut, code, ...kind }) =>
  codeOut === null ? [] : [{ ...kind, code: codeOut ?? code }],
);

const domainOf = (i: number): string => `kind${i}.example.com`;
const firstPort = 5100;
const goodPort = 5099;

const routes = `node: { name: router.example.com }
domains: [good.example.com, ${reached.map((_, i) => domainOf(i)).join(', ')}]
listen:
  - { transport: tcp, address: ${sides.router} }
  - { transport: tls, address: ${sides.router} }
tls:
  default:
    certificate: ${folder}/router.crt
    key: ${folder}/router.key
    ca: ${folder}/ca.crt
    crl: [${folder}/root.crl, ${folder}/issuing.crl]
    common-name: false
access:
  - { side: cisco, from: ${sides.cisco} }
  - { side: microsoft, from: ${name} }
routes:
  - { to: cisco, pattern: good.example.com, next-hop: ${sides.cisco} }
  - { to: microsoft, pattern: good.example.com, next-hop: ${sides.microsoft}, port: ${goodPort}, transport: tls, tls-name: ${name} }
${reached.map((_, i) => `  - { to: microsoft, pattern: ${domainOf(i)}, next-hop: ${sides.microsoft}, port: ${firstPort + i}, transport: tls, tls-name: ${name} }`).join('\n')}
health: { probe: { enabled: false } }
`;

function writeFiles(): void {
  const own = root.issue({ commonName: 'router', alternativeNames: ['DNS:router.example.com'], days: 29 });
  const files = {
    'router.crt': own.certificate,
    'router.key': own.key,
    'ca.crt': root.certificate + issuing.certificate,
    'root.crl': root.revocationList({ revoked: [revoked] }),
    'issuing.crl': issuing.revocationList(),
    'other.key': good.key,
  };
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text, { mode: 0o600 });
}

let router: RouterProcess;
let cisco: RawEnd;
let asker: RawEnd;
/** What was written to the servers with a wrong certificate. */
let written = '';
const servers: Server[] = [];

const serve = async (
  { certificate: cert, key }: TestCertificate,
  port: number,
  onData: (text: string, answer: (text: string) => void) => void,
) => {
  const server = createServer({ cert, key, ca: root.certificate, requestCert: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => onData(chunk.toString('latin1'), (text) => socket.write(text, 'latin1')));
  });
  // Who is refused may close in the middle of the handshake.
  server.on('tlsClientError', () => undefined);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(port, sides.microsoft, resolve));
};

beforeAll(async () => {
  writeFiles();
  router = await RouterProcess.start({ routes });
  cisco = await openEnd({ transport: 'tcp', address: sides.cisco, port: portOf('tcp') });
  cisco.respond((request) => (request.method === undefined ? undefined : responseText(request, 200)));
  asker = await openEnd({ transport: 'tcp', address: sides.cisco, to: { address: sides.router, port: portOf('tcp') } });
  const note = (text: string) => {
    written += text;
  };
  for (const [i, { own }] of reached.entries()) await serve(own, firstPort + i, note);
  await serve(good, goodPort, (text, answer) => answer(okTo(text)));
});

afterAll(async () => {
  await Promise.all([asker?.close(), cisco?.close(), router?.stop()]);
  for (const server of servers) server.close();
  for (const authority of [root, strange]) authority.remove();
  rmSync(folder, { recursive: true });
});

const okTo = (request: string): string => {
  const lines = request.split('\r\n').filter((line) => /^(via|from|to|call-id|cseq):/i.test(line));
  return [
    'SIP/2.0 200 OK',
    ...lines.map((line) => (/^to:/i.test(line) ? `${line};tag=x` : line)),
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
};

const message = (via: string, domain: string, callId: string): string =>
  requestText({ method: 'MESSAGE', uri: `sip:bob@${domain}`, via: [`${via};branch=${newBranch()}`], callId });

/** Calls the router from a host that only its certificate makes somebody, and says a MESSAGE as soon as it can. */
const call = ({ certificate: cert, key }: TestCertificate, callId: string) => {
  const tcp = connectTcp({ host: sides.router, port: portOf('tls'), localAddress: sides.stranger });
  const socket = connect({ socket: tcp, cert, key, ca: root.certificate, servername: 'router.example.com' });
  const heard = { text: '', isClosed: false, from: '', socket };
  tcp.on('connect', () => {
    heard.from = `tls:${tcp.localAddress}:${tcp.localPort}`;
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    heard.isClosed = true;
  });
  socket.on('data', (chunk) => {
    heard.text += chunk.toString('latin1');
  });
  const send = () => socket.write(message(`SIP/2.0/TLS ${name}:5061`, 'good.example.com', callId));
  socket.on('secureConnect', send);
  return heard;
};

const requestsOf = (callId: string) => router.logLines.filter(({ id }) => String(id).includes(callId));

describe('a peer that calls with a certificate', () => {
  test.each(callers)(
    '$what is closed before a word of it is read, and one with a good certificate is served',
    async ({ own, code }) => {
      const callId = newBranch();
      const heard = call(own, callId);
      await until(() => heard.isClosed);
      const refused = await until(() =>
        router.logLines.find(({ event, peer }) => event === 'peer-refused' && peer === heard.from),
      );
      expect(refused).toMatchObject({ code, direction: 'in', detail: expect.any(String), hint: expect.any(String) });
      expect(String(refused.names)).toMatch(/Front End|example\.com|^$/);
      expect(heard.text).toBe('');

      const goodCallId = newBranch();
      const served = call(good, goodCallId);
      await until(() => served.text.startsWith('SIP/2.0 200'));
      await until(() => requestsOf(goodCallId).length === 1);
      expect(requestsOf(callId)).toEqual([]);
      expect(cisco.inbox.some((request) => request.header('Call-ID') === callId)).toBe(false);
      served.socket.destroy();
    },
  );
});

describe('a peer that is called and shows a certificate', () => {
  test.each(reached.map((kind, i) => ({ ...kind, i })))(
    '$what is told nothing, and one with a good certificate everything',
    async ({ code, i }) => {
      asker.send(message(asker.via, domainOf(i), newBranch()));
      expect((await asker.take((answer) => answer.status !== undefined)).status).toBeGreaterThanOrEqual(500);
      const peer = `tls:${sides.microsoft}:${firstPort + i}`;
      const refused = await until(() =>
        router.logLines.find((line) => line.event === 'peer-refused' && line.peer === peer),
      );
      expect(refused).toMatchObject({ code, direction: 'out', detail: expect.any(String), hint: expect.any(String) });
      expect(String(refused.names)).toMatch(/example\.com/);

      asker.send(message(asker.via, 'good.example.com', newBranch()));
      expect((await asker.take((answer) => answer.status !== undefined)).status).toBe(200);
      expect(written).toBe('');
    },
  );
});

test('a key of another certificate: the program does not start, and says why', () => {
  const file = join(folder, 'routes.yaml');
  writeFileSync(file, routes.replace('/router.key', '/other.key'));
  const run = () => execFileSync(process.execPath, [mainFile, 'start', file], { encoding: 'utf8', stdio: 'pipe' });
  expect(run).toThrow('tls.default.key: this key does not belong to the certificate');
});
