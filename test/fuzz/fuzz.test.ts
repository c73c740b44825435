import { expect, test } from 'vitest';
import { runCampaign } from './campaign.ts';
import { problemsOf } from './judge.ts';

test('after thousands of mutated messages by UDP and TCP all that left could be framed, no canary was lost, and the memory came back', async () => {
  const report = await runCampaign({ count: 8_000, seed: 20_261, net: 64, rate: 4_000, idleMs: 500, settleMs: 4_000 });
  expect(report.sent.udp + report.sent.tcp).toBeGreaterThanOrEqual(8_000);
  expect(report.framed.far).toBeGreaterThan(1_000);
  expect(report.canary.sent).toBeGreaterThan(1_000);
  expect(problemsOf(report)).toEqual([]);
});
