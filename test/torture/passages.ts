/** A router between raw ends, made so that torture messages find a way through it; how they go in and out is what a test chooses. */
import { newTag, requestText } from '../support/raw-message.ts';
import { openEnd, type RawEnd, type Received } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { answerTo, frameDatagram } from '../support/strict-framer.ts';
import { type TwoSides, twoSides } from '../support/two-sides.ts';

export type Way = 'udp' | 'tcp';

export const ways: readonly Way[] = ['udp', 'tcp'];

export const routerSentBy = 'router.example.com:5060';

/** 64*T1 of these timers, and a little. */
export const timerJMs = 900;

const port = 5060;

/** What some Vias of the corpus say: answers by UDP go there, whatever port the request came from (§18.2.2). */
const otherSentByPorts = [5050, 5061, 5070];

function routesText(sides: TwoSides, egress: Way, domains: readonly string[]): string {
  return JSON.stringify({
    node: { name: 'router.example.com' },
    domains,
    listen: ways.map((transport) => ({ transport, address: sides.router, port })),
    access: [
      { side: 'cisco', from: sides.cisco },
      { side: 'microsoft', from: sides.microsoft },
    ],
    routing: { mode: 'basic' },
    routes: domains.flatMap((pattern) => [
      { to: 'microsoft', pattern, 'next-hop': sides.microsoft, port, transport: egress },
      { to: 'cisco', pattern, 'next-hop': sides.cisco, port, transport: egress },
    ]),
    timers: { t1: '10ms', t2: '100ms', t4: '100ms', message: '1s' },
    health: { probe: { enabled: false } },
    stop: { drain: '1s' },
    log: { level: 'error', decisions: 'none' },
  });
}

/** How the next hop answers a request; undefined: not at all. */
type HopAnswer = (request: Received) => string | undefined;

/** 200 to whatever wants an answer. */
export const accept: HopAnswer = (request) => {
  const message = frameDatagram(request.text);
  if ('why' in message || /^(?:ACK|BENOTIFY) /.test(request.startLine)) return undefined;
  return answerTo(message);
};

export class Passages {
  readonly sides: TwoSides;
  readonly egress: Way;
  readonly router: RouterProcess;
  /** Requests that came to the next hop, oldest first. */
  readonly arrived: Received[] = [];
  hopAnswer: HopAnswer = accept;
  readonly #others: readonly RawEnd[];
  readonly #askers = new Set<RawEnd>();
  /** UDP answers go to the sent-by port of the Via, whatever port the request came from. */
  readonly #udp: RawEnd;

  private constructor(sides: TwoSides, egress: Way, router: RouterProcess, others: readonly RawEnd[], udp: RawEnd) {
    this.sides = sides;
    this.egress = egress;
    this.router = router;
    this.#others = others;
    this.#udp = udp;
  }

  /** @param domains hosts of Request-URIs that the router has routes for, to the next hop by `egress` */
  static async open(net: number, egress: Way, domains: readonly string[]): Promise<Passages> {
    const sides = twoSides(net);
    // Both, as a request too large for UDP goes by TCP (§18.1.1).
    const hops = await Promise.all(ways.map((transport) => openEnd({ transport, address: sides.microsoft, port })));
    const to = { address: sides.router, port };
    const udp = await openEnd({ transport: 'udp', address: sides.cisco, port, to });
    const others = await Promise.all(
      otherSentByPorts.map((each) => openEnd({ transport: 'udp', address: sides.cisco, port: each })),
    );
    for (const other of others) other.respond((answer) => void udp.receive(answer));
    const router = await RouterProcess.start({ routes: routesText(sides, egress, domains) });
    const passages = new Passages(sides, egress, router, [...hops, ...others], udp);
    for (const hop of hops) hop.respond((request) => passages.#onRequest(request));
    return passages;
  }

  #onRequest(request: Received): string | undefined {
    if (request.method !== undefined) this.arrived.push(request);
    return this.hopAnswer(request);
  }

  /** UDP: the one end on port 5060. TCP: a new connection. */
  async asker(way: Way): Promise<RawEnd> {
    if (way === 'udp') return this.#udp;
    const { cisco, router } = this.sides;
    const end = await openEnd({ transport: 'tcp', address: cisco, to: { address: router, port } });
    this.#askers.add(end);
    return end;
  }

  async hangUp(end: RawEnd): Promise<void> {
    if (this.#askers.delete(end)) await end.close();
  }

  /** A plain MESSAGE that must arrive and be answered; what was sent before it has been dealt with by then. */
  async canary(domain: string, way: Way): Promise<void> {
    const end = await this.asker(way);
    const callId = `canary-${newTag()}`;
    const before = this.hopAnswer;
    this.hopAnswer = (request) => (request.header('Call-ID') === callId ? accept(request) : before(request));
    const via = [`${end.via};branch=z9hG4bK${callId};rport`];
    end.send(requestText({ method: 'MESSAGE', uri: `sip:canary@${domain}`, via, callId, body: 'tweet' }));
    await end.take((answer) => answer.header('Call-ID') === callId && answer.status === 200);
    this.hopAnswer = before;
    const at = this.arrived.findIndex((request) => request.header('Call-ID') === callId);
    if (at < 0) throw new Error('the canary was answered, but has not arrived');
    this.arrived.splice(at, 1);
    await this.hangUp(end);
  }

  async close(): Promise<number | null> {
    const code = await this.router.stop();
    await Promise.all([...this.#askers, ...this.#others, this.#udp].map((end) => end.close()));
    return code;
  }
}
