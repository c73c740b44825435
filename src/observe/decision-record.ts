/** One record of each request: sender, reasons, the hops that were tried, and the end. Never a body. */

import type { Attempt, Ending, RequestReport } from '../proxy/proxy-parts.ts';
import type { Reason, ReasonCode } from '../routing/reasons.ts';
import type { Decision, Side } from '../routing/types.ts';
import type { Flow, Target } from '../sip/transport/flow.ts';

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
  readonly fromSide: Side | undefined;
  readonly toSide: Side | undefined;
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

/** Few long pieces, as each piece of a record costs as much as forty characters. */
const membersOf = (values: object): string => JSON.stringify(values).slice(1, -1);

/** Joined now: `+` would keep a rope of all parts, to be flattened at each use. */
const piece = (...parts: readonly string[]): string => parts.join('');

const requestText = ({
  callId = '?',
  cseqNumber,
  method,
  requestUri: uri,
  from,
  to,
}: RequestReport['request']): string =>
  membersOf({ event: 'request', id: `${callId} ${cseqNumber ?? '?'}`, method, uri, from: from?.uri, to: to?.uri });

const peerTexts = new WeakMap<Flow, string>();

const peerText = (flow: Flow): string => {
  const kept = peerTexts.get(flow);
  if (kept !== undefined) return kept;
  const text = piece(',', membersOf({ peer: `${flow.transport}:${flow.remoteAddress}:${flow.remotePort}` }), ',');
  peerTexts.set(flow, text);
  return text;
};

const decisionMembers = (
  fromSide: Side | undefined,
  toSide: Side | undefined,
  decision: DecisionRecord['decision'],
): string => piece(membersOf({ fromSide, toSide, decision }), ',"because":[');

const forwarded = (fromSide: Side, toSide: Side): string => decisionMembers(fromSide, toSide, 'forward');

const forwardTexts: Readonly<Record<Side, Readonly<Record<Side, string>>>> = {
  cisco: { cisco: forwarded('cisco', 'cisco'), microsoft: forwarded('cisco', 'microsoft') },
  microsoft: { cisco: forwarded('microsoft', 'cisco'), microsoft: forwarded('microsoft', 'microsoft') },
};

const decisionText = (decision: Decision | undefined): string => {
  if (decision?.kind === 'forward') return forwardTexts[decision.from][decision.plan.to];
  const fromSide = decision === undefined || decision.kind === 'ask-directory' ? undefined : decision.from;
  return decisionMembers(fromSide, undefined, decision?.kind ?? 'invalid');
};

/** Reasons that come from the configuration: many requests share the same objects, so that their text can be kept. */
const standing: ReadonlySet<ReasonCode> = new Set([
  'access-allowed',
  'basic-other-side',
  'directory-home',
  'route-matched',
]);
const reasonTexts = new WeakMap<Reason, string>();

const reasonText = (reason: Reason): string => {
  const kept = reasonTexts.get(reason);
  if (kept !== undefined) return kept;
  const text = JSON.stringify(`${reason.code}: ${reason.detail}`);
  if (standing.has(reason.code)) reasonTexts.set(reason, text);
  return text;
};

const reasonsText = ({ decision, refusal }: RequestReport): string => {
  if (refusal !== undefined) return JSON.stringify(`${refusal.code}: ${refusal.detail}`);
  if (decision === undefined || decision.kind === 'ask-directory') return '';
  return joined(decision.because, reasonText);
};

const placeTexts = new WeakMap<Target, string>();

const placeMembers = (hop: string, address: string): string => piece('{', membersOf({ hop, address }), ',"outcome":"');

const placeText = ({ hop, target }: Attempt): string => {
  if (target === undefined) return placeMembers(hop.id, hop.host);
  const kept = placeTexts.get(target);
  if (kept !== undefined) return kept;
  const text = placeMembers(hop.id, `${target.transport}:${target.address}:${target.port}`);
  placeTexts.set(target, text);
  return text;
};

const hopText = (attempt: Attempt): string => {
  const { outcome = 'unanswered', ms } = attempt;
  return ms === undefined
    ? `${placeText(attempt)}${outcome}"}`
    : `${placeText(attempt)}${outcome}","ms":${tenths(ms)}}`;
};

const joined = <Item>(items: readonly Item[], text: (item: Item) => string): string => {
  let all = '';
  for (const item of items) all = all === '' ? text(item) : `${all},${text(item)}`;
  return all;
};

/** To a tenth, computed with whole numbers: fractions are slow to print. */
const tenths = (ms: number): string => {
  const count = Math.round(ms * 10);
  const rest = count % 10;
  return rest === 0 ? String(count / 10) : `${(count - rest) / 10}.${rest}`;
};

const endingText = ({ status, code }: Ending): string =>
  code === undefined ? String(status) : `${status},${membersOf({ code })}`;

/**
 * The members of a `DecisionRecord` as JSON. `JSON.stringify` of the whole took three times as long, a tenth of the time of a
 * MESSAGE.
 */
export const recordText = (report: RequestReport, nowMs: number): string => {
  const { request, flow, decision, ending, arrivedMs } = report;
  return `${requestText(request)}${peerText(flow)}${decisionText(decision)}${reasonsText(report)}],"hops":[${joined(ending.attempts, hopText)}],"status":${endingText(ending)},"ms":${tenths(nowMs - arrivedMs)}`;
};

/** Whether the router itself refused or failed the request: what `refused` keeps. */
export const isRefused = ({ ending }: RequestReport): boolean => ending.code !== undefined && ending.status !== 200;

/** Whether it came from a peer that no rule lets in. */
export const isOfStranger = ({ decision }: RequestReport): boolean =>
  (decision?.kind === 'reject' || decision?.kind === 'drop') && decision.from === undefined;
