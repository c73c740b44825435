/** A server of one side, with the manners of real ones. */

import type { Side } from '../../src/routing/types.ts';
import { type RawMessage, responseText } from '../support/raw-message.ts';
import type { Chance } from './chance.ts';
import { Host, type HostTransport, type Place, shortOf, type Wire } from './host.ts';
import type { Network } from './network.ts';
import { idOf, type Observed } from './observed.ts';

/** What a hop does with a request that it gets. */
type Manner = 'accept' | 'refuse' | 'unavailable' | 'silent' | 'late' | 'twice' | 'end' | 'reset' | 'elsewhere' | 'try';

const mannersOfMost: Readonly<Record<Manner, number>> = {
  accept: 60,
  refuse: 8,
  unavailable: 6,
  silent: 5,
  late: 6,
  twice: 5,
  end: 3,
  reset: 4,
  elsewhere: 3,
  try: 4,
};

const mannersOfSteady: Readonly<Record<Manner, number>> = {
  ...mannersOfMost,
  unavailable: 0,
  silent: 0,
  late: 0,
  end: 0,
  reset: 0,
  elsewhere: 0,
  try: 0,
};

export class Hop extends Host {
  readonly side: Side;
  /** It is always there, and answers everything. */
  readonly isSteady: boolean;
  readonly #chance: Chance;
  readonly #observed: Observed;
  readonly #router: Place;
  /** INVITEs that ring, by Call-ID. */
  readonly #ringing = new Map<
    string,
    { readonly invite: RawMessage; readonly wire: Wire; readonly ends: { cancel(): void } }
  >();
  /** Finals of INVITE over UDP, repeated until their ACK, by Call-ID. */
  readonly #repeating = new Map<string, { cancel(): void }>();
  /** Answers by branch, for repeats of a request. */
  readonly #said = new Map<string, string>();

  constructor(
    network: Network,
    parts: {
      readonly side: Side;
      readonly isSteady: boolean;
      readonly chance: Chance;
      readonly observed: Observed;
      readonly router: Place;
    },
    name: string,
    place: Place,
    transport: HostTransport,
  ) {
    super(network, name, place, transport);
    this.side = parts.side;
    this.isSteady = parts.isSteady;
    this.#chance = parts.chance;
    this.#observed = parts.observed;
    this.#router = parts.router;
  }

  override die(): void {
    super.die();
    for (const { ends } of this.#ringing.values()) ends.cancel();
    for (const repeat of this.#repeating.values()) repeat.cancel();
    for (const { invite, wire } of this.#ringing.values()) this.#stopsRinging(invite, wire);
    this.#ringing.clear();
    this.#repeating.clear();
    this.#said.clear();
  }

  protected onMessage(message: RawMessage, wire: Wire): void {
    if (message.method === undefined) return;
    const { world } = this.network;
    // Probes are many, and tell nothing.
    if (message.method === 'OPTIONS' && !this.#observed.asked.has(idOf(message))) {
      wire.send(responseText(message, 200));
      return;
    }
    world.tell(`router -> ${this.name}: ${shortOf(message)}`);
    if (message.method === 'ACK') return this.#onAck(message);
    if (message.method === 'CANCEL') return this.#onCancel(message, wire);
    this.#onRequest(message, wire);
  }

  #onRequest(message: RawMessage, wire: Wire): void {
    const branch = branchOf(message);
    const said = this.#said.get(`${branch} ${message.method}`);
    this.#note(message, branch, said !== undefined);
    if (said !== undefined) return void (said !== '' && wire.send(said));
    if (message.method === 'BENOTIFY') return;
    // Whoever has taken a call hears that it is over, and is polite.
    const isEnd = message.method === 'BYE';
    const manner = isEnd ? 'accept' : this.#chance.weigh(this.isSteady ? mannersOfSteady : mannersOfMost);
    this.#said.set(`${branch} ${message.method}`, '');
    this.network.world.tell(`           ${this.name} is about to ${manner}`);
    this.#behave(manner, message, wire);
  }

  #behave(manner: Manner, message: RawMessage, wire: Wire): void {
    const { world } = this.network;
    const soonMs = this.#chance.between(0, 300);
    switch (manner) {
      case 'accept':
        return this.#accept(message, wire, soonMs);
      case 'refuse':
        return this.#answer(message, wire, this.#chance.pick([404, 486, 480]), soonMs);
      case 'unavailable':
        return this.#answer(message, wire, 503, soonMs);
      case 'silent':
        return undefined;
      case 'late':
        return this.#answer(message, wire, 200, this.#chance.between(1_000, 40_000));
      case 'twice':
        this.#answer(message, wire, 200, soonMs);
        return this.#answer(message, wire, 200, soonMs + this.#chance.between(0, 500));
      case 'end':
        return void world.after(soonMs, () => this.endConnections());
      case 'reset':
        return void world.after(soonMs, () => this.dropConnections());
      case 'elsewhere': {
        if (this.transport === 'udp') return this.#accept(message, wire, soonMs);
        return void world.after(soonMs, () => this.#answer(message, this.connect(this.#router), 200, soonMs));
      }
      case 'try':
        this.#later(0, () => wire.send(responseText(message, 100)));
        // Behind a connection that ends after a 100 another hop is asked; a datagram has none that could end.
        if (this.transport !== 'udp') world.after(soonMs + 50, () => this.dropConnections());
        else this.#isWith(message);
        return this.#answer(message, wire, 200, soonMs + this.#chance.between(100, 6_000));
      default:
        throw new Error(`no manner ${manner satisfies never}`);
    }
  }

  #accept(message: RawMessage, wire: Wire, soonMs: number): void {
    if (message.method !== 'INVITE') return this.#answer(message, wire, 200, soonMs);
    const { world } = this.network;
    this.#later(soonMs, () => {
      const text = responseText(message, 180, { toTag: this.name });
      this.#said.set(`${branchOf(message)} INVITE`, text);
      wire.send(text);
    });
    const callId = idOf(message);
    const ends = this.#later(soonMs + this.#chance.between(100, this.#chance.is(0.1) ? 90_000 : 12_000), () => {
      this.#ringing.delete(callId);
      this.#stopsRinging(message, wire);
      this.#answer(message, wire, this.#chance.is(0.8) ? 200 : 486, 0);
    });
    this.#ringing.set(callId, { invite: message, wire, ends });
    const asked = this.#observed.asked.get(callId);
    if (asked === undefined) return;
    asked.isWithHop = true;
    asked.ringing.set(this.name, { fromMs: world.nowMs, untilMs: undefined, isCutOff: false });
  }

  #isWith(message: RawMessage): void {
    const asked = this.#observed.asked.get(idOf(message));
    if (asked !== undefined) asked.isWithHop = true;
  }

  #stopsRinging(invite: RawMessage, wire: Wire): void {
    const ringing = this.#observed.asked.get(idOf(invite))?.ringing;
    const { fromMs = 0 } = ringing?.get(this.name) ?? {};
    ringing?.set(this.name, { fromMs, untilMs: this.network.world.nowMs, isCutOff: !wire.isOpen });
  }

  #answer(message: RawMessage, wire: Wire, status: number, inMs: number): void {
    const { world } = this.network;
    this.#later(inMs, () => {
      const callId = idOf(message);
      const contact = `Contact: <sip:${this.place.address}:${this.place.port};transport=${this.transport}>`;
      const body = `${this.name} to ${callId}`;
      const text = responseText(message, status, { toTag: this.name, headers: [contact], body });
      this.#said.set(`${branchOf(message)} ${message.method}`, text);
      world.tell(`router <- ${this.name}: ${status} ${message.method} ${callId}`);
      this.#observed.asked.get(callId)?.given.push({ status, atMs: world.nowMs, hop: this.name });
      this.#say(text, wire);
      if (message.method === 'INVITE' && (status < 300 || this.transport === 'udp'))
        this.#repeat(callId, text, wire, 500);
    });
  }

  #later(inMs: number, run: () => void): { cancel(): void } {
    return this.network.world.after(inMs, () => this.act(run));
  }

  /** RFC 3261 §18.2.2: where the connection of the request is gone, by another. */
  #say(text: string, wire: Wire): void {
    (wire.isOpen ? wire : this.connect(this.#router)).send(text);
  }

  /** RFC 3261 §13.3.1.4 and §17.2.1: until the ACK comes, for 64*T1. */
  #repeat(callId: string, text: string, wire: Wire, inMs: number, leftMs = 32_000): void {
    if (leftMs <= 0) return;
    const timer = this.#later(inMs, () => {
      this.#say(text, wire);
      this.#repeat(callId, text, wire, Math.min(4_000, 2 * inMs), leftMs - inMs);
    });
    this.#repeating.set(callId, timer);
  }

  #onAck(message: RawMessage): void {
    const callId = idOf(message);
    this.#repeating.get(callId)?.cancel();
    this.#repeating.delete(callId);
    this.#observed.asked.get(callId)?.acksAtHops.push(this.name);
  }

  #onCancel(message: RawMessage, wire: Wire): void {
    wire.send(responseText(message, 200));
    const callId = idOf(message);
    const ringingNow = this.#ringing.get(callId);
    if (ringingNow === undefined) return;
    this.#ringing.delete(callId);
    ringingNow.ends.cancel();
    this.#stopsRinging(ringingNow.invite, ringingNow.wire);
    this.#answer(ringingNow.invite, ringingNow.wire, 487, 0);
  }

  #note(message: RawMessage, branch: string, isRepeat: boolean): void {
    const { world } = this.network;
    const asked = this.#observed.asked.get(idOf(message));
    if (asked === undefined)
      return void this.#observed.strange.push(`${this.name} got ${shortOf(message)}, which nobody sent`);
    if (isRepeat && this.transport === 'udp') return;
    const isWhole = message.body === asked.body || message.method !== asked.method;
    if (!isWhole) this.#observed.strange.push(`${this.name} got ${shortOf(message)} with another body`);
    asked.deliveries.push({
      hop: this.name,
      side: this.side,
      transport: this.transport,
      branch,
      atMs: world.nowMs,
      isWhole,
    });
  }
}

const branchOf = (message: RawMessage): string => /;branch=([^;,\s]+)/.exec(message.header('Via') ?? '')?.[1] ?? '';
