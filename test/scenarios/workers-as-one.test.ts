/** Two workers are led as one: reloads, drains, the stop, the health of the hops and the directory are the same for both. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import { nodeOptions } from '../../src/cli/node-options.ts';
import { ask, command, reload } from '../support/admin.ts';
import { MessageLoad } from '../support/message-load.ts';
import { newBranch, newTag, type RawMessage, requestText, responseText } from '../support/raw-message.ts';
import { openEnd, type RawEnd } from '../support/raw-sip.ts';
import { mainFile, RouterProcess } from '../support/router-process.ts';
import { ldifUser, type RoutesOptions, routesYaml, twoSides } from '../support/two-sides.ts';
import { endsOfBoth, logged, optionsOf, statusOf, twoWorkers } from '../support/two-workers.ts';
import { until } from '../support/until.ts';

const sides = twoSides(141);
const ends: RawEnd[] = [];
let router: RouterProcess;

afterEach(async () => {
  await router.stop();
  for (const end of ends.splice(0)) await end.close();
});

const end = async (options: Parameters<typeof openEnd>[0]): Promise<RawEnd> => {
  const opened = await openEnd(options);
  ends.push(opened);
  return opened;
};

const asker = (): Promise<RawEnd> =>
  end({ transport: 'tcp', address: sides.cisco, to: { address: sides.router, port: 5060 } });

const answering = async (address: string, port = 5060): Promise<RawEnd> => {
  const server = await end({ transport: 'tcp', address, port });
  server.respond((request) => responseText(request, 200));
  return server;
};

const routesOf = (options: Partial<RoutesOptions> = {}): string =>
  `${routesYaml(sides, { certificates: inject('certificates'), transports: ['tcp'], ...options })}${twoWorkers}reload: { watch: false }\n`;

const messageFrom = (from: RawEnd, uri = 'sip:bob@tcp.example.com'): { callId: string; text: string } => {
  const callId = newTag() + newTag();
  return { callId, text: requestText({ method: 'MESSAGE', uri, via: [`${from.via};branch=${newBranch()}`], callId }) };
};

/** The final answer to one more MESSAGE. */
const answerTo = async (from: RawEnd, uri?: string): Promise<RawMessage> => {
  const { callId, text } = messageFrom(from, uri);
  from.send(text);
  return from.take((message) => message.header('Call-ID') === callId && (message.status ?? 0) >= 200);
};

const reloads = 100;

test(`${reloads} reloads under load: when one is answered it is in force with both workers, and no message is lost`, async () => {
  const ports = [5071, 5072];
  const versionOf = (count: number): string =>
    routesOf({
      domains: ['both.example.com'],
      routes: [
        `{ to: microsoft, pattern: both.example.com, next-hop: ${sides.microsoft}, port: ${ports[count % 2]}, transport: tcp }`,
      ],
    }).replace(
      'tls:',
      count % 10 === 0 ? `  - { transport: tcp, address: ${sides.router}, port: 5097 }\ntls:` : 'tls:',
    );
  router = await RouterProcess.start({ routes: versionOf(0) });
  const hops = [await answering(sides.microsoft, ports[0]), await answering(sides.microsoft, ports[1])];
  const byWorker = await endsOfBoth(router, sides.router, asker);
  const loads = byWorker.map(([steady]) => new MessageLoad(steady!, 'sip:bob@both.example.com'));
  const done = loads.map((load) => load.run(100));
  for (let count = 1; count <= reloads; count += 1) {
    router.rewrite(versionOf(count));
    expect(await reload(router)).toMatchObject({ outcome: 'applied', number: count + 1 });
    for (const [, from] of byWorker) {
      const { callId, text } = messageFrom(from!, 'sip:bob@both.example.com');
      from!.send(text);
      await from!.take((message) => message.header('Call-ID') === callId && message.status === 200);
      expect(hops[count % 2]!.inbox.some((request) => request.header('Call-ID') === callId)).toBe(true);
    }
    for (const { inbox } of hops) inbox.length = 0;
  }
  for (const load of loads) {
    const result = await load.stop();
    expect(result).toMatchObject({ unanswered: 0, twice: 0, answers: { 200: result.sent } });
  }
  await Promise.all(done);
});

test('what one worker cannot do is refused by all: nothing has changed, and the next reload is as good as any', async () => {
  const preload = join(import.meta.dirname, '../support/failing-worker.ts');
  router = await RouterProcess.start({
    command: [process.execPath, ...nodeOptions, '--import', preload, mainFile],
    routes: routesOf(),
  });
  await answering(sides.microsoft);
  const moved = await answering(sides.microsoft2, 5070);
  const elsewhere = `{ to: microsoft, pattern: tcp.example.com, next-hop: ${sides.microsoft2}, port: 5070, transport: tcp, priority: 1 }`;
  const withRoute = routesOf({ routes: [elsewhere] }).replace(/ {2}- \{ to: microsoft, pattern: tcp.*5060.*\n/, '');
  const withPort = (port: number): string =>
    withRoute.replace('tls:', `  - { transport: tcp, address: ${sides.router}, port: ${port} }\ntls:`);

  router.rewrite(withPort(5098));
  expect(await reload(router)).toMatchObject({
    outcome: 'refused',
    number: 1,
    problems: [expect.stringContaining('port 5098/tcp on 127.0.141.1 is in use by another program')],
  });
  const refused = openEnd({ transport: 'tcp', address: sides.cisco, to: { address: sides.router, port: 5098 } });
  await expect(refused).rejects.toThrow(/ECONNREFUSED/);
  const both = (await endsOfBoth(router, sides.router, asker)).flat();
  for (const from of both) expect(await answerTo(from)).toMatchObject({ status: 200 });
  expect(moved.inbox).toEqual([]);

  router.rewrite(withPort(5099));
  expect(await reload(router)).toMatchObject({ outcome: 'applied', number: 2 });
  for (const from of both) expect(await answerTo(from)).toMatchObject({ status: 200 });
  expect(moved.inbox).toHaveLength(both.length);
});

test('another number of workers needs a restart, and is refused with these words', async () => {
  router = await RouterProcess.start({ routes: routesOf() });
  router.rewrite(routesOf().replace(twoWorkers, 'workers: 3\n'));
  expect(await reload(router)).toMatchObject({
    outcome: 'refused',
    problems: [expect.stringContaining('workers: 3 in place of 2: this change needs a restart')],
  });
});

test('a drain is heard by both, and taken back by both', async () => {
  router = await RouterProcess.start({ routes: routesOf() });
  const both = (await endsOfBoth(router, sides.router, asker)).flat();
  const expectAll = async (status: number): Promise<void> => {
    for (const from of both) {
      from.send(optionsOf(from, sides.router));
      await from.take(status);
    }
  };
  expect(await command(router, 'drain')).toMatchObject({ code: 0 });
  await expectAll(503);
  expect(await command(router, 'undrain')).toMatchObject({ code: 0 });
  await expectAll(200);
});

test('SIGTERM waits for what is under way with each, refuses what is new with each, and ends with 0', async () => {
  router = await RouterProcess.start({ routes: routesOf() });
  const microsoft = await end({ transport: 'tcp', address: sides.microsoft, port: 5060 });
  const byWorker = await endsOfBoth(router, sides.router, asker);
  const both = byWorker.flat();
  for (const from of both) from.send(messageFrom(from).text);
  const requests = await until(() => microsoft.inbox.length === both.length && microsoft.inbox.slice());

  router.signal('SIGTERM');
  for (const from of both) {
    await until(() => router.output.includes('stopping (SIGTERM)'));
    expect(await answerTo(from)).toMatchObject({ status: 503 });
  }
  for (const request of requests) request.reply(responseText(request, 200));
  expect(await router.ended, router.output).toBe(0);
  // What it wrote last may still lie in our sockets when its end is known, and is followed by the end of the stream.
  await until(() => both.every(({ isClosed }) => isClosed));
  for (const from of both) expect(from.inbox.filter(({ status }) => status === 200)).toHaveLength(1);
});

test('a hop that has refused one worker is known to the other, and every line of it stands in the log once', async () => {
  const first = `{ to: microsoft, pattern: tcp.example.com, next-hop: ${sides.microsoft2}, transport: tcp, priority: 1 }`;
  const routes = routesOf({ routes: [first] }).replace(
    `next-hop: ${sides.microsoft}, port: 5060, transport: tcp`,
    '$&, priority: 2',
  );
  for (const finder of [0, 1] as const) {
    router = await RouterProcess.start({ routes: routes.replace('every: 100ms', 'every: 1h') });
    const microsoft = await answering(sides.microsoft);
    const byWorker = await endsOfBoth(router, sides.router, asker);
    expect(await answerTo(byWorker[finder][0]!)).toMatchObject({ status: 200 });
    await logged(router, 1, ({ event }) => event === 'target-health');
    // Each worker answers behind what it was told before.
    await statusOf(router);
    for (const from of byWorker.flat()) expect(await answerTo(from)).toMatchObject({ status: 200 });

    const both = byWorker.flat();
    const records = await logged(router, 1 + both.length, ({ method }) => method === 'MESSAGE');
    const tried = records.map(({ hops }) => (hops as { address: string }[]).map(({ address }) => address));
    const [dead, live] = [`tcp:${sides.microsoft2}:5060`, `tcp:${sides.microsoft}:5060`];
    // Lines of several workers stand in the log by batches, not by time.
    expect(tried.toSorted((one, other) => other.length - one.length)).toEqual([
      [dead, live],
      ...both.map(() => [live]),
    ]);
    expect(router.logLines.filter(({ event }) => event === 'target-health')).toHaveLength(1);
    await router.stop();
    await microsoft.close();
  }
});

test('hops are probed once, not once by each worker', async () => {
  const microsoft = await answering(sides.microsoft);
  router = await RouterProcess.start({
    routes: routesOf({ health: '{ probe: { every: 400ms, timeout: 400ms } }' }),
  });
  const both = (await endsOfBoth(router, sides.router, asker)).flat();
  for (const from of both) await answerTo(from);
  microsoft.inbox.length = 0;
  const probes = await until(() => microsoft.inbox.length >= 6 && microsoft.inbox.slice());
  expect(new Set(probes.map(({ method }) => method))).toEqual(new Set(['OPTIONS']));
  expect(new Set(probes.map(({ from }) => from.port)).size).toBe(1);
});

test('a user who has moved by the LDIF file is found on the new side by both', async () => {
  router = await RouterProcess.start({ routes: routesOf() });
  const users = join(router.folder, 'users.ldif');
  writeFileSync(users, ldifUser('bob@tcp.example.com', true));
  router.rewrite(routesOf({ mode: 'advanced', users }));
  expect(await reload(router)).toMatchObject({ outcome: 'applied' });
  await answering(sides.microsoft);
  const both = (await endsOfBoth(router, sides.router, asker)).flat();
  for (const from of both) expect(await answerTo(from)).toMatchObject({ status: 200 });
  for (const from of both) expect(await answerTo(from, 'sip:carol@tcp.example.com')).toMatchObject({ status: 404 });

  writeFileSync(users, ldifUser('bob@tcp.example.com', false) + ldifUser('carol@tcp.example.com', true));
  expect(await reload(router)).toMatchObject({ outcome: 'applied' });
  for (const from of both) expect(await answerTo(from)).toMatchObject({ status: 404 });
  for (const from of both) expect(await answerTo(from, 'sip:carol@tcp.example.com')).toMatchObject({ status: 200 });
});

test('a version of the LDIF file that has lost its half is held back, told and confirmed for both', async () => {
  const people = Array.from({ length: 40 }, (_, n) => ldifUser(`u${n}@tcp.example.com`, true));
  const last = 'sip:u39@tcp.example.com';
  router = await RouterProcess.start({ routes: routesOf() });
  const users = join(router.folder, 'users.ldif');
  writeFileSync(users, people.join(''));
  router.rewrite(routesOf({ mode: 'advanced', users }));
  expect(await reload(router)).toMatchObject({ outcome: 'applied', problems: [] });
  await answering(sides.microsoft);
  const both = (await endsOfBoth(router, sides.router, asker)).flat();
  const answers = async (uri: string): Promise<unknown> =>
    new Set(await Promise.all(both.map(async (from) => (await answerTo(from, uri)).status)));
  expect(await answers(last)).toEqual(new Set([200]));

  // Broken off in an address; a change of something else beside it is in force all the same.
  writeFileSync(users, people.join('').slice(0, people.join('').indexOf('sip:u20@') + 10));
  router.rewrite(`${routesOf({ mode: 'advanced', users })}certificates: { warn-before: 240h }\n`);
  const held = await reload(router);
  expect(held).toMatchObject({ outcome: 'applied', number: 3 });
  const why = 'it would drop 20 users and disable 0, 50 % of all, where at most 0 % are believed';
  expect(held.problems.at(-1)).toMatch(
    /users\.ldif: warning: this version of the file is held back: the file ends within a line/,
  );
  expect(held.problems.at(-1)).toContain(why);
  // Lines are written in batches, and the log of the router may come later than its answer.
  await expect
    .poll(() => router.logLines)
    .toContainEqual(expect.objectContaining({ level: 'warn', gone: 20, why: expect.stringContaining(why) }));
  expect(await answers(last)).toEqual(new Set([200]));
  const source = (await statusOf(router)).directory[0];
  expect(source).toMatchObject({ held: { gone: 20, disabled: 0, since: expect.stringMatching(/^20/) } });
  expect((await command(router, 'status')).output).toContain(`held back: the file ends within a line`);

  // A reload that finds the same file, or another setting, holds it on.
  router.rewrite(routesOf({ mode: 'advanced', users }));
  expect((await reload(router)).problems.at(-1)).toContain('is held back');
  expect(await answers(last)).toEqual(new Set([200]));

  const confirmed = await command(router, 'directory', 'confirm');
  expect(confirmed).toMatchObject({
    code: 0,
    output: expect.stringContaining('the version that was held back is in force'),
  });
  for (const uri of [last, 'sip:u20@tcp.example.com']) expect(await answers(uri)).toEqual(new Set([404]));
  expect(await answers('sip:u19@tcp.example.com')).toEqual(new Set([200]));
  expect((await statusOf(router)).directory[0]?.held).toBeUndefined();
  expect(await command(router, 'directory', 'confirm')).toMatchObject({
    code: 1,
    output: expect.stringContaining('there is nothing to confirm'),
  });
  expect((await reload(router)).problems.filter((line) => line.includes('held back'))).toEqual([]);
});

test('a worker that ends by itself ends the router, at once and with an error', async () => {
  const preload = join(import.meta.dirname, '../support/failing-worker.ts');
  const death = join(inject('certificates'), `death-${newTag()}`);
  process.env.PIF_TEST_DEATH = death;
  router = await RouterProcess.start({
    command: [process.execPath, ...nodeOptions, '--import', preload, mainFile],
    routes: routesOf(),
  });
  expect((await ask(router, 'GET /ready')).status).toBe(200);
  writeFileSync(death, '');
  expect(await router.ended).toBe(1);
  expect(router.output).toContain('pif-router has ended: worker 1 has ended: exit code 7');
  expect(router.logLines).toContainEqual(expect.objectContaining({ level: 'fatal', code: 'worker-died' }));
});
