/** What became of each request: written by the hosts as they see it, read by the invariants. */
import type { Side } from '../../src/routing/types.ts';
import type { RawMessage } from '../support/raw-message.ts';
import type { HostTransport } from './host.ts';

export type AskedMethod = 'MESSAGE' | 'INVITE' | 'SUBSCRIBE' | 'OPTIONS' | 'BENOTIFY' | 'BYE';

export interface Delivery {
  readonly hop: string;
  readonly side: Side;
  readonly transport: HostTransport;
  readonly branch: string;
  readonly atMs: number;
  readonly isWhole: boolean;
}

export interface Answer {
  readonly status: number;
  readonly atMs: number;
  /** The hop that gave it; undefined: the router. */
  readonly hop: string | undefined;
}

export interface Asked {
  readonly id: string;
  readonly method: AskedMethod;
  readonly user: string;
  readonly side: Side;
  readonly asker: string;
  readonly transport: HostTransport;
  readonly body: string;
  readonly atMs: number;
  /** Within a dialog: the hop that has the other end of it. */
  readonly dialogWith: string | undefined;
  readonly deliveries: Delivery[];
  /** Finals that a hop has sent, each once, however often it repeats them. */
  readonly given: Answer[];
  /** Finals as the asker got them, without repeats of one that was had. */
  readonly answers: Answer[];
  readonly acksAtHops: string[];
  cancelledAtMs: number | undefined;
  /** Phones that rang, by hop. */
  readonly ringing: Map<
    string,
    { readonly fromMs: number; readonly untilMs: number | undefined; readonly isCutOff: boolean }
  >;
  /** Hops that the asker has heard ring. */
  readonly heardRinging: Set<string>;
  /** Its connection ended then, before it was answered. */
  lostAtMs: number | undefined;
  /** A hop has said that it has the INVITE, and is waited for until Timer C (§16.8), be its phone one that cannot be told to stop. */
  isWithHop: boolean;
}

/** Of a call its Call-ID; what comes later in its dialog has its method besides. */
export const idOf = (message: RawMessage): string => {
  const callId = message.header('Call-ID') ?? '';
  const method = message.header('CSeq')?.split(' ')[1];
  return method === 'BYE' ? `${callId} ${method}` : callId;
};

export class Observed {
  readonly asked = new Map<string, Asked>();
  readonly strange: string[] = [];
  /** When the router began to be drained, and ended. */
  readonly drained: { readonly atMs: number; readonly isDraining: boolean }[] = [];

  add(
    asked: Omit<
      Asked,
      | 'deliveries'
      | 'given'
      | 'answers'
      | 'acksAtHops'
      | 'cancelledAtMs'
      | 'ringing'
      | 'heardRinging'
      | 'lostAtMs'
      | 'isWithHop'
    >,
  ): Asked {
    const all: Asked = {
      ...asked,
      deliveries: [],
      given: [],
      answers: [],
      acksAtHops: [],
      cancelledAtMs: undefined,
      ringing: new Map(),
      heardRinging: new Set(),
      lostAtMs: undefined,
      isWithHop: false,
    };
    this.asked.set(asked.id, all);
    return all;
  }
}
