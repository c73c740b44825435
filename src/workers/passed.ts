/** From worker to worker: plain values. */
import type { Proof } from '../engine/hop-places.ts';
import type { Flow, Sender } from '../sip/transport/flow.ts';

/** What of a flow is told to another worker: plain values. */
export type LentFlowView = Pick<
  Flow,
  | 'transport'
  | 'isReliable'
  | 'localAddress'
  | 'localPort'
  | 'remoteAddress'
  | 'remotePort'
  | 'listener'
  | 'verifiedNames'
  | 'maxOctets'
>;

export type Passed =
  | { readonly kind: 'response'; readonly text: string; readonly from: Sender }
  | { readonly kind: 'proof'; readonly proof: Proof }
  | { readonly kind: 'request'; readonly text: string; readonly from: LentFlowView; readonly loan: number }
  /** To a request that was passed. */
  | { readonly kind: 'answer'; readonly loan: number; readonly text: string }
  /** Nothing more is owed to it. */
  | { readonly kind: 'settled'; readonly loan: number };
