/** Whatever happens to requests, nothing stays charged to anybody: a whole router in this process, over real sockets, by a clock moved by hand. */
import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, expect, test } from 'vitest';
import { newKey } from '../../../src/config/signing-keys.ts';
import type { Snapshot } from '../../../src/config/snapshot.ts';
import type { Directory } from '../../../src/directory/directory.ts';
import { HopMonitor } from '../../../src/health/hop-monitor.ts';
import { createRouter, type Router, type RouterSettings, thisPlatform } from '../../../src/router.ts';
import type { DirectoryAnswer } from '../../../src/routing/types.ts';
import { aloneInProgram } from '../../../src/workers/worker-place.ts';
import { load, routesYaml } from '../../support/configuration.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { newBranch, requestText, responseText } from '../../support/raw-message.ts';
import { openEnd, type RawEnd, type Received, type Transport } from '../../support/raw-sip.ts';
import { closePeers, connectPeer, type StreamPeer } from '../../support/stream-peer.ts';

const usersLdif = readFileSync(new URL('../../support/users.ldif', import.meta.url), 'utf8');

const net = '127.0.154';
const at = { address: `${net}.1`, port: 5060 };
const hops = { udp: `${net}.21`, tcp: `${net}.22`, gone: `${net}.23` };
const askers = [`${net}.11`, `${net}.12`];
const KIB = 1_024;
const MIB = KIB * KIB;

const yaml = routesYaml({
  domains: 'domains: [example.com, by-name.example.com]',
  listen: `listen: [{ transport: udp, address: ${at.address} }, { transport: tcp, address: ${at.address} }]`,
  access: `access: [{ side: cisco, from: ${askers[0]} }, { side: cisco, from: ${askers[1]} }, { side: microsoft, from: ${hops.udp} }, { side: microsoft, from: ${hops.tcp} }]`,
  routes: `routes:
  - { to: microsoft, pattern: example.com, next-hop: ${hops.tcp}, transport: tcp, priority: 1 }
  - { to: microsoft, pattern: example.com, next-hop: ${hops.udp}, transport: udp, priority: 2 }
  - { to: microsoft, pattern: by-name.example.com, next-hop: nobody.invalid, transport: tcp, priority: 1 }
  - { to: microsoft, pattern: by-name.example.com, next-hop: ${hops.gone}, transport: tcp, priority: 2 }
  - { to: microsoft, pattern: by-name.example.com, next-hop: ${hops.udp}, transport: udp, priority: 3 }
  - { to: cisco, pattern: example.com, next-hop: ${askers[0]} }`,
  // A server that never answers: names are waited for.
  dns: `dns: { servers: ["${net}.53:5353"], timeout: 50ms, budget: 50ms }`,
  routing: 'routing: { mode: advanced, failover-after: 100ms }',
  directory: 'directory: { sources: [{ kind: ldif, file: users.ldif }] }',
  health: 'health: { probe: { enabled: false } }',
});

/** The same sequence for each seed (mulberry32). */
const drawsOf = (seed: number) => {
  let state = seed;
  return (below: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) % below;
  };
};

class Wheel extends ManualClock {
  close(): void {
    // Nothing hangs on the system's timers.
  }
}

const clock = new Wheel();
const draw = drawsOf(1);
const pick = <Item>(items: readonly Item[]): Item => items[draw(items.length)]!;

/** Knows everybody, at once or in a while. */
const directory: Directory = {
  lookup() {
    const kept = { source: 'test', ageMs: 0 } as const;
    const answer: DirectoryAnswer = {
      ...kept,
      kind: 'home',
      side: 'microsoft',
      addressOnly: false,
      freshness: 'fresh',
    };
    if (draw(2) === 0) return answer;
    return new Promise((resolve) => void clock.after(draw(200), () => resolve(answer)));
  },
  describe: () => ({ source: 'test', summary: '' }),
};

let snapshot: Snapshot;
let router: Router;
const keys = [newKey()] as const;
const codes = new Set<string>();

const settingsWith = (memoryBytes: number): RouterSettings => ({
  ...snapshot,
  keys,
  transport: { ...snapshot.transport, limits: { ...snapshot.transport.limits, memoryBytes } },
});

const ends: RawEnd[] = [];

const body = (): string => 'x'.repeat(pick([0, 0, 300, 20 * KIB, 120 * KIB]));

/** What a hop does with a request: most things that hops do. */
const answerAsHop = (isStream: boolean) => (message: Received) => {
  if (message.method === undefined || message.method === 'ACK' || message.method === 'BENOTIFY') return undefined;
  const long = isStream ? body() : 'y'.repeat(draw(2) * 9_000);
  const say = (status: number) => message.reply(responseText(message, status, { body: long, toTag: 'hop' }));
  const isInvite = message.method === 'INVITE';
  switch (draw(8)) {
    case 0:
      return undefined;
    case 1:
      if (isInvite) say(183);
      return undefined;
    case 2:
      say(503);
      return undefined;
    case 3:
      say(404);
      return undefined;
    case 4:
      clock.after(150, () => say(486));
      return undefined;
    case 5:
      if (isInvite) say(180);
      clock.after(draw(400), () => say(200));
      return undefined;
    case 6:
      say(200);
      say(200);
      return undefined;
    default:
      say(200);
      return undefined;
  }
};

afterAll(async () => {
  for (const end of ends) await end.close();
  closePeers();
});

interface Sent {
  readonly end: { send(text: string): void };
  readonly text: string;
}

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await nextTurn();
};

test('after any traffic, with errors, cancels, lost connections and reloads, exactly nothing is held', {
  timeout: 60_000,
}, async () => {
  // It warns of Microsoft servers over UDP, which there are none of, and by which more of the router is met.
  snapshot = load(yaml, { 'users.ldif': usersLdif }).snapshot!;
  const bugs: string[] = [];
  const log = pino({ level: 'error' }, { write: (line) => void bugs.push(line) });
  router = createRouter(settingsWith(2 * MIB), directory, {
    platform: thisPlatform(clock),
    log,
    writeRecord: (members) => void codes.add(/"code":"([^"]+)"/.exec(members)?.[1] ?? 'none'),
    placement: aloneInProgram(),
    watchHops: (rim) => new HopMonitor(snapshot.health, rim),
  });
  await router.start();
  for (const transport of ['udp', 'tcp'] as const) {
    const hop = await openEnd({ transport, address: hops[transport], port: 5060 });
    hop.respond(answerAsHop(transport === 'tcp'));
    ends.push(hop);
  }
  const datagrams = await Promise.all(askers.map((address) => openEnd({ transport: 'udp', address, to: at })));
  ends.push(...datagrams);
  let streams: StreamPeer[] = [];
  const sent: Sent[] = [];

  const send = (): void => {
    const isDatagram = draw(2) === 0;
    const stream = pick(streams);
    const end = isDatagram ? pick(datagrams) : stream;
    const transport: Transport = isDatagram ? 'udp' : 'tcp';
    const address = isDatagram ? (end as RawEnd).address : (stream.socket.localAddress ?? askers[0]!);
    const port = isDatagram ? (end as RawEnd).port : (stream.socket.localPort ?? 5060);
    const method = pick([
      'MESSAGE',
      'MESSAGE',
      'INVITE',
      'INVITE',
      'BENOTIFY',
      'ACK',
      'OPTIONS',
      'CANCEL',
      'SUBSCRIBE',
    ]);
    const uri = pick([
      'sip:bob@example.com',
      'sip:bob@example.com',
      'sip:bob@by-name.example.com',
      `sip:${at.address}`,
    ]);
    const branch = `${newBranch()}${'b'.repeat(draw(4) === 0 ? 8_000 : 0)}`;
    const via = [`SIP/2.0/${transport.toUpperCase()} ${address}:${port};branch=${branch}`];
    const text = requestText({ method, uri, via, body: isDatagram ? body().slice(0, 20 * KIB) : body() });
    sent.push({ end, text });
    end.send(text);
  };
  /** A CANCEL, ACK or copy of what was sent before. */
  const sendAgain = (): void => {
    if (sent.length === 0) return;
    const { end, text } = pick(sent.slice(-pick([1, 4, 40])));
    const method = pick(['CANCEL', 'ACK', '']);
    const first = text.slice(0, text.indexOf(' '));
    if (method === '' || first === 'CANCEL') return end.send(text);
    end.send(
      text
        .replace(`${first} `, `${method} `)
        .replace(`CSeq: 1 ${first}`, `CSeq: 1 ${method}`)
        .replace(/Content-Length: \d+\r\n\r\nx*$/, 'Content-Length: 0\r\n\r\n'),
    );
  };
  const connect = async (): Promise<void> => {
    streams = streams.filter(({ socket, hasEnded }) => !socket.destroyed && !socket.writableEnded && !hasEnded);
    while (streams.length < 4) streams.push(connectPeer(at, pick(askers)));
    await turns(4);
  };

  let most = 0;
  for (let step = 0; step < 3_000; step += 1) {
    await connect();
    const what = draw(40);
    if (what < 20) send();
    else if (what < 28) sendAgain();
    else if (what === 28) pick(streams).send('MESSAGE sip:bob@example.com SIP/2.0\r\nContent-Length: 90000\r\n');
    else if (what === 29) pick(streams).socket.end();
    else if (what === 30) pick(streams).socket.destroy();
    else if (what === 31) await (await router.prepare(settingsWith(pick([1, 2, 4]) * MIB), directory)).commit();
    else clock.advance(draw(what === 39 ? 20_000 : 200));
    await turns(2);
    most = Math.max(most, router.load().heldOctets);
  }
  // All kinds of ends have been met, also that of who makes us hold too much.
  expect([...codes]).toEqual(expect.arrayContaining(['none', 'memory-limit', 'hops-silent', 'cancelled']));
  expect(most).toBeGreaterThan(MIB / 4);

  for (const { socket } of streams) socket.destroy();
  // What is read and resolved takes real time, all else the clock's.
  for (let minute = 0; minute < 10; minute += 1) {
    await pause(50);
    clock.advance(60_000);
  }
  await pause(50);
  expect(bugs).toEqual([]);
  const { openRequests, heldOctets } = router.load();
  expect({ openRequests, heldOctets }).toEqual({ openRequests: 0, heldOctets: 0 });
  const closing = router.close();
  while ((await Promise.race([closing.then(() => 'closed'), nextTurn('open')])) === 'open') clock.advance(100);
});
