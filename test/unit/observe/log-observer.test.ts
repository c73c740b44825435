/** What others can make happen as often as they like: told some times, then counted. */
import { expect, test } from 'vitest';
import { createLog } from '../../../src/observe/log.ts';
import { createLogObserver } from '../../../src/observe/log-observer.ts';
import type { Flow } from '../../../src/sip/transport/flow.ts';
import { parseMessage, type SipRequest, type SipResponse } from '../../../src/sip-parser/index.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { RawMessage, requestText, responseText } from '../../support/raw-message.ts';

const peer = {
  transport: 'tls',
  remoteAddress: '192.0.2.1',
  remotePort: 40_000,
  verifiedNames: [],
  listener: { sentBy: 'router.example.com:5061' },
} as unknown as Flow;
const refusal = {
  code: 'tls-name-mismatch',
  shown: 'other.example.com',
  detail: 'another name',
  hint: 'look',
} as const;
const request = new RawMessage(requestText({ method: 'MESSAGE', uri: 'sip:bob@example.com', via: ['SIP/2.0/TLS x'] }));
const response = parseMessage(responseText(request, 200)) as SipResponse;

const setUp = (decisions: 'all' | 'none' = 'none') => {
  const records: string[] = [];
  const lines: Record<string, unknown>[] = [];
  const log = createLog('info', { write: (line) => void lines.push(JSON.parse(line)) });
  const clock = new ManualClock();
  const observer = createLogObserver(
    log,
    (members) => void records.push(members),
    clock,
    () => decisions,
  );
  return { observer, clock, lines, records, told: (event: string) => lines.filter((line) => line.event === event) };
};

test('peers that are refused, by each code and direction', () => {
  const { observer, clock, told } = setUp();
  for (let i = 0; i < 25; i++) observer.onPeerRefused(refusal, peer, 'in');
  observer.onPeerRefused(refusal, peer, 'out');
  expect(told('peer-refused')).toHaveLength(21);
  expect(told('peer-refused').at(-1)).toMatchObject({ level: 'warn', direction: 'out', names: 'other.example.com' });
  clock.advance(10_000);
  expect(told('repeated')).toMatchObject([{ what: 'peer-refused: tls-name-mismatch (in)', times: 5 }]);
  observer.onPeerRefused(refusal, peer, 'in');
  expect(told('peer-refused')).toHaveLength(22);
});

test('responses that know a branch of ours and do not fit', () => {
  const { observer, clock, told } = setUp();
  for (let i = 0; i < 25; i++) observer.onStrayResponse(response, peer, 'other-method');
  expect(told('stray-response')).toHaveLength(20);
  clock.advance(10_000);
  expect(told('repeated')).toMatchObject([{ what: 'stray-response: other-method', times: 5 }]);
});

test('requests that are refused because of what is held for their peer already', () => {
  const { observer, clock, records, told } = setUp('all');
  const refused = parseMessage(request.text) as SipRequest;
  const code = 'memory-limit' as const;
  const refusal = { status: 503, phrase: 'Service Unavailable', code, detail: '9 octets are held' } as const;
  const ending = { status: 503, code, attempts: [] };
  const report = { request: refused, flow: peer, decision: undefined, refusal, ending, arrivedMs: 0 };
  for (let i = 0; i < 25; i++) observer.onEnded(report);
  expect(records).toHaveLength(20);
  expect(records[0]).toContain('"code":"memory-limit"');
  clock.advance(10_000);
  expect(told('repeated')).toMatchObject([{ what: 'memory-limit', times: 5 }]);
});
