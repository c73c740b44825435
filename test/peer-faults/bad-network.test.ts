/**
 * Ten thousand transactions through a router with bad weather on both of its sides. The ends are transaction machines in
 * small (RFC 3261 §17): they repeat what is not answered, and answer again what is repeated.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BadNetwork } from '../support/bad-network.ts';
import { RawMessage, requestText, responseText } from '../support/raw-message.ts';
import { openEnd, type RawEnd, type Received } from '../support/raw-sip.ts';
import { pause, RouterProcess } from '../support/router-process.ts';
import { until } from '../support/until.ts';

const net = 84;
const at = (host: number): { address: string; port: number } => ({ address: `127.0.${net}.${host}`, port: 5060 });
const [router, asker, askersNetwork, routersNetwork] = [at(1), at(31), at(32), at(11)];
const [hopsFace, hop, hopsNetwork] = [at(21), at(41), at(42)];

const count = 10_000;
const atATime = 400;
const t1 = 50;
/** Timer B and F. */
const giveUpMs = 64 * t1;

interface Asked {
  readonly method: 'MESSAGE' | 'INVITE';
  readonly text: string;
  finals: Set<string>;
  end: 'answered' | 'timeout' | undefined;
}

/** The client machines: Timer A or E doubled up to T2, Timer B or F, and an ACK for each final response to INVITE. */
class Clients {
  readonly asked = new Map<string, Asked>();
  readonly #end: RawEnd;

  constructor(end: RawEnd) {
    this.#end = end;
    end.respond((response) => {
      this.#onResponse(response);
      end.inbox.length = 0;
      return undefined;
    });
  }

  async ask(index: number): Promise<void> {
    const method = index % 4 === 0 ? 'INVITE' : 'MESSAGE';
    const callId = `weather-${index}`;
    const via = [`${this.#end.via};branch=z9hG4bK${callId};rport`];
    const text = requestText({ method, uri: 'sip:bob@example.com', via, callId, body: 'x' });
    const asked: Asked = { method, text, finals: new Set(), end: undefined };
    this.asked.set(callId, asked);
    const began = performance.now();
    for (let interval = t1; asked.end === undefined; interval = Math.min(2 * interval, 400)) {
      this.#end.send(text);
      await pause(interval);
      if (performance.now() - began > giveUpMs + t1) asked.end ??= 'timeout';
    }
  }

  #onResponse(response: Received): void {
    const asked = this.asked.get(response.header('Call-ID') ?? '');
    if (asked === undefined || (response.status ?? 0) < 200) return;
    asked.finals.add(`${response.status} ${/;tag=(.*)$/.exec(response.header('To') ?? '')?.[1]}`);
    asked.end ??= 'answered';
    if (asked.method === 'INVITE') this.#end.send(ackFor(asked.text, response));
  }
}

const ackFor = (invite: string, response: Received): string => {
  const request = new RawMessage(invite);
  const isSuccess = (response.status ?? 0) < 300;
  const via = request.header('Via') ?? '';
  return requestText({
    method: 'ACK',
    uri: request.requestUri ?? '',
    via: [isSuccess ? via.replace('branch=', 'branch=z9hG4bKack') : via],
    from: request.header('From') ?? '',
    to: response.header('To') ?? '',
    callId: request.header('Call-ID') ?? '',
  });
};

const branchOf = (request: Received): string => /branch=([^;]+)/.exec(request.header('Via') ?? '')?.[1] ?? '';

/** The server machines: the first copy of a branch goes to the user, every other gets the same answer. */
class Servers {
  /** Branches that each Call-ID was delivered with. */
  readonly delivered = new Map<string, Set<string>>();
  readonly #answers = new Map<string, string>();
  readonly #acknowledged = new Set<string>();

  constructor(end: RawEnd) {
    end.respond((request) => {
      end.inbox.length = 0;
      if (request.method === 'ACK') this.#acknowledged.add(request.header('Call-ID') ?? '');
      return request.method === 'ACK' ? undefined : this.#answer(request);
    });
  }

  #answer(request: Received): string {
    const branch = branchOf(request);
    const callId = request.header('Call-ID') ?? '';
    const branches = this.delivered.get(callId) ?? new Set();
    this.delivered.set(callId, branches.add(branch));
    const known = this.#answers.get(branch);
    // Some say no: their final responses are acknowledged hop by hop (§17.1.1.3).
    const status = Number(callId.split('-')[1]) % 5 === 0 ? 486 : 200;
    const answer = known ?? responseText(request, status);
    this.#answers.set(branch, answer);
    if (known === undefined && request.method === 'INVITE') this.#repeat(callId, request, answer, t1);
    return answer;
  }

  /** Timer G, and the 2xx that the user itself repeats (§13.3.1.4), until the ACK or Timer H. */
  #repeat(callId: string, request: Received, answer: string, interval: number, spent = 0): void {
    setTimeout(() => {
      if (this.#acknowledged.has(callId) || spent > giveUpMs) return;
      request.reply(answer);
      this.#repeat(callId, request, answer, Math.min(2 * interval, 400), spent + interval);
    }, interval);
  }
}

describe('10,000 transactions through a network that loses 5 %, repeats 5 % and reorders the rest', () => {
  let program: RouterProcess;
  let networks: readonly BadNetwork[];
  let ends: readonly RawEnd[];
  let clients: Clients;
  let servers: Servers;

  beforeAll(async () => {
    const weather = { loses: 0.05, repeats: 0.05, delayMs: 30 };
    networks = await Promise.all([
      BadNetwork.open(
        { nearFace: askersNetwork, farFace: routersNetwork, near: asker, far: router },
        { ...weather, seed: 4 },
      ),
      BadNetwork.open({ nearFace: hopsFace, farFace: hopsNetwork, near: router, far: hop }, { ...weather, seed: 5 }),
    ]);
    const end = await openEnd({ transport: 'udp', ...asker, to: askersNetwork });
    const far = await openEnd({ transport: 'udp', ...hop });
    ends = [end, far];
    clients = new Clients(end);
    servers = new Servers(far);
    program = await RouterProcess.start({ routes: routes() });
  });
  afterAll(async () => {
    expect(await program.stop(), program.output).toBe(0);
    for (const network of networks) network.close();
    await Promise.all(ends.map((end) => end.close()));
  });

  it('each ends once, and reaches the far user once (RFC 3261 §17)', async () => {
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < count) {
        next += 1;
        await clients.ask(next);
      }
    };
    await Promise.all(Array.from({ length: atATime }, work));
    const asked = [...clients.asked.values()];
    expect(asked).toHaveLength(count);
    await until(() => asked.every(({ end }) => end !== undefined));
    // Losing all of some ten copies is a matter of one in many millions.
    expect(asked.filter(({ end }) => end === 'timeout')).toEqual([]);
    expect(asked.filter(({ finals }) => finals.size !== 1).map(({ finals }) => [...finals])).toEqual([]);
    const often = [...servers.delivered].filter(([, branches]) => branches.size !== 1);
    expect(often.map(([callId, branches]) => `${callId}: ${[...branches].join(' ')}`)).toEqual([]);
    expect(servers.delivered.size).toBe(count);
    for (const { passed } of networks) {
      expect(passed.lost).toBeGreaterThan(500);
      expect(passed.repeated).toBeGreaterThan(500);
    }
  }, 120_000);
});

/** One next hop alone: a second would be asked when the first is silent, which is another promise. */
function routes(): string {
  return JSON.stringify({
    node: { name: 'router.example.com' },
    domains: ['example.com'],
    listen: [{ transport: 'udp', ...router }],
    access: [
      { side: 'cisco', from: routersNetwork.address },
      { side: 'microsoft', from: hopsFace.address },
    ],
    routing: { mode: 'basic' },
    health: { probe: { enabled: false } },
    stop: { drain: '1s' },
    routes: [{ to: 'microsoft', pattern: 'example.com', 'next-hop': hopsFace.address, port: 5060, transport: 'udp' }],
    timers: { t1: `${t1}ms`, t2: '400ms', t4: '500ms' },
    log: { level: 'error', decisions: 'none' },
  });
}
