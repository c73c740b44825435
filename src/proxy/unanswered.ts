/** Requests that nobody answers, ACK to a 2xx and BENOTIFY: sent on without a transaction (RFC 3261 §16.11, [MS-SIP] §3.5). */
import type { Decision, NextHop } from '../routing/types.ts';
import type { Flow, Target } from '../sip/transport/flow.ts';
import type { FlowUser } from '../sip/transport/flow-users.ts';
import type { TransportError } from '../sip/transport/transport-error.ts';
import type { Attempt } from './branch-try.ts';
import { forward } from './forward.ts';
import { statelessBranch, type ViaMarks } from './loop.ts';
import type { Ending, ProxyRim, ProxySettings } from './proxied-request.ts';
import type { RoutedRequest } from './route-headers.ts';
import { type HopTarget, Targets, type Unresolved } from './targets.ts';

/** What is to be sent on, and by which settings. */
export interface Unanswered {
  readonly settings: Pick<ProxySettings, 'connectMs' | 'maxBreadth' | 'signing' | 'udpRequestBytes'>;
  readonly routed: RoutedRequest;
  readonly marks: ViaMarks;
  /** Asked before it has to wait: whether there is room for it until then. */
  readonly mayWait: () => boolean;
}

/** A connection that could not be made lets the next hop try; once it is open, the message is out of our hands. */
const neverOpened = (error: TransportError): boolean => error.code !== 'closed' && error.code !== 'write-queue-full';

export const sendUnanswered = (
  { settings, routed, marks, mayWait }: Unanswered,
  from: Flow,
  decision: Decision & { readonly kind: 'forward' },
  world: ProxyRim,
  ended: (ending: Ending) => void,
): void => {
  const { callId = '' } = routed.request;
  const targets = new Targets(decision.plan.hops, world.resolve, world.hopKnowledge, callId);
  const attempts: Attempt[] = [];
  const end = (code: string | undefined) => ended({ status: 0, code, attempts });
  const note = (hop: NextHop, target: Target | undefined, outcome: string) =>
    attempts.push({ hop, target, startedMs: world.clock.now(), outcome, ms: 0 });

  const tryNext = (): void => {
    const next = targets.next();
    if (!(next instanceof Promise)) return send(next);
    if (!mayWait()) return end('memory-limit');
    void next.then(send);
  };

  const send = (next: HopTarget | Unresolved | undefined): void => {
    if (next === undefined) return end('hops-unreachable');
    if ('error' in next) {
      note(next.hop, undefined, next.error.code);
      return tryNext();
    }
    const { hop, target } = next;
    const flow = world.flowTo(target);
    if ('code' in flow) {
      note(hop, target, flow.code);
      world.hopKnowledge.onAttempt(target, flow);
      return tryNext();
    }
    const branch = statelessBranch(marks, routed.request);
    const { maxBreadth, signing, udpRequestBytes } = settings;
    const sides = { from: decision.from, to: decision.plan.to };
    const text = forward({ routed, sides, signing, from, egress: flow.listener, branch, maxBreadth });
    if (flow.transport === 'udp' && text.length > udpRequestBytes && !next.isLastResort) {
      targets.preferTcp(next);
      return tryNext();
    }
    if (text.length > flow.maxOctets) {
      note(hop, target, 'send-failed');
      return tryNext();
    }
    if (flow.state === 'connecting') return mayWait() ? watch(next, flow, text) : end('memory-limit');
    flow.send(text);
    note(hop, target, 'sent');
    end(undefined);
  };

  /** Told once: by the failure to connect, or when the connection is found open. From then on its end says nothing of this message. */
  const watch = ({ hop, target }: HopTarget, flow: Flow, text: string): void => {
    const user: FlowUser = {
      flowPlace: -1,
      onTransportError(error) {
        timer.cancel();
        note(hop, target, error.code);
        world.hopKnowledge.onAttempt(target, error);
        if (neverOpened(error)) tryNext();
        else end(error.code);
      },
    };
    const look = (): void => {
      if (flow.state === 'connecting') {
        timer = world.clock.after(settings.connectMs, look);
        return;
      }
      flow.users.delete(user);
      note(hop, target, 'sent');
      end(undefined);
    };
    let timer = world.clock.after(settings.connectMs, look);
    flow.users.add(user);
    flow.send(text);
  };

  tryNext();
};
