/** The receiving half of a stream connection: cuts octets into messages, and judges what cannot be one (RFC 3261 §18.3). */

import type { Clock, Timer } from '../../clock.ts';
import { type Frame, parseMessage, type SipRequest, type SipResponse, StreamFramer } from '../../sip-parser/index.ts';
import { handUpResponse } from './fit-response.ts';
import type { DiscardCode, Flow, MessageHandler, ReadFailure } from './flow.ts';
import type { TransportLimits, TransportTimeouts } from './settings.ts';
import { strangeSpeech } from './strange-speech.ts';
import { sentByPort } from './via.ts';

/** What the reader asks of its connection. */
export interface ReadConnection extends Flow {
  /** The peer opened it. */
  readonly isAccepted: boolean;
  /** RFC 5923: the peer wants to be reached by it for requests to `port` of its address. */
  onAlias(port: number): void;
  /** Nothing more can be read: close it when the answers that are owed have left. */
  giveUp(code: DiscardCode, detail: string, callId?: string): void;
  /** Answers are owed by it. */
  readonly owesAnswers: boolean;
  /** Reads nothing until `readOn`, and lets the peer wait. */
  pauseReading(): void;
  readOn(): void;
}

/** How often, and for how long, a peer that is owed answers is looked at again for whose next message there is no room. */
const roomLookMs = 50;
const roomPatienceMs = 1_000;

export interface ReaderParts {
  readonly limits: TransportLimits;
  readonly timeouts: TransportTimeouts;
  readonly handler: MessageHandler;
  readonly clock: Clock;
}

export class StreamReader {
  readonly #connection: ReadConnection;
  readonly #parts: ReaderParts;
  readonly #framer: StreamFramer;
  /** Tells the message timer whether the unfinished message is still the same. */
  #received = 0;
  #hasAlias = false;
  /** Octets of a message that is not whole yet, as the peer's account has been told. */
  #held = 0;
  #messageTimer: Timer | undefined;
  #roomTimer: Timer | undefined;

  constructor(connection: ReadConnection, parts: ReaderParts) {
    this.#connection = connection;
    this.#parts = parts;
    this.#framer = new StreamFramer(parts.limits);
  }

  get isMidMessage(): boolean {
    return this.#framer.isMidMessage;
  }

  /** Of the message that has begun and is not whole, as far as it can be read. */
  get unfinishedCallId(): string | undefined {
    return parseMessage(this.#framer.begun)?.callId;
  }

  /** @param text what one read gave, latin1 */
  read(text: string): void {
    this.#framer.push(text);
    for (let frame = this.#framer.next(); frame !== undefined; frame = this.#framer.next()) {
      this.#onFrame(frame);
      if (this.#connection.state === 'closed') return;
    }
    if (this.#framer.isMidMessage) this.#watchMessage();
    this.#hold(this.#framer.heldOctets);
  }

  /** Nothing is read any more. */
  stop(): void {
    this.#messageTimer?.cancel();
    this.#roomTimer?.cancel();
    this.#framer.discard();
    this.#connection.account.release(this.#held);
    this.#held = 0;
  }

  #hold(octets: number): void {
    const more = octets - this.#held;
    if (more === 0) return;
    const { account, owesAnswers } = this.#connection;
    if (more > 0 && !account.hasRoomFor(more)) return this.#awaitRoom(octets, owesAnswers ? roomPatienceMs : 0);
    account.take(more);
    this.#held = octets;
  }

  /** What the peer has sent may be on its way out to a hop, and counted twice for a moment: answers are not lost for that. */
  #awaitRoom(octets: number, patienceMs: number): void {
    if (patienceMs === 0 && !this.#connection.account.admits(octets - this.#held)) {
      const detail = `an unfinished message of ${octets} octets, with all else that is held for this peer, is above its share`;
      return this.#connection.giveUp('memory-limit', detail, this.unfinishedCallId);
    }
    this.#connection.pauseReading();
    this.#roomTimer?.cancel();
    this.#roomTimer = this.#parts.clock.after(roomLookMs, () => {
      const { account } = this.#connection;
      if (!account.hasRoomFor(octets - this.#held))
        return this.#awaitRoom(octets, Math.max(0, patienceMs - roomLookMs));
      account.take(octets - this.#held);
      this.#held = octets;
      this.#connection.readOn();
    });
  }

  #onFrame(frame: Frame): void {
    if (frame.kind === 'message') this.#onMessage(frame.message);
    // RFC 5626 §3.5.1: a double CRLF is answered by a single one.
    else if (frame.kind === 'keep-alive') this.#connection.send('\r\n');
    else this.#onFramingLost(frame);
  }

  #onMessage(message: SipRequest | SipResponse): void {
    this.#received += 1;
    if (message.kind === 'request') this.#onRequest(message);
    else handUpResponse(message, this.#connection, this.#parts.handler);
  }

  #onRequest(request: SipRequest): void {
    // RFC 5923 §5: only the side that opened the connection can say where else it wants to be reached by it.
    if (this.#connection.isAccepted && !this.#hasAlias) this.#readAlias(request);
    this.#parts.handler.onRequest(request, this.#connection);
  }

  #readAlias(request: SipRequest): void {
    const via = request.topVia;
    if (via?.hasAlias !== true) return;
    this.#hasAlias = true;
    this.#connection.onAlias(sentByPort(via, this.#connection.transport));
  }

  /** Where the next message begins is unknown, so the connection is of no more use. */
  #onFramingLost({ code, status, detail, text }: Extract<Frame, { kind: 'lost' }>): void {
    if (code === 'not-sip') return this.#connection.giveUp(code, strangeSpeech(text, this.#connection) ?? detail);
    const message = parseMessage(text);
    if (message?.kind === 'request') this.#refuse(message, { code, status, detail });
    this.#connection.giveUp(code, detail, message?.callId);
  }

  #refuse(request: SipRequest, loss: ReadFailure): void {
    const answer = this.#parts.handler.onLostRequest(request, this.#connection, loss);
    if (answer !== undefined) this.#connection.send(answer);
  }

  /** Armed once for many messages: a busy stream is nearly always inside one, and must not pay a timer per read. */
  #watchMessage(): void {
    if (this.#messageTimer !== undefined) return;
    const received = this.#received;
    this.#messageTimer = this.#parts.clock.after(this.#parts.timeouts.messageMs, () => {
      this.#messageTimer = undefined;
      this.#onMessageTime(received);
    });
  }

  #onMessageTime(received: number): void {
    if (!this.#framer.isMidMessage) return;
    if (this.#received !== received) this.#watchMessage();
    else this.#connection.giveUp('incomplete-message', 'a message was not finished in time', this.unfinishedCallId);
  }
}
