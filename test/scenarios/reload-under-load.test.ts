/** A thousand reloads while messages are under way: none is lost, none sees half of two configurations, nothing grows. */
import { afterEach, expect, inject, test } from 'vitest';
import { reload } from '../support/admin.ts';
import { MessageLoad } from '../support/message-load.ts';
import { newBranch, newTag, requestText, responseText } from '../support/raw-message.ts';
import { openEnd, type RawEnd } from '../support/raw-sip.ts';
import { mainFile, RouterProcess } from '../support/router-process.ts';
import { routesYaml, twoSides } from '../support/two-sides.ts';
import { until } from '../support/until.ts';

const sides = twoSides(41);
const reloads = 1_000;
const heapProbe = `${import.meta.dirname}/../support/heap-on-signal.ts`;
const ends: RawEnd[] = [];
let router: RouterProcess;

afterEach(async () => {
  await router.stop();
  for (const end of ends.splice(0)) await end.close();
});

type Version = 'one' | 'two';
const versions: readonly Version[] = ['one', 'two'];
const portOfVersion: Readonly<Record<Version, number>> = { one: 5071, two: 5072 };

/**
 * With a T1 this short a transaction over UDP is kept for less than a second, and not for half a minute: what is left of the
 * heap is then what reloads have left. Each version understands its own option tag only, and sends to its own hop. Every fiftieth has another
 * listener, too.
 */
const routesOf = (version: Version, count: number): string => {
  const route = `{ to: microsoft, pattern: both.example.com, next-hop: ${sides.microsoft}, port: ${portOfVersion[version]}, transport: tcp }`;
  const text = routesYaml(sides, {
    certificates: inject('certificates'),
    routes: [route],
    domains: ['both.example.com'],
  });
  const listener = count % 50 === 0 ? `  - { transport: tcp, address: ${sides.router}, port: 5099 }\ntls:` : 'tls:';
  return `${text
    .replace('mode: basic', `mode: basic\n  proxy-require: [only-${version}]`)
    .replace('tls:', listener)}reload: { watch: false }\nlog: { decisions: none }\ntimers: { t1: 10ms }\n`;
};

async function heapOf(): Promise<number> {
  const before = router.output.length;
  router.signal('SIGUSR2');
  const told = await until(() => /heap (\d+)\n/.exec(router.output.slice(before))?.[1]);
  return Number(told);
}

/** One after the other, as fast as they are answered; each with the mark of a version, or with none. */
class MarkedLoad {
  readonly statuses = { none: [] as number[], one: [] as number[], two: [] as number[] };
  #isStopped = false;

  async run(asker: RawEnd): Promise<void> {
    for (let count = 0; !this.#isStopped; count++) {
      const mark = (['none', 'one', 'two'] as const)[count % 3]!;
      const callId = newTag() + newTag();
      const headers = mark === 'none' ? [] : [`Proxy-Require: only-${mark}`];
      const via = [`${asker.via};branch=${newBranch()}`];
      asker.send(requestText({ method: 'MESSAGE', uri: 'sip:bob@both.example.com', via, callId, headers, body: mark }));
      const answer = await asker.take(
        (message) => message.header('Call-ID') === callId && (message.status ?? 0) >= 200,
      );
      this.statuses[mark].push(answer.status ?? 0);
    }
  }

  stop(): void {
    this.#isStopped = true;
  }
}

const openHop = async (version: Version, seen: string[]): Promise<void> => {
  const hop = await openEnd({ transport: 'tcp', address: sides.microsoft, port: portOfVersion[version] });
  hop.respond((request) => {
    hop.inbox.length = 0;
    if (request.method === 'MESSAGE') seen.push(request.text.slice(request.text.indexOf('\r\n\r\n') + 4));
    return request.method === undefined ? undefined : responseText(request, 200);
  });
  ends.push(hop);
};

test(`${reloads} reloads under load: no message is lost, each is judged and routed by one version, and memory does not grow`, {
  timeout: 300_000,
}, async () => {
  router = await RouterProcess.start({
    command: [process.execPath, '--expose-gc', '--import', heapProbe, mainFile],
    routes: routesOf('one', 1),
  });
  const seen: Record<Version, string[]> = { one: [], two: [] };
  for (const version of versions) await openHop(version, seen[version]);
  const asker = await openEnd({ transport: 'tcp', address: sides.cisco, to: { address: sides.router, port: 5060 } });
  const steady = await openEnd({ transport: 'udp', address: sides.cisco, to: { address: sides.router, port: 5060 } });
  ends.push(asker, steady);
  const marked = new MarkedLoad();
  const markedDone = marked.run(asker);
  const load = new MessageLoad(steady, 'sip:bob@both.example.com');
  const loadDone = load.run(200);

  let heapAtFirst = 0;
  for (let count = 1; count <= reloads; count++) {
    router.rewrite(routesOf(versions[count % 2]!, count));
    expect(await reload(router)).toMatchObject({ outcome: 'applied', number: count + 1 });
    if (count === reloads / 10) heapAtFirst = await heapOf();
  }
  const heapAtLast = await heapOf();
  marked.stop();
  await Promise.all([
    markedDone,
    load.stop().then((it) => expect(it).toMatchObject({ unanswered: 0, answers: { 200: it.sent } })),
  ]);
  await loadDone;

  const { none, one, two } = marked.statuses;
  console.log(
    `${reloads} reloads, ${none.length + one.length + two.length} marked and ${load.sent} steady messages; heap ${heapAtFirst} after ${reloads / 10}, ${heapAtLast} at the end`,
  );
  expect(new Set(none)).toEqual(new Set([200]));
  for (const statuses of [one, two]) expect(new Set(statuses)).toEqual(new Set([200, 420]));
  expect(seen.one).not.toContain('two');
  expect(seen.two).not.toContain('one');
  expect(seen.one).toContain('one');
  expect(seen.two).toContain('two');
  expect(heapAtLast / heapAtFirst).toBeLessThan(1.5);
});
