/** The line of a decision record: JSON with the same members whatever peers put into their messages. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DecisionRecord, recordText } from '../../../src/observe/decision-record.ts';
import type { Ending, RequestReport } from '../../../src/proxy/proxy-parts.ts';
import type { Reason } from '../../../src/routing/reasons.ts';
import type { NextHop } from '../../../src/routing/types.ts';
import type { Flow, Target } from '../../../src/sip/transport/flow.ts';
import { parseMessage, type SipRequest } from '../../../src/sip-parser/index.ts';

const hop: NextHop = {
  id: 'microsoft fe1.example.com:5060/tcp',
  transport: 'tcp',
  host: 'fe1.example.com',
  port: 5060,
  tlsName: undefined,
  tlsProfile: undefined,
};
const target: Target = {
  transport: 'tcp',
  address: '192.0.2.21',
  port: 5060,
  tlsName: undefined,
  tlsProfile: undefined,
};
const flow = { transport: 'tcp', remoteAddress: '192.0.2.11', remotePort: 40_000 } as Flow;
const allowed: Reason = { code: 'access-allowed', detail: 'access[0] 192.0.2.11 is cisco' };
const matched: Reason = { code: 'route-matched', detail: 'example.com: routes[0]' };

const message = (fields: Partial<Record<'uri' | 'from' | 'to' | 'callId', string>> = {}): SipRequest => {
  const { uri = 'sip:bob@example.com', from = 'sip:alice@example.com', to = uri, callId = 'a84b4c76e66710' } = fields;
  const text = `MESSAGE ${uri} SIP/2.0\r\nFrom: <${from}>;tag=1\r\nTo: <${to}>\r\nCall-ID: ${callId}\r\nCSeq: 7 MESSAGE\r\n\r\n`;
  return parseMessage(text) as SipRequest;
};

const report = (changes: Partial<RequestReport> = {}): RequestReport => ({
  request: message(),
  flow,
  decision: { kind: 'forward', from: 'cisco', plan: { to: 'microsoft', hops: [hop] }, because: [allowed, matched] },
  refusal: undefined,
  ending: { status: 200, code: undefined, attempts: [{ hop, target, startedMs: 100, outcome: '200', ms: 1.26 }] },
  arrivedMs: 100,
  ...changes,
});

const recorded = (changes: Partial<RequestReport> = {}, nowMs = 102.04): DecisionRecord =>
  JSON.parse(`{${recordText(report(changes), nowMs)}}`);

const usual = {
  event: 'request',
  id: 'a84b4c76e66710 7',
  method: 'MESSAGE',
  uri: 'sip:bob@example.com',
  from: 'sip:alice@example.com',
  to: 'sip:bob@example.com',
  peer: 'tcp:192.0.2.11:40000',
  fromSide: 'cisco',
  toSide: 'microsoft',
  decision: 'forward',
  because: ['access-allowed: access[0] 192.0.2.11 is cisco', 'route-matched: example.com: routes[0]'],
  hops: [{ hop: hop.id, address: 'tcp:192.0.2.21:5060', outcome: '200', ms: 1.3 }],
  status: 200,
  ms: 2,
};

describe('a decision record', () => {
  test('of a request that was sent on tells who asked, where it went and how that ended', () => {
    expect(recorded()).toEqual(usual);
    expect(recorded()).toEqual(usual);
  });

  test('tells each peer, side, target and reason as it is, whatever was told before', () => {
    recorded();
    const otherFlow = { transport: 'tls', remoteAddress: '192.0.2.21', remotePort: 5061 } as Flow;
    const otherTarget: Target = { ...target, transport: 'udp', address: '2001:db8::11' };
    const followed: Reason = {
      code: 'route-followed',
      detail: 'sip:bob@192.0.2.11 leads to cisco 192.0.2.11:5060/tcp',
    };
    const decision = {
      kind: 'forward',
      from: 'microsoft',
      plan: { to: 'cisco', hops: [hop] },
      because: [{ ...allowed, detail: 'access[1]' }, followed],
    } as const;
    const attempts = [{ hop, target: otherTarget, startedMs: 100, outcome: undefined, ms: undefined }];
    const ending: Ending = { status: 503, code: 'hops-unreachable', attempts };
    expect(recorded({ flow: otherFlow, decision, ending })).toEqual({
      ...usual,
      peer: 'tls:192.0.2.21:5061',
      fromSide: 'microsoft',
      toSide: 'cisco',
      because: ['access-allowed: access[1]', `route-followed: ${followed.detail}`],
      hops: [{ hop: hop.id, address: 'udp:2001:db8::11:5060', outcome: 'unanswered' }],
      status: 503,
      code: 'hops-unreachable',
    });
  });

  test('tells all hops that were tried, and of one without address its name', () => {
    const attempts = [
      { hop, target: undefined, startedMs: 0, outcome: 'unresolved', ms: 0 },
      { hop, target, startedMs: 100, outcome: 'timeout', ms: 2_000.04 },
    ];
    expect(recorded({ ending: { status: 408, code: 'hops-silent', attempts } })).toMatchObject({
      hops: [
        { hop: hop.id, address: 'fe1.example.com', outcome: 'unresolved', ms: 0 },
        { hop: hop.id, address: 'tcp:192.0.2.21:5060', outcome: 'timeout', ms: 2_000 },
      ],
    });
  });

  test('of a refused one has no hops, and the sides that are known', () => {
    const ending: Ending = { status: 403, code: 'access-denied', attempts: [] };
    const because: Reason[] = [{ code: 'access-denied', detail: 'no access rule matches' }];
    const { fromSide: _, toSide: __, ...rest } = usual;
    const refused = {
      ...rest,
      because: ['access-denied: no access rule matches'],
      hops: [],
      status: 403,
      code: 'access-denied',
    };
    const stranger = { kind: 'reject', status: 403, from: undefined, because } as const;
    expect(recorded({ decision: stranger, ending })).toEqual({ ...refused, decision: 'reject' });
    expect(recorded({ decision: { ...stranger, from: 'cisco' }, ending })).toEqual({
      ...refused,
      fromSide: 'cisco',
      decision: 'reject',
    });
  });

  test('of one that is no valid request tells what is wrong, and nothing that it lacks', () => {
    const request = parseMessage('MESSAGE sip:bob@example.com SIP/2.0\r\n\r\n') as SipRequest;
    const refusal = {
      status: 400,
      phrase: 'Bad Request',
      code: 'syntax',
      detail: 'Via: missing "or" malformed',
    } as const;
    const ending: Ending = { status: 400, code: 'syntax', attempts: [] };
    expect(recorded({ request, decision: undefined, refusal, ending })).toEqual({
      event: 'request',
      id: '? ?',
      method: 'MESSAGE',
      uri: 'sip:bob@example.com',
      peer: usual.peer,
      decision: 'invalid',
      because: ['syntax: Via: missing "or" malformed'],
      hops: [],
      status: 400,
      code: 'syntax',
      ms: 2,
    });
  });

  test('is JSON on one line that gives back every value, whatever characters it has', () => {
    const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });
    fc.assert(
      fc.property(latin1, latin1, fc.string({ unit: 'binary' }), (method, callId, detail) => {
        const request = { callId, cseqNumber: 1, method, requestUri: callId, from: { uri: method }, to: undefined };
        const decision = { kind: 'drop', from: undefined, because: [{ code: 'access-denied', detail }] } as const;
        const text = recordText(report({ request: request as unknown as SipRequest, decision }), 102);
        expect(text).not.toContain('\n');
        expect(JSON.parse(`{${text}}`)).toMatchObject({
          id: `${callId} 1`,
          method,
          uri: callId,
          from: method,
          because: [`access-denied: ${detail}`],
        });
      }),
    );
  });

  test.each([
    [0, 0],
    [0.04, 0],
    [0.05, 0.1],
    [0.96, 1],
    [9.949, 9.9],
    [12_345.67, 12_345.7],
  ])('rounds %d ms to %d', (ms, told) => {
    expect(recorded({ arrivedMs: 0 }, ms)).toMatchObject({ ms: told });
  });
});
