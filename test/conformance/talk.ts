/** One conversation through the router: an asker of its own, a Call-ID of its own, and what of it arrives where. */
import { setTimeout as pause } from 'node:timers/promises';
import {
  newBranch,
  newTag,
  RawMessage,
  type RequestFields,
  type ResponseFields,
  requestText,
  responseText,
} from '../support/raw-message.ts';
import type { RawEnd, Received, Transport } from '../support/raw-sip.ts';
import { domainOf } from '../support/two-sides.ts';
import type { Host, Side, World } from './world.ts';

export interface TalkOptions {
  /** The asker's side; default cisco. */
  readonly from?: Side;
  /** Transport from the asker to the router; default tcp. */
  readonly by?: Transport;
  /** Transport from the router to the callee; default tcp. */
  readonly to?: Transport;
  /** A domain of a couple in place of that of `to`; its first hop is then the callee. */
  readonly couple?: string;
  /** Default: a new end at the asker's host. */
  readonly asker?: RawEnd;
}

/** What a method, a status or a condition is looked for among: the messages of one Call-ID. */
type Wanted = string | number | ((message: Received) => boolean);

/** How long a check looks on before it holds that nothing comes. */
const quietMs = 250;

export class Talk {
  readonly world: World;
  readonly asker: RawEnd;
  /** Where the request arrives. */
  readonly callee: RawEnd;
  readonly domain: string;
  readonly callId: string = newTag() + newTag();
  readonly fromTag: string = newTag();
  /** URI of the callee. */
  readonly uri: string;

  private constructor(world: World, asker: RawEnd, callee: RawEnd, domain: string) {
    this.world = world;
    this.asker = asker;
    this.callee = callee;
    this.domain = domain;
    this.uri = `sip:bob@${domain}`;
  }

  static async open(world: World, options: TalkOptions = {}): Promise<Talk> {
    const { from = 'cisco', by = 'tcp', to = 'tcp', couple } = options;
    const asker = options.asker ?? (await world.asker(by, { host: from }));
    const far = from === 'cisco' ? world.microsoft : world.cisco;
    const callee = couple === undefined ? far[to] : (world.couple(couple).first ?? world.couple(couple).second);
    return new Talk(world, asker, callee ?? far[to], couple ?? domainOf(to));
  }

  /** `Via` value of the asker with a new branch. */
  via(params = ''): string {
    return `${this.asker.via};branch=${newBranch()}${params}`;
  }

  request(method: string, fields: Partial<RequestFields> = {}): RawMessage {
    return new RawMessage(
      requestText({
        method,
        uri: this.uri,
        via: [this.via()],
        from: `<sip:alice@${this.domain}>;tag=${this.fromTag}`,
        callId: this.callId,
        ...fields,
      }),
    );
  }

  send(message: RawMessage | string): void {
    this.asker.send(typeof message === 'string' ? message : message.text);
  }

  /** Sends a request and gives it as it was sent. */
  ask(method: string, fields: Partial<RequestFields> = {}): RawMessage {
    const sent = this.request(method, fields);
    this.send(sent);
    return sent;
  }

  /** The next message of this talk at `end`. */
  at(end: RawEnd, wanted: Wanted, withinMs = 5000): Promise<Received> {
    return end.take((message) => this.#isOurs(message) && isWanted(message, wanted), withinMs);
  }

  arrived(wanted: Wanted, withinMs?: number): Promise<Received> {
    return this.at(this.callee, wanted, withinMs);
  }

  /** The next response at the asker; any final one unless a status is named. */
  answer(status?: number, withinMs?: number): Promise<Received> {
    return this.at(this.asker, status ?? ((message) => (message.status ?? 0) >= 200), withinMs);
  }

  /** A request that arrives, is answered, and whose answer comes back. */
  async exchange(method: string, fields: Partial<RequestFields> = {}, status = 200, response: ResponseFields = {}) {
    const sent = this.ask(method, fields);
    const forwarded = await this.arrived(method);
    const reply = new RawMessage(responseText(forwarded, status, response));
    forwarded.reply(reply.text);
    return { sent, forwarded, reply, answer: await this.answer(status) };
  }

  /** Messages of this talk that lie untaken at `end`. */
  waitingAt(end: RawEnd, wanted: Wanted = () => true): Received[] {
    return end.inbox.filter((message) => this.#isOurs(message) && isWanted(message, wanted));
  }

  /**
   * What `send` has sent so far is heard: the router answers an OPTIONS that comes behind it. What came to `end` until then is
   * forgotten: on a busy machine a copy may have been on its way.
   */
  async heard(end: RawEnd = this.asker, send: (text: string) => void = (text) => end.send(text)): Promise<void> {
    const callId = newTag() + newTag();
    const via = [`${end.via};branch=${newBranch()};rport`];
    send(requestText({ method: 'OPTIONS', uri: `sip:${this.world.address('router')}`, via, callId }));
    await end.take((message) => message.status !== undefined && message.header('Call-ID') === callId);
    for (const message of this.waitingAt(end)) end.inbox.splice(end.inbox.indexOf(message), 1);
  }

  /** Nothing of that kind has come to `end` and nothing comes for a while. */
  async nothingAt(end: RawEnd, wanted?: Wanted, ms = quietMs): Promise<void> {
    await pause(ms);
    const seen = this.waitingAt(end, wanted).map((message) => message.startLine);
    if (seen.length > 0) throw new Error(`${end.via} got what must not come: ${seen.join(' | ')}`);
  }

  /** No request of this talk has been forwarded to anybody, nor is for a while. */
  async reachedNobody(ms = quietMs): Promise<void> {
    await pause(ms);
    const isRequest = (message: Received) => message.method !== undefined;
    for (const end of this.world.reachable) {
      const seen = this.waitingAt(end, isRequest).map((message) => message.startLine);
      if (seen.length > 0) throw new Error(`forwarded to ${end.via}: ${seen.join(' | ')}`);
    }
  }

  /** ACK for a final response other than 2xx (RFC 3261 §17.1.1.3). */
  acknowledge(invite: RawMessage, final: RawMessage): void {
    this.send(
      requestText({
        method: 'ACK',
        uri: invite.requestUri ?? '',
        via: invite.headers('Via').slice(0, 1),
        from: invite.header('From') ?? '',
        to: final.header('To') ?? '',
        callId: this.callId,
      }),
    );
  }

  #isOurs(message: Received): boolean {
    return message.text.includes(this.callId);
  }
}

const isWanted = (message: Received, wanted: Wanted): boolean =>
  typeof wanted === 'function' ? wanted(message) : message.method === wanted || message.status === wanted;

/** Where an INVITE or SUBSCRIBE says that its sender can be reached. */
export const contactAt = ({ address, port, transport }: RawEnd): string =>
  `Contact: <sip:${address.includes(':') ? `[${address}]` : address}:${port};transport=${transport}>`;

/** The single values of comma-separated header fields; commas within <> or quotes do not count. */
export const values = (fields: readonly string[]): string[] =>
  fields.flatMap((field) => field.match(/(?:<[^>]*>|"(?:[^"\\]|\\.)*"|[^,<"])+/g) ?? []).map((value) => value.trim());

export const hostOf = (world: World, end: RawEnd): Host =>
  (['cisco', 'microsoft', 'second', 'denied', 'spare'] as const).find((host) => world.address(host) === end.address) ??
  'spare';
