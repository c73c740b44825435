/** A client of one side: it sends, repeats over UDP by RFC 3261 §17.1, acknowledges, cancels and hangs up. */
import type { Side } from '../../src/routing/types.ts';
import { newBranch, newTag, type RawMessage, requestText, responseText } from '../support/raw-message.ts';
import type { Chance } from './chance.ts';
import { Host, type HostTransport, type Place, shortOf, type Wire } from './host.ts';
import type { Network } from './network.ts';
import { type Asked, type AskedMethod, idOf, type Observed } from './observed.ts';

const t1Ms = 500;
const t2Ms = 4_000;
const giveUpMs = 64 * t1Ms;

interface Pending {
  readonly asked: Asked;
  readonly text: string;
  readonly branch: string;
  readonly uri: string;
  readonly from: string;
  repeat: { cancel(): void } | undefined;
  isProvisional: boolean;
}

export class Asker extends Host {
  readonly side: Side;
  readonly #chance: Chance;
  readonly #observed: Observed;
  readonly #router: Place;
  readonly #pending = new Map<string, Pending>();
  /** As they were sent. */
  readonly #invites = new Map<string, Pending>();
  /** ACKs by Call-ID and what they acknowledge, sent again when a final comes again. */
  readonly #acks = new Map<string, string>();
  #wire: Wire | undefined;
  #count = 0;

  constructor(
    network: Network,
    parts: {
      readonly side: Side;
      readonly chance: Chance;
      readonly observed: Observed;
      readonly router: Place;
      readonly listens: boolean;
    },
    name: string,
    place: Place,
    transport: HostTransport,
  ) {
    super(network, name, place, transport, parts.listens);
    this.side = parts.side;
    this.#chance = parts.chance;
    this.#observed = parts.observed;
    this.#router = parts.router;
  }

  /** @returns its Call-ID */
  ask(method: AskedMethod, user: string): string {
    this.#count += 1;
    const id = `${this.name}-${this.#count}`;
    const uri = `sip:${user}@example.com`;
    const branch = newBranch();
    const body = method === 'OPTIONS' ? '' : `${id} ${'x'.repeat(this.#chance.below(900))}`;
    const from = `<sip:${this.name}@example.com>;tag=${newTag()}`;
    const contact = `Contact: <sip:${this.name}@${this.place.address}:${this.place.port};transport=${this.transport}>`;
    const headers = method === 'SUBSCRIBE' ? [contact, 'Event: presence', 'Expires: 600'] : [contact];
    const text = requestText({ method, uri, via: [this.#via(branch)], from, callId: id, headers, body });
    const { world } = this.network;
    const { side, transport } = this;
    const asked = this.#observed.add({
      id,
      method,
      user,
      side,
      asker: this.name,
      transport,
      body,
      atMs: world.nowMs,
      dialogWith: undefined,
    });
    const pending: Pending = { asked, text, branch, uri, from, repeat: undefined, isProvisional: false };
    if (method === 'INVITE') this.#invites.set(id, pending);
    this.#begin(pending);
    return id;
  }

  #begin(pending: Pending): void {
    const { asked, text } = pending;
    const { id, method, user } = asked;
    this.network.world.tell(`${this.name} -> router: ${method} ${id} to ${user}, over ${this.transport}`);
    if (method !== 'BENOTIFY') this.#pending.set(id, pending);
    this.#send(text);
    if (this.transport === 'udp' && method !== 'BENOTIFY') this.#repeatLater(pending, t1Ms, giveUpMs);
  }

  /** RFC 3261 §15.1.1, §12.2.1.1: to the Contact, by the route that the dialog has recorded. */
  #hangUp({ asked, from }: Pending, to: string, hop: string, target: string, route: readonly string[]): void {
    const { world } = this.network;
    world.after(this.#chance.between(0, 5_000), () => {
      const branch = newBranch();
      const { user, id: callId } = asked;
      const body = `${callId} is over`;
      const via = [this.#via(branch)];
      const text = requestText({ method: 'BYE', uri: target, via, from, to, callId, cseq: 2, headers: route, body });
      const { side, transport } = this;
      const id = `${callId} BYE`;
      const bye = { id, method: 'BYE', user, side, asker: this.name, transport, body, atMs: world.nowMs } as const;
      const observed = this.#observed.add({ ...bye, dialogWith: hop });
      this.#begin({ asked: observed, text, branch, uri: target, from, repeat: undefined, isProvisional: false });
    });
  }

  /** Of an INVITE that rings. */
  cancel(id: string): void {
    const pending = this.#pending.get(id);
    if (pending?.asked.method !== 'INVITE' || !pending.isProvisional) return;
    const { asked, uri, from, branch } = pending;
    const { world } = this.network;
    asked.cancelledAtMs = world.nowMs;
    world.tell(`${this.name} -> router: CANCEL ${id}`);
    const text = requestText({ method: 'CANCEL', uri, via: [this.#via(branch)], from, callId: id });
    this.#send(text);
    if (this.transport !== 'udp') return;
    for (const inMs of [500, 1_500, 3_500]) world.after(inMs, () => this.#send(text));
  }

  /** Its connection is reset in the middle of things. */
  lose(): void {
    this.network.world.tell(`${this.name} resets its connections`);
    const { nowMs } = this.network.world;
    for (const { asked } of this.#pending.values()) asked.lostAtMs = nowMs;
    this.dropConnections();
  }

  override die(): void {
    super.die();
    for (const { repeat } of this.#pending.values()) repeat?.cancel();
    this.#pending.clear();
    this.#wire = undefined;
  }

  protected onMessage(message: RawMessage, wire: Wire): void {
    const { world } = this.network;
    if (message.method !== undefined) {
      if (message.method !== 'OPTIONS') world.tell(`${this.name} <- router: ${shortOf(message)}`);
      if (message.method !== 'ACK') wire.send(responseText(message, 200));
      return;
    }
    world.tell(`${this.name} <- router: ${shortOf(message)}`);
    if (message.header('CSeq')?.endsWith('CANCEL') === true) return;
    this.#onResponse(message);
  }

  #onResponse(message: RawMessage): void {
    const id = idOf(message);
    const asked = this.#observed.asked.get(id);
    const status = message.status ?? 0;
    if (asked === undefined || asked.asker !== this.name) {
      this.#observed.strange.push(`${this.name} got ${shortOf(message)}, which it did not ask for`);
      return;
    }
    const pending = this.#pending.get(id);
    if (status < 200) {
      if (pending !== undefined) pending.isProvisional = true;
      if (status === 180) asked.heardRinging.add(/;tag=(\S+)$/.exec(message.header('To') ?? '')?.[1] ?? '');
      if (asked.method === 'INVITE') pending?.repeat?.cancel();
      return;
    }
    const hop = /;tag=(\S+)$/.exec(message.header('To') ?? '')?.[1];
    const isOfHop = message.body === `${hop} to ${id}`;
    if (message.body !== '' && !isOfHop)
      this.#observed.strange.push(`${this.name} got ${shortOf(message)} with another body`);
    if (asked.method === 'INVITE') this.#acknowledge(message, asked, pending);
    if (pending === undefined) return this.#onRepeat(message, asked, isOfHop ? hop : undefined);
    pending.repeat?.cancel();
    this.#pending.delete(id);
    asked.answers.push({ status, atMs: this.network.world.nowMs, hop: isOfHop ? hop : undefined });
  }

  /** The same answer again is no second one. */
  #onRepeat({ status = 0 }: RawMessage, { answers }: Asked, hop: string | undefined): void {
    if (answers.some((each) => each.status === status && each.hop === hop)) return;
    answers.push({ status, atMs: this.network.world.nowMs, hop });
  }

  #acknowledge(message: RawMessage, asked: Asked, pending: Pending | undefined): void {
    const { id } = asked;
    const isAccepted = (message.status ?? 0) < 300;
    const which = `${id} ${isAccepted ? /;tag=(\S+)$/.exec(message.header('To') ?? '')?.[1] : 'refused'}`;
    const known = this.#acks.get(which);
    if (known !== undefined) return this.#send(known);
    const { uri, from, branch } = pending ?? this.#invites.get(id) ?? {};
    if (uri === undefined || from === undefined || branch === undefined) return;
    const to = message.header('To') ?? '';
    const route = message.headers('Record-Route').map((value) => `Route: ${value}`);
    const target = /<([^>]+)>/.exec(message.header('Contact') ?? '')?.[1] ?? uri;
    const fields = isAccepted
      ? { uri: target, via: [this.#via(newBranch())], headers: route }
      : { uri, via: [this.#via(branch)], headers: [] };
    const text = requestText({ method: 'ACK', from, to, callId: id, ...fields });
    this.#acks.set(which, text);
    this.#send(text);
    const hop = /;tag=(\S+)$/.exec(to)?.[1];
    if (isAccepted && pending !== undefined && hop !== undefined) this.#hangUp(pending, to, hop, target, route);
  }

  #repeatLater(pending: Pending, inMs: number, leftMs: number): void {
    if (leftMs <= 0) return void this.#pending.delete(pending.asked.id);
    pending.repeat = this.network.world.after(inMs, () => {
      this.#send(pending.text);
      const nextMs = pending.asked.method === 'INVITE' ? 2 * inMs : Math.min(t2Ms, 2 * inMs);
      this.#repeatLater(pending, nextMs, leftMs - inMs);
    });
  }

  #send(text: string): void {
    if (this.transport === 'udp') return this.sendTo(text, this.#router);
    if (this.#wire === undefined || !this.#wire.isOpen) this.#wire = this.connect(this.#router);
    this.#wire.send(text);
  }

  #via(branch: string): string {
    const { address, port } = this.place;
    return `SIP/2.0/${this.transport.toUpperCase()} ${address}:${port};branch=${branch};rport`;
  }
}
