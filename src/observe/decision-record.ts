/** One record of each request: who asked what, why it went where it went, which hops were tried, how it ended. Never a body. */

import type { Attempt } from '../proxy/proxied-request.ts';
import type { RequestReport } from '../proxy/proxy-core.ts';
import type { Decision, Reason } from '../routing/types.ts';

export type DecisionLogging = 'all' | 'refused' | 'none';

export interface DecisionRecord {
  readonly event: 'request';
  /** Call-ID and CSeq: what a trace of either side shows too. */
  readonly id: string;
  readonly method: string;
  readonly uri: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** `tcp:192.0.2.11:5060`. */
  readonly peer: string;
  readonly fromSide: string | undefined;
  readonly toSide: string | undefined;
  readonly decision: Decision['kind'] | 'invalid';
  /** Each `code: detail`, in the order in which they were found. */
  readonly because: readonly string[];
  readonly hops: readonly HopRecord[];
  /** 0: the request ended without a response. */
  readonly status: number;
  /** Why the answer is the router's own; absent when it came from a hop. */
  readonly code: string | undefined;
  readonly ms: number;
}

interface HopRecord {
  readonly hop: string;
  readonly address: string;
  readonly outcome: string;
  readonly ms: number | undefined;
}

const sideOf = (decision: Decision | undefined): string | undefined =>
  decision === undefined || decision.kind === 'ask-directory' ? undefined : decision.from;

const reasonText = ({ code, detail }: Reason): string => `${code}: ${detail}`;

const reasonsOf = ({ decision, refusal }: RequestReport): readonly string[] => {
  if (refusal !== undefined) return [`${refusal.code}: ${refusal.detail}`];
  if (decision === undefined || decision.kind === 'ask-directory') return [];
  return decision.because.map(reasonText);
};

const hopRecord = ({ hop, address, outcome, ms }: Attempt): HopRecord => ({
  hop: hop.id,
  address,
  outcome: outcome ?? 'unanswered',
  ms: ms === undefined ? undefined : Math.round(ms * 10) / 10,
});

export const decisionRecord = (report: RequestReport, nowMs: number): DecisionRecord => {
  const { request, flow, decision, ending, arrivedMs } = report;
  return {
    event: 'request',
    id: `${request.callId ?? '?'} ${request.cseqNumber ?? '?'}`,
    method: request.method,
    uri: request.requestUri,
    from: request.from?.uri,
    to: request.to?.uri,
    peer: `${flow.transport}:${flow.remoteAddress}:${flow.remotePort}`,
    fromSide: sideOf(decision),
    toSide: decision?.kind === 'forward' ? decision.plan.to : undefined,
    decision: decision?.kind ?? 'invalid',
    because: reasonsOf(report),
    hops: ending.attempts.map(hopRecord),
    status: ending.status,
    code: ending.code,
    ms: Math.round((nowMs - arrivedMs) * 10) / 10,
  };
};

/** Whether the router itself refused or failed the request: what `refused` keeps. */
export const isRefusal = ({ ending }: RequestReport): boolean => ending.code !== undefined && ending.status !== 200;

/** Whether nothing is let in from where it came. */
export const isOfStranger = ({ decision }: RequestReport): boolean =>
  (decision?.kind === 'reject' || decision?.kind === 'drop') && decision.from === undefined;
