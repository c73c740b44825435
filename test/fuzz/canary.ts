/** A quiet conversation through a router under fuzz: a MESSAGE every few milliseconds, by UDP and TCP in turn, none of which may fail. */

import { requestText } from '../support/raw-message.ts';
import { openEnd, type RawEnd } from '../support/raw-sip.ts';
import { type Places, plainTransports, port, strictDomain } from './places.ts';

export interface CanaryReport {
  readonly sent: number;
  /** Each that was not answered with 200 in time, and why. */
  readonly failures: readonly string[];
  /** Milliseconds from the first sending to the 200. */
  readonly idle: readonly number[];
  readonly load: readonly number[];
}

const everyMs = 4;
/** Timer F would be 32 s; nobody waits so long for a router that is well. */
const patienceMs = 5_000;
/** Timer E: a datagram may be lost when buffers are full. */
const repeatMs = 500;

interface Asked {
  readonly sentMs: number;
  readonly text: string;
  readonly end: RawEnd;
  repeatAtMs: number;
}

export class Canary {
  phase: 'idle' | 'load' | 'warm-up' = 'warm-up';
  readonly #at: Places;
  readonly #asked = new Map<string, Asked>();
  readonly #failures: string[] = [];
  readonly #times: Record<'idle' | 'load' | 'warm-up', number[]> = { idle: [], load: [], 'warm-up': [] };
  #sent = 0;

  constructor(at: Places) {
    this.#at = at;
  }

  get report(): CanaryReport {
    return { sent: this.#sent, failures: this.#failures, idle: this.#times.idle, load: this.#times.load };
  }

  async begin(): Promise<void> {
    const { router, canary } = this.#at;
    const ends = await Promise.all(
      plainTransports.map((transport) => openEnd({ transport, address: canary, to: { address: router, port } })),
    );
    for (const end of ends) {
      end.respond((answer) => {
        this.#onAnswer(answer.header('Call-ID') ?? '', answer.startLine);
        end.inbox.length = 0;
        return undefined;
      });
    }
    setInterval(() => this.#tick(ends[this.#sent % ends.length]!), everyMs);
  }

  #tick(end: RawEnd): void {
    const now = performance.now();
    for (const [callId, asked] of this.#asked) this.#look(callId, asked, now);
    this.#sent += 1;
    const callId = `canary-${this.#sent}`;
    const transport = plainTransports[this.#sent % 2]!;
    const text = requestText({
      method: 'MESSAGE',
      uri: `sip:canary@${strictDomain(transport)}`,
      via: [`${end.via};branch=z9hG4bK${callId};rport`],
      callId,
      body: 'tweet',
    });
    this.#asked.set(callId, { sentMs: now, text, end, repeatAtMs: now + repeatMs });
    end.send(text);
  }

  #look(callId: string, asked: Asked, now: number): void {
    if (now - asked.sentMs > patienceMs) this.#end(callId, `${callId} by ${asked.end.transport}: no answer`);
    else if (now > asked.repeatAtMs && asked.end.transport === 'udp') {
      asked.repeatAtMs = now + repeatMs;
      asked.end.send(asked.text);
    }
  }

  #end(callId: string, failure: string): void {
    this.#asked.delete(callId);
    this.#failures.push(failure);
  }

  #onAnswer(callId: string, startLine: string): void {
    const asked = this.#asked.get(callId);
    if (asked === undefined || startLine.startsWith('SIP/2.0 1')) return;
    if (!startLine.startsWith('SIP/2.0 200 ')) return this.#end(callId, `${callId}: ${startLine}`);
    this.#asked.delete(callId);
    this.#times[this.phase].push(performance.now() - asked.sentMs);
  }
}
