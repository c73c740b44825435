/** A router with a first and a second next hop, over TCP, whose limits a test sets as routes.yaml would. */
import { reload } from '../support/admin.ts';
import { newTag, requestText } from '../support/raw-message.ts';
import { openEnd, type RawEnd } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { connectPeer, listenAsPeer, type PeerServer, type StreamPeer } from '../support/stream-peer.ts';
import { answerTo, frameDatagram } from '../support/strict-framer.ts';
import { type TwoSides, twoSides } from '../support/two-sides.ts';

const port = 5060;

/** Reached by the second hop alone, so that what happens to the first one does not show. */
const canaryDomain = 'canary.example.com';

/** As routes.yaml has them. */
interface Settings {
  readonly timers?: Readonly<Record<string, string>>;
  readonly limits?: Readonly<Record<string, string | number>>;
}

interface FaultOptions extends Settings {
  /** As in `twoSides`. */
  readonly net: number;
}

function routesText(sides: TwoSides, first: PeerServer, { timers = {}, limits = {} }: Settings): string {
  const hop = (pattern: string, address: string, at: number, priority: number) => ({
    to: 'microsoft',
    pattern,
    'next-hop': address,
    port: at,
    transport: 'tcp',
    priority,
  });
  return JSON.stringify({
    node: { name: 'router.example.com' },
    domains: ['example.com', canaryDomain],
    listen: [{ transport: 'tcp', address: sides.router, port }],
    access: [
      { side: 'cisco', from: `${sides.cisco.replace(/\d+$/, '')}0/24` },
      { side: 'microsoft', from: sides.microsoft },
      { side: 'microsoft', from: sides.microsoft2 },
    ],
    // Silence alone shall not make the router try the second hop.
    routing: { mode: 'basic', 'failover-after': '30s' },
    health: { probe: { enabled: false } },
    stop: { drain: '1s' },
    routes: [
      hop('example.com', sides.microsoft, first.port, 1),
      hop('example.com', sides.microsoft2, port, 2),
      hop(canaryDomain, sides.microsoft2, port, 1),
    ],
    timers,
    limits,
    reload: { watch: false },
    log: { level: 'info', decisions: 'none' },
  });
}

export class FaultWorld {
  readonly sides: TwoSides;
  readonly router: RouterProcess;
  /** Accepts and reads what comes; what it does else is the test's. */
  readonly first: PeerServer;
  /** Answers everything with 200. */
  readonly second: RawEnd;

  private constructor(sides: TwoSides, router: RouterProcess, first: PeerServer, second: RawEnd) {
    this.sides = sides;
    this.router = router;
    this.first = first;
    this.second = second;
  }

  static async open({ net, ...settings }: FaultOptions): Promise<FaultWorld> {
    const sides = twoSides(net);
    const first = await listenAsPeer(sides.microsoft);
    const second = await openEnd({ transport: 'tcp', address: sides.microsoft2, port });
    second.respond((request) => {
      const message = frameDatagram(request.text);
      return 'why' in message ? undefined : answerTo(message);
    });
    const router = await RouterProcess.start({ routes: routesText(sides, first, settings) });
    return new FaultWorld(sides, router, first, second);
  }

  /** Puts other settings in force in the running program. */
  async change(settings: Settings): Promise<void> {
    this.router.rewrite(routesText(this.sides, this.first, settings));
    const { outcome } = await reload(this.router);
    if (outcome !== 'applied') throw new Error(`the reload was ${outcome}:\n${this.router.output}`);
  }

  /** A new raw connection of a Cisco host, which may close its side and still read. */
  connect(address = this.sides.cisco): StreamPeer {
    return connectPeer({ address: this.sides.router, port }, address);
  }

  /** A MESSAGE for the first hop. */
  message(callId: string, body = 'hello'): string {
    return requestText({ method: 'MESSAGE', uri: 'sip:bob@example.com', via: [this.#via(callId)], callId, body });
  }

  #via(branch: string): string {
    return `SIP/2.0/TCP ${this.sides.cisco};branch=z9hG4bK${branch}`;
  }

  /** Passes when a MESSAGE of somebody else comes through. */
  async canary(address = this.sides.cisco): Promise<void> {
    const callId = newTag();
    const peer = this.connect(address);
    const via = [this.#via(callId)];
    peer.send(requestText({ method: 'MESSAGE', uri: `sip:canary@${canaryDomain}`, via, callId }));
    await peer.read('SIP/2.0 200 ');
    peer.socket.destroy();
  }

  /** Codes of what the router has logged as discarded, in order. */
  get discarded(): unknown[] {
    return this.router.logLines.filter(({ event }) => event === 'discarded').map(({ what }) => what);
  }

  async close(): Promise<number | null> {
    const code = await this.router.stop();
    await this.second.close();
    return code;
  }
}
