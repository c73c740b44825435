/** The transaction machines, which decide, and the table of those in progress: little beside the reading of one request. */

import { KeyTable } from '../../src/sip/transaction/key-table.ts';
import { createNonInviteClient } from '../../src/sip/transaction/non-invite-client.ts';
import { createNonInviteServer } from '../../src/sip/transaction/non-invite-server.ts';
import { rfcTimers } from '../../src/sip/transaction/timers.ts';
import { type Contest, ring, timesOf } from './contest.ts';
import { messages } from './messages.ts';
import { readAsProxy } from './parse.ts';

/** Both transactions of one MESSAGE over UDP, from the request to the end (RFC 3261 §17.1.2, §17.2.2). */
function playBoth(): () => void {
  const server = createNonInviteServer(rfcTimers, false);
  const client = createNonInviteClient(rfcTimers, false);
  return () => {
    const sent = client.step(client.start.next, '200-699');
    const ended = client.step(sent.next, 'timer-K');
    const answered = server.step(server.start.next, 'send-final');
    const forgotten = server.step(answered.next, 'timer-J');
    if (ended.next.name !== 'Terminated' || forgotten.next.name !== 'Terminated') throw new Error('not as expected');
  };
}

/** One transaction ends and another begins, with so many in progress. */
function comingAndGoing(inProgress: number): () => void {
  const table = new KeyTable<number>();
  const keys = Array.from({ length: inProgress * 2 }, (_, i) => `z9hG4bK${i}.15AF4D6A 192.0.2.21:5060 MESSAGE`);
  for (let i = 0; i < inProgress; i += 1) table.set(keys[i]!, i);
  let oldest = 0;
  return () => {
    table.delete(keys[oldest % keys.length]!);
    table.set(keys[(oldest + inProgress) % keys.length]!, oldest);
    oldest += 1;
  };
}

export const contests = (): readonly Contest[] => {
  const next = ring(messages(64));
  return [
    {
      watched: { name: '100 times both machines of a MESSAGE', run: timesOf(100, playBoth()) },
      against: { name: 'one request read', run: timesOf(100, () => void readAsProxy(next())) },
      most: 0.1,
    },
    {
      watched: { name: '100 come and go, 100,000 in progress', run: timesOf(100, comingAndGoing(100_000)) },
      against: { name: '1,000 in progress', run: timesOf(100, comingAndGoing(1_000)) },
      most: 8,
    },
  ];
};
