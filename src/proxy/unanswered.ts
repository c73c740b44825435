/** Requests that nobody answers, ACK to a 2xx and BENOTIFY: sent on without a transaction (RFC 3261 §16.11, [MS-SIP] §3.5). */
import type { NextHop } from '../routing/types.ts';
import type { Flow, Target } from '../sip/transport/flow.ts';
import type { FlowUser } from '../sip/transport/flow-users.ts';
import type { TransportError } from '../sip/transport/transport-error.ts';
import { statelessBranch, type ViaMarks } from './loop.ts';
import type { Attempt, Ending, EndingCode, ForwardDecision, ProxyParts, ProxySettings } from './proxy-parts.ts';
import type { RoutedRequest } from './route-headers.ts';
import { Sending } from './sending.ts';
import type { HopTarget, Unresolved } from './targets.ts';

/** What is to be sent on. */
export interface Unanswered {
  readonly routed: RoutedRequest;
  readonly marks: ViaMarks;
  readonly decision: ForwardDecision;
  /** By which it came. */
  readonly asker: Flow;
  /** Asked before it has to wait: whether there is room for it until then. */
  readonly mayWait: () => boolean;
  readonly ended: (ending: Ending) => void;
}

/** A connection that could not be made lets the next hop try; once it is open, the message is out of our hands. */
const neverOpened = (error: TransportError): boolean => error.code !== 'closed' && error.code !== 'write-queue-full';

export class UnansweredRequest extends Sending {
  protected readonly asker: Flow;
  readonly #unanswered: Unanswered;
  readonly #attempts: Attempt[] = [];

  constructor(unanswered: Unanswered, parts: ProxyParts, settings: ProxySettings) {
    super(unanswered.routed, unanswered.decision, parts, settings);
    this.asker = unanswered.asker;
    this.#unanswered = unanswered;
  }

  begin(): void {
    this.sendToNext();
  }

  protected sendToNext(): void {
    const next = this.targets.next();
    if (!(next instanceof Promise)) return this.sendTo(next);
    if (!this.#unanswered.mayWait()) return this.#end('memory-limit');
    void next.then((late) => this.sendTo(late));
  }

  protected nextBranch(): string {
    return statelessBranch(this.#unanswered.marks, this.routed.request);
  }

  protected onExhausted(): void {
    this.#end('hops-unreachable');
  }

  protected onUnresolved({ hop, error }: Unresolved): void {
    this.#note(hop, undefined, error.code);
  }

  protected onNoFlow({ hop, target }: HopTarget, error: TransportError): void {
    this.#noteFailure(hop, target, error);
    this.sendToNext();
  }

  protected send(next: HopTarget, flow: Flow, text: string): void {
    const { hop, target } = next;
    if (text.length > flow.maxOctets) {
      this.#note(hop, target, 'send-failed');
      return this.sendToNext();
    }
    if (flow.state === 'connecting') {
      if (!this.#unanswered.mayWait()) return this.#end('memory-limit');
      this.#watch(next, flow);
      return flow.send(text);
    }
    flow.send(text);
    this.#sent(next);
  }

  /** Ends once: when it cannot connect, or is found open. From then on the end of the connection says nothing of this message. */
  #watch(next: HopTarget, flow: Flow): void {
    const { clock } = this.parts;
    const { connectMs } = this.settings;
    const user: FlowUser = {
      flowPlace: -1,
      onTransportError: (error) => {
        timer.cancel();
        this.#noteFailure(next.hop, next.target, error);
        if (neverOpened(error)) this.sendToNext();
        else this.#end(error.code);
      },
    };
    const look = (): void => {
      if (flow.state === 'connecting') {
        timer = clock.after(connectMs, look);
        return;
      }
      flow.users.delete(user);
      this.#sent(next);
    };
    let timer = clock.after(connectMs, look);
    flow.users.add(user);
  }

  #sent({ hop, target }: HopTarget): void {
    this.#note(hop, target, 'sent');
    this.#end(undefined);
  }

  #noteFailure(hop: NextHop, target: Target, error: TransportError): void {
    this.#note(hop, target, error.code);
    this.parts.hopKnowledge.onAttempt(target, error);
  }

  #note(hop: NextHop, target: Target | undefined, outcome: string): void {
    this.#attempts.push({ hop, target, startedMs: this.parts.clock.now(), outcome, ms: 0 });
  }

  #end(code: EndingCode | undefined): void {
    this.#unanswered.ended({ status: 0, code, attempts: this.#attempts });
  }
}
