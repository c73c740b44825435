/** Pools of hops on both sides: shares by weight, kept among those that live; backups only when no active one does; dialogs stay. */
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { MessageLoad } from '../support/message-load.ts';
import { newBranch, requestText, responseText } from '../support/raw-message.ts';
import { openEnd, type RawEnd } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { routesYaml, twoSides } from '../support/two-sides.ts';
import { until } from '../support/until.ts';

const sides = twoSides(48);
type Side = 'cisco' | 'microsoft';
const other = { cisco: 'microsoft', microsoft: 'cisco' } as const;
const ports = { heavy: 5071, light: 5072, backup: 5073 } as const;
type Member = keyof typeof ports;

/** Two active hops that share 3 : 1, and one for when neither lives. */
const pool = (to: Side): string[] =>
  [
    [ports.heavy, 1, 3],
    [ports.light, 1, 1],
    [ports.backup, 2, 1],
  ].map(
    ([port, priority, weight]) =>
      `{ to: ${to}, pattern: pool.example.com, next-hop: ${sides[to]}, port: ${port}, transport: tcp, priority: ${priority}, weight: ${weight} }`,
  );

let router: RouterProcess;
beforeAll(async () => {
  router = await RouterProcess.start({
    routes: routesYaml(sides, {
      certificates: inject('certificates'),
      transports: ['tcp'],
      domains: ['pool.example.com'],
      health: '{ probe: { every: 1s, timeout: 1s }, slow-return: 0s }',
      routes: [...pool('cisco'), ...pool('microsoft')],
    }),
  });
});
afterAll(() => router?.stop());

class Pool {
  readonly counts: Record<Member, number> = { heavy: 0, light: 0, backup: 0 };
  readonly #ends = new Map<Member, RawEnd>();
  /** Those of them that the router has met. */
  readonly #met = new Set<Member>();
  readonly #side: Side;

  constructor(side: Side) {
    this.#side = side;
  }

  async start(...members: readonly Member[]): Promise<void> {
    for (const member of members) {
      const end = await openEnd({ transport: 'tcp', address: sides[this.#side], port: ports[member] });
      end.respond((request) => {
        if (request.method === undefined || request.method === 'ACK') return undefined;
        if (request.method === 'OPTIONS') this.#met.add(member);
        else this.counts[member] += 1;
        return responseText(request, 200, { headers: [`Contact: <sip:bob@${end.address}:${end.port};transport=tcp>`] });
      });
      this.#ends.set(member, end);
    }
  }

  async kill(member: Member): Promise<void> {
    await this.#ends.get(member)?.close();
    this.#ends.delete(member);
    this.#met.delete(member);
  }

  /** Until the router knows which of them live. */
  async isSeen(): Promise<void> {
    const isUp = (port: number) =>
      router.logLines
        .filter(({ event, target }) => event === 'target-health' && target === `tcp:${sides[this.#side]}:${port}`)
        .at(-1)?.to;
    await until(() =>
      (Object.entries(ports) as [Member, number][]).every(([member, port]) =>
        this.#ends.has(member) ? this.#met.has(member) && (isUp(port) ?? 'up') === 'up' : isUp(port) === 'down',
      ),
    );
  }

  reset(): void {
    for (const member of Object.keys(this.counts) as Member[]) this.counts[member] = 0;
  }

  close(): Promise<unknown> {
    return Promise.all([...this.#ends.values()].map((end) => end.close()));
  }
}

const connect = (from: Side): Promise<RawEnd> =>
  openEnd({ transport: 'tcp', address: sides[from], to: { address: sides.router, port: 5060 } });

async function sendAll(load: MessageLoad, count: number): Promise<void> {
  const wanted = load.answered + count;
  for (let i = 0; i < count; i++) load.send();
  await until(() => load.answered >= wanted);
}

describe.each(['microsoft', 'cisco'] as const)('a pool on the %s side', (side) => {
  test('shares by weight; without one the rest takes all; without both the backup does; nothing is lost', async () => {
    const hops = new Pool(side);
    await hops.start('heavy', 'light', 'backup');
    await hops.isSeen();
    const client = await connect(other[side]);
    const load = new MessageLoad(client, 'sip:bob@pool.example.com');

    await sendAll(load, 400);
    expect(hops.counts.heavy + hops.counts.light).toBe(400);
    expect(hops.counts.light).toBeGreaterThan(50);
    expect(hops.counts.light).toBeLessThan(150);

    hops.reset();
    await hops.kill('heavy');
    await sendAll(load, 100);
    expect(hops.counts).toEqual({ heavy: 0, light: 100, backup: 0 });

    hops.reset();
    await hops.kill('light');
    await sendAll(load, 100);
    expect(hops.counts).toEqual({ heavy: 0, light: 0, backup: 100 });

    hops.reset();
    await hops.isSeen();
    await hops.start('heavy', 'light');
    await hops.isSeen();
    await sendAll(load, 100);
    expect(hops.counts.backup).toBe(0);
    expect((await load.stop()).answers).toEqual({ 200: 700 });
    await Promise.all([client.close(), hops.close()]);
  });

  test('the same Call-ID goes to the same hop, and a dialog stays with the hop that opened it (RFC 3261 §12.2)', async () => {
    const hops = new Pool(side);
    await hops.start('heavy', 'light', 'backup');
    await hops.isSeen();
    const client = await connect(other[side]);
    const uri = 'sip:bob@pool.example.com';
    for (const callId of Array.from({ length: 12 }, (_, i) => `sticky-${side}-${i}`)) {
      hops.reset();
      const opened: { to: string; contact: string; route: string[] }[] = [];
      for (let cseq = 1; cseq <= 3; cseq++) {
        const via = [`${client.via};branch=${newBranch()}`];
        client.send(
          requestText({
            method: 'SUBSCRIBE',
            uri,
            via,
            callId,
            cseq,
            headers: ['Event: presence', `Contact: <${uri}>`],
          }),
        );
        const answer = await client.take((message) => message.status === 200 && message.header('Call-ID') === callId);
        const contact = /<(.*)>/.exec(answer.header('Contact') ?? '')?.[1] ?? '';
        opened.push({ to: answer.header('To') ?? '', contact, route: answer.headers('Record-Route') });
      }
      const { to, contact, route } = opened[0]!;
      const via = [`${client.via};branch=${newBranch()}`];
      const headers = ['Event: presence', ...route.toReversed().map((value) => `Route: ${value}`)];
      client.send(requestText({ method: 'SUBSCRIBE', uri: contact, via, callId, to, cseq: 4, headers }));
      await client.take((message) => message.status === 200 && message.header('CSeq') === '4 SUBSCRIBE');
      expect(Object.values(hops.counts).toSorted()).toEqual([0, 0, 4]);
    }
    await Promise.all([client.close(), hops.close()]);
  });
});
