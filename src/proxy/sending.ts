/** The way of a request to its targets: which one comes next, the flow to it, and the text that leaves by that flow. */
import type { Flow } from '../sip/transport/flow.ts';
import type { TransportError } from '../sip/transport/transport-error.ts';
import { forward } from './forward.ts';
import type { ForwardDecision, ProxyParts, ProxySettings } from './proxy-parts.ts';
import type { RoutedRequest } from './route-headers.ts';
import { type HopTarget, Targets, type Unresolved } from './targets.ts';

export abstract class Sending {
  readonly routed: RoutedRequest;
  readonly decision: ForwardDecision;
  readonly parts: ProxyParts;
  readonly settings: ProxySettings;
  readonly targets: Targets;

  constructor(routed: RoutedRequest, decision: ForwardDecision, parts: ProxyParts, settings: ProxySettings) {
    this.routed = routed;
    this.decision = decision;
    this.parts = parts;
    this.settings = settings;
    this.targets = new Targets(decision.plan.hops, parts.resolve, parts.hopKnowledge, routed.request.callId ?? '');
  }

  /** By which the request came. */
  protected abstract get asker(): Flow;

  /** Gives the next target to `sendTo`, at once or when its name has been resolved. */
  protected abstract sendToNext(): void;

  protected abstract nextBranch(): string;

  /** There is nobody left to send to. */
  protected abstract onExhausted(): void;

  /** A hop has no address; the next target follows. */
  protected abstract onUnresolved(hop: Unresolved): void;

  /** Nothing can be sent to the target. */
  protected abstract onNoFlow(next: HopTarget, error: TransportError): void;

  /** @param text the whole request; `branch` stands in its top Via */
  protected abstract send(next: HopTarget, flow: Flow, text: string, branch: string): void;

  protected sendTo(next: HopTarget | Unresolved | undefined): void {
    if (next === undefined) return this.onExhausted();
    if ('error' in next) {
      this.onUnresolved(next);
      return this.sendToNext();
    }
    const flow = this.parts.transport.flowTo(next.target);
    if ('code' in flow) return this.onNoFlow(next, flow);
    const { routed, decision, asker } = this;
    const { maxBreadth, signing, udpRequestBytes } = this.settings;
    const sides = { from: decision.from, to: decision.plan.to };
    const branch = this.nextBranch();
    const text = forward({ routed, sides, signing, from: asker, egress: flow.listener, branch, maxBreadth });
    if (flow.transport === 'udp' && text.length > udpRequestBytes && !next.isLastResort) {
      this.targets.preferTcp(next);
      return this.sendToNext();
    }
    this.send(next, flow, text, branch);
  }
}
