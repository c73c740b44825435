/** A transport layer on loopback for tests, with a handler that keeps what it is told and a clock that is moved by hand. */

import { silentLog } from '../../src/log.ts';
import type { Transport } from '../../src/net/ports.ts';
import { defaultsOf } from '../../src/settings/reader.ts';
import type { Door } from '../../src/sip/transport/door.ts';
import type {
  DiscardCode,
  Flow,
  Listener,
  MessageHandler,
  ReadFailure,
  Sender,
  Target,
  TransportLayer,
  Undelivered,
} from '../../src/sip/transport/flow.ts';
import type { FlowUser } from '../../src/sip/transport/flow-users.ts';
import type { PeerRefusal } from '../../src/sip/transport/peer-refusal.ts';
import {
  defaultLimits,
  type ListenSetting,
  type TlsProfile,
  type TransportLimits,
  type TransportSettings,
  type TransportTimeouts,
  timeoutFields,
} from '../../src/sip/transport/settings.ts';
import type { TransportError } from '../../src/sip/transport/transport-error.ts';
import { createTransportLayer, type ReconfigurableTransports } from '../../src/sip/transport/transport-layer.ts';
import { respond, type SipRequest, type SipResponse } from '../../src/sip-parser/index.ts';
import { ManualClock } from './manual-clock.ts';

interface Received<Message> {
  readonly message: Message;
  readonly flow: Flow;
}

interface Discarded {
  readonly what: DiscardCode;
  readonly flow: Flow;
  readonly detail: string;
  readonly callId: string | undefined;
}

class RecordingHandler implements MessageHandler {
  readonly requests: Received<SipRequest>[] = [];
  readonly responses: Received<SipResponse>[] = [];
  readonly unfit: Received<SipResponse>[] = [];
  readonly lost: (Received<SipRequest> & { readonly loss: ReadFailure })[] = [];
  readonly discarded: Discarded[] = [];
  /** Peers that came to us. */
  readonly refused: (PeerRefusal & { readonly flow: Flow })[] = [];
  /** Whether those are told so. */
  answersLost = true;
  /** Who may not speak at all; default: everybody may. */
  refusalOf: (flow: Flow) => PeerRefusal | undefined = () => undefined;
  /** Called after a request was kept. */
  answer: (request: SipRequest, flow: Flow) => void = () => undefined;

  readonly undelivered: { readonly text: string; readonly why: Undelivered }[] = [];
  readonly #owed = new Map<Flow, number>();

  onRequest(message: SipRequest, flow: Flow): void {
    this.requests.push({ message, flow });
    if (message.method !== 'ACK' && message.method !== 'BENOTIFY') this.#owe(flow, 1);
    this.answer(message, flow);
  }

  /** As a server transaction does. */
  onSent(text: string, flow: Flow): void {
    if (!text.startsWith('SIP/2.0 1') && (this.#owed.get(flow) ?? 0) > 0) this.#owe(flow, -1);
  }

  #owe(flow: Flow, change: 1 | -1): void {
    this.#owed.set(flow, (this.#owed.get(flow) ?? 0) + change);
    flow.owe(change);
  }

  onUndelivered(text: string, _asker: Sender, why: Undelivered): void {
    this.undelivered.push({ text, why });
  }

  onResponse(message: SipResponse, flow: Flow): void {
    this.responses.push({ message, flow });
  }

  onUnfitResponse(message: SipResponse, flow: Flow): void {
    this.unfit.push({ message, flow });
  }

  onLostRequest(message: SipRequest, flow: Flow, loss: ReadFailure): string | undefined {
    this.lost.push({ message, flow, loss });
    return this.answersLost ? respond(message, loss.status, loss.code, 'lost') : undefined;
  }

  onDiscarded(what: DiscardCode, flow: Flow, detail: string, callId?: string): void {
    this.discarded.push({ what, flow, detail, callId });
  }

  onPeerRefused(refusal: PeerRefusal, flow: Flow, direction: 'in' | 'out'): void {
    if (direction === 'in') this.refused.push({ ...refusal, flow });
  }

  get discardCodes(): DiscardCode[] {
    return this.discarded.map(({ what }) => what);
  }
}

/** Keeps the errors that it is told. */
export class RecordingUser implements FlowUser {
  flowPlace = -1;
  readonly errors: TransportError[] = [];

  onTransportError(error: TransportError): void {
    this.errors.push(error);
  }
}

/** Lets everybody in. */
const openDoor: Door = { prospectOf: () => 'admitted', admits: () => true, answersStrangers: true };

export interface TransportWishes {
  /** What is not named is as of an open door. */
  readonly door?: Partial<Door>;
  /** Default: one listener per transport that is named. */
  readonly listen?: readonly (Partial<ListenSetting> & { readonly transport: Transport })[];
  readonly nodeName?: string;
  readonly tls?: readonly TlsProfile[];
  readonly limits?: Partial<TransportLimits>;
  readonly timeouts?: Partial<TransportTimeouts>;
  /** Default: 64*T1 with the T1 of the RFC. */
  readonly transactionMs?: number;
}

export interface OpenTransports {
  readonly layer: ReconfigurableTransports;
  readonly handler: RecordingHandler;
  readonly clock: ManualClock;
  readonly listener: Listener;
}

const opened: TransportLayer[] = [];

export const settingsFor = (wishes: TransportWishes): TransportSettings => ({
  nodeName: wishes.nodeName,
  listen: (wishes.listen ?? []).map((listen) => ({ address: '127.0.0.1', port: 0, ...listen })),
  tls: new Map((wishes.tls ?? []).map((profile) => [profile.name, profile])),
  limits: { ...defaultLimits, ...wishes.limits },
  timeouts: { ...defaultsOf(timeoutFields), ...wishes.timeouts },
  transactionMs: wishes.transactionMs ?? 32_000,
});

export const doorFor = ({ door }: Pick<TransportWishes, 'door'>): Door => ({ ...openDoor, ...door });

/** A layer that is not open yet. */
export function makeTransports(wishes: TransportWishes): Omit<OpenTransports, 'listener'> {
  const handler = new RecordingHandler();
  const clock = new ManualClock();
  const layer = createTransportLayer(settingsFor(wishes), doorFor(wishes), handler, clock, silentLog);
  const send = layer.sendResponse.bind(layer);
  layer.sendResponse = (text, request, flow) => {
    send(text, request, flow);
    handler.onSent(text, flow);
  };
  return { layer, handler, clock };
}

export async function openTransports(wishes: TransportWishes): Promise<OpenTransports> {
  const made = makeTransports(wishes);
  await made.layer.open();
  opened.push(made.layer);
  return { ...made, listener: made.layer.listeners[0]! };
}

/** For `afterEach`. */
export async function closeTransports(): Promise<void> {
  for (const layer of opened.splice(0)) await layer.close(0);
}

/** @throws when there is no flow to be had */
export function flowTo(layer: TransportLayer, target: Partial<Target> & Pick<Target, 'transport' | 'port'>): Flow {
  const flow = layer.flowTo({ address: '127.0.0.1', tlsName: undefined, tlsProfile: undefined, ...target });
  if ('code' in flow) throw new Error(`${flow.code}: ${flow.detail}`);
  return flow;
}
