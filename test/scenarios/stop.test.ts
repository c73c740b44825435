/** The program is asked to end: with nothing to do, with peers connected, and with a request under way. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, inject, onTestFinished, test } from 'vitest';
import { command } from '../support/admin.ts';
import { newBranch, type RawMessage, requestText, responseText } from '../support/raw-message.ts';
import { openEnd, type RawEnd, type Transport } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { routesYaml, twoSides } from '../support/two-sides.ts';
import { until } from '../support/until.ts';

const sides = twoSides(17);
const router = { address: sides.router, port: 5060 };
const ends: RawEnd[] = [];

const start = (transports?: Transport[]): Promise<RouterProcess> => {
  const certificates = inject('certificates');
  const options = transports ? { certificates, transports } : { certificates };
  return RouterProcess.start({ routes: routesYaml(sides, options) });
};

const cisco = async (): Promise<RawEnd> => {
  const end = await openEnd({ transport: 'tcp', address: sides.cisco, to: router });
  ends.push(end);
  return end;
};

const message = (from: RawEnd): string =>
  requestText({
    method: 'MESSAGE',
    uri: 'sip:bob@tcp.example.com',
    via: [`${from.via};branch=${newBranch()}`],
    body: 'Hello',
  });

afterEach(async () => {
  for (const end of ends.splice(0)) await end.close();
});

test('with nothing to do it ends with 0', async () => {
  const program = await start();
  expect(await program.stop()).toBe(0);
});

async function stopWithIdlePeers(transports: Transport[]): Promise<void> {
  const program = await start(transports);
  const microsoft = await openEnd({ transport: 'tcp', address: sides.microsoft, port: 5060 });
  ends.push(microsoft);
  microsoft.respond((request) => responseText(request, 200));
  const asker = await cisco();
  asker.send(message(asker));
  await asker.take(200);
  expect(await program.stop(), program.output).toBe(0);
}

test('with idle peers connected it closes their connections and ends with 0', async () => {
  await stopWithIdlePeers(['udp', 'tcp']);
});

test('without UDP listeners it does so too', async () => {
  await stopWithIdlePeers(['tcp']);
});

test('a request that is under way is still answered, then it ends with 0', async () => {
  const program = await start();
  const microsoft = await openEnd({ transport: 'tcp', address: sides.microsoft, port: 5060 });
  ends.push(microsoft);
  const asker = await cisco();
  asker.send(message(asker));
  const request = await microsoft.take('MESSAGE');
  const stopped = program.stop();
  setTimeout(() => request.reply(responseText(request, 200)), 300);
  await asker.take(200);
  expect(await stopped, program.output).toBe(0);
});

const options = (from: RawEnd): string =>
  requestText({ method: 'OPTIONS', uri: `sip:${sides.router}`, via: [`${from.via};branch=${newBranch()}`] });

const byeOf = (from: RawEnd, answer: RawMessage, cseq: number): string =>
  requestText({
    method: 'BYE',
    uri: `sip:bob@${sides.microsoft};transport=tcp`,
    via: [`${from.via};branch=${newBranch()}`],
    to: answer.header('To') ?? '',
    callId: answer.header('Call-ID') ?? '',
    cseq,
    headers: answer.headers('Record-Route').map((value) => `Route: ${value}`),
  });

/** An INVITE that is answered with 200, and the ends of its dialog. */
async function openDialog(): Promise<{ asker: RawEnd; microsoft: RawEnd; answer: RawMessage }> {
  const microsoft = await openEnd({ transport: 'tcp', address: sides.microsoft, port: 5060 });
  ends.push(microsoft);
  const asker = await cisco();
  const via = [`${asker.via};branch=${newBranch()}`];
  const headers = [`Contact: <sip:alice@${sides.cisco};transport=tcp>`];
  asker.send(requestText({ method: 'INVITE', uri: 'sip:bob@tcp.example.com', via, headers }));
  const invite = await microsoft.take('INVITE');
  invite.reply(responseText(invite, 200));
  return { asker, microsoft, answer: await asker.take(200) };
}

const expectRefused = async (asker: RawEnd, text: string): Promise<void> => {
  asker.send(text);
  const refusal = await asker.take(503);
  expect(refusal.header('Retry-After')).toBe('30');
};

test('a drain refuses what is new and OPTIONS with 503 and Retry-After, a dialog goes on, and it can be taken back', async () => {
  const program = await start();
  const { asker, microsoft, answer } = await openDialog();

  expect(await command(program, 'drain')).toMatchObject({ code: 0, output: expect.stringMatching(/^draining/) });
  expect(await command(program, 'status')).toMatchObject({ code: 1 });
  await expectRefused(asker, message(asker));
  await expectRefused(asker, options(asker));
  asker.send(byeOf(asker, answer, 2));
  const bye = await microsoft.take('BYE');
  bye.reply(responseText(bye, 200));
  await asker.take((response) => response.header('CSeq') === '2 BYE' && response.status === 200);

  expect(await command(program, 'undrain')).toMatchObject({ code: 0, output: expect.stringMatching(/^in service/) });
  asker.send(options(asker));
  await asker.take(200);
  expect(await program.stop()).toBe(0);
});

test('a stranger is refused as ever while it drains', async () => {
  const program = await start();
  await command(program, 'drain');
  const stranger = await openEnd({ transport: 'udp', address: sides.stranger, to: router });
  ends.push(stranger);
  stranger.send(options(stranger));
  await stranger.take(403);
  await program.stop();
});

test('SIGTERM drains: every request that was under way is answered, new ones get 503, then it ends with 0', async () => {
  const program = await start();
  const microsoft = await openEnd({ transport: 'tcp', address: sides.microsoft, port: 5060 });
  ends.push(microsoft);
  const asker = await cisco();
  const count = 200;
  for (let sent = 0; sent < count; sent++) asker.send(message(asker));
  const requests = await until(() => microsoft.inbox.length === count && microsoft.inbox.slice());

  program.signal('SIGTERM');
  await until(() => program.output.includes('stopping (SIGTERM)'));
  await expectRefused(asker, message(asker));
  for (const request of requests) request.reply(responseText(request, 200));
  expect(await program.ended, program.output).toBe(0);
  // What it wrote last may still lie in our socket when its end is known, and is followed by the end of the stream.
  await until(() => asker.isClosed);
  expect(asker.inbox.filter(({ status }) => status === 200)).toHaveLength(count);
  await program.stop();
});

/** A request that the far side has, and does not answer. @returns who asked */
async function askInVain() {
  const microsoft = await openEnd({ transport: 'tcp', address: sides.microsoft, port: 5060 });
  ends.push(microsoft);
  const asker = await cisco();
  asker.send(message(asker));
  await microsoft.take('MESSAGE');
  return asker;
}

/** A stop that waits for an answer which never comes. @returns who asked for it */
async function stopInVain(program: RouterProcess) {
  const asker = await askInVain();
  program.signal('SIGTERM');
  await until(() => program.output.includes('stopping'));
  return asker;
}

test('what is never answered is given up at the deadline', async () => {
  const certificates = inject('certificates');
  const program = await RouterProcess.start({ routes: `${routesYaml(sides, { certificates })}stop: { drain: 1s }\n` });
  await askInVain();
  program.signal('SIGTERM');
  expect(await program.ended).toBe(0);
  await program.stop();
});

test('a second signal ends it at once, with 1', async () => {
  const program = await start();
  await stopInVain(program);
  program.signal('SIGTERM');
  expect(await program.ended).toBe(1);
  await program.stop();
});

test('a second signal leaves no line of the log unwritten', async () => {
  const program = await start();
  const asker = await stopInVain(program);
  const count = 20;
  for (let sent = 0; sent < count; sent++) asker.send(message(asker));
  await until(() => asker.inbox.filter(({ status }) => status === 503).length === count);
  program.signal('SIGTERM');
  expect(await program.ended).toBe(1);
  expect(program.logLines.filter(({ event, status }) => event === 'request' && status === 503)).toHaveLength(count);
  await program.stop();
});

/** Whether who writes next has to wait. */
function isFull(pipe: number): boolean {
  try {
    writeSync(pipe, '\n');
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EAGAIN';
  }
}

test('a thread that writes log lines which nobody reads does not keep it from its end', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pif-router-unread-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const unread = join(folder, 'log');
  execFileSync('mkfifo', [unread]);
  const pipe = openSync(unread, constants.O_RDWR | constants.O_NONBLOCK);
  onTestFinished(() => closeSync(pipe));
  const routes = routesYaml(sides, { certificates: inject('certificates') });
  const program = await RouterProcess.start({ routes: `${routes}log: { file: ${unread} }\n` });
  onTestFinished(() => program.signal('SIGKILL'));
  const asker = await cisco();
  // Far more than a pipe holds.
  for (let sent = 0; sent < 400; sent++) asker.send(message(asker));
  await until(() => isFull(pipe));
  program.signal('SIGTERM');
  await until(() => program.output.includes('stopping'));
  program.signal('SIGTERM');
  // Killed: nothing else ends such a thread.
  expect(await program.ended).toBeNull();
  await program.stop();
});
