/** Text of peers, users and certificates at the running program: in its answers, on the terminal, in its log and its status. */
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { command, socketOf } from '../support/admin.ts';
import { hasUnseen } from '../support/any-text.ts';
import { createAuthority } from '../support/certificates.ts';
import { newBranch, newTag, requestText } from '../support/raw-message.ts';
import { openEnd, type RawEnd } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { frameDatagram, fullName } from '../support/strict-framer.ts';
import { routesYaml, twoSides } from '../support/two-sides.ts';
import { until } from '../support/until.ts';

const sides = twoSides(143);
/** Of a window's title, of a line, of a colour (U+009B), of direction. */
const evil = 'fe1\x1b]0;OWNED\x07\x1b[2Kall is well\u009b31m\u202e';
const lonely = 'lonely.example.com';

const authority = createAuthority();
let router: RouterProcess;
let asker: RawEnd;
let frontEnd: RawEnd;
beforeAll(async () => {
  const usual = routesYaml(sides, { certificates: inject('certificates'), domains: [lonely] });
  const shown = authority.issue({ commonName: evil });
  router = await RouterProcess.start({ routes: `${usual}reload: { watch: false }\n` });
  asker = await openEnd({
    transport: 'tcp',
    address: sides.cisco,
    to: { address: sides.router, port: 5060 },
  });
  const credentials = {
    cert: Buffer.from(shown.certificate),
    key: Buffer.from(shown.key),
    ca: Buffer.from(authority.certificate),
  };
  frontEnd = await openEnd({ transport: 'tls', address: sides.microsoft, port: 5061, credentials });
});
afterAll(async () => {
  await asker.close();
  await frontEnd.close();
  await router.stop();
  authority.remove();
});

const ask = (method: string, uri: string): string => {
  const callId = newTag() + newTag();
  const via = [`${asker.via};branch=${newBranch()}`];
  asker.send(requestText({ method, uri, to: '<sip:bob@example.com>', via, callId }));
  return callId;
};

const answerTo = (callId: string) =>
  asker.take(({ status = 0, text }) => status >= 200 && text.includes(`\r\nCall-ID: ${callId}\r\n`));

const recordOf = async (callId: string): Promise<Record<string, unknown>> => {
  const find = () => router.logLines.find(({ event, id }) => event === 'request' && id === `${callId} 1`);
  await until(() => find() !== undefined);
  return find()!;
};

test.each([
  ['a header field', 'no-route', 'x%C4%8D%CC%8AX-Evil%CC%BA%C4%A01'],
  ['a request', 'no-route', 'x%C4%8D%CC%8A%C4%8D%CC%8AOPTIONS%C4%A0sip%CC%BAa@b%C4%A0SIP/2.0%C4%8D%CC%8A'],
  ['a quote and its end', 'user-ambiguous', 'x%22%5c%22%C8%A2%0d%0aX-Evil:%201'],
])('a user part that becomes %s in half of its octets is text of one Warning', async (_, code, user) => {
  const callId = ask('MESSAGE', `sip:${user.replace('@', '%40')}@${lonely}`);
  const { text } = await answerTo(callId);
  const framed = frameDatagram(text);
  if ('why' in framed) throw new Error(framed.why);
  expect(framed.startLine).toBe('SIP/2.0 404 Not Found');
  expect(framed.lines.map(([name]) => fullName(name))).toEqual(
    ['Via', 'From', 'To', 'Call-ID', 'CSeq', 'Warning', 'ms-diagnostics', 'Content-Length'].map(fullName),
  );
  const [, warning = ''] = framed.lines.find(([name]) => name === 'Warning') ?? [];
  expect(warning).toMatch(/^399 router\.example\.com "[a-z-]+: (no route to microsoft matches )?x[\x20-\x7e]*"$/);
  expect(warning).toContain(` "${code}: `);
  // Nobody else has been sent anything, and the next answer on this connection is that to the next request.
  expect(await answerTo(ask('OPTIONS', `sip:${sides.router}`))).toMatchObject({ status: 200 });
  expect(asker.inbox).toEqual([]);
});

test('the log has text of a request as it was, and shows it', async () => {
  const uri = 'sip:x\xc2\x9b31mred\xe2\x80\xae@nowhere.example.org';
  const callId = ask('MESSAGE', uri);
  await answerTo(callId);
  expect(await recordOf(callId)).toMatchObject({ uri });
  expect(router.output).toContain('\\u009b31mred');
  expect(hasUnseen(router.output.replaceAll('\n', ''))).toBe(false);
});

test('the name of a certificate at a next hop does nothing in the log, in doctor, status and metrics', async () => {
  const callId = ask('MESSAGE', 'sip:bob@tls.example.com');
  expect(await answerTo(callId)).toMatchObject({ status: 503 });
  await until(() => router.logLines.some(({ event }) => event === 'peer-refused'));
  const doctor = await command(router, 'doctor');
  // Node's own escape of ESC; ours of what it lets pass.
  expect(doctor.output).toMatch(/all is well.*\\u009b31m/);
  const status = await command(router, 'status');
  expect(status.code).toBe(0);
  const answers = await Promise.all(['/status', '/metrics'].map(textAt));
  for (const text of [router.output, doctor.output, status.output, ...answers])
    expect(hasUnseen(text.replaceAll('\n', ''))).toBe(false);
});

const textAt = (path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const asked = httpRequest({ socketPath: socketOf(router), path }, async (response) =>
      resolve((await response.setEncoding('utf8').toArray()).join('')),
    );
    asked.on('error', reject).end();
  });
