/** `npm run fuzz -- --count 20000 --seed 1 [--rate 4000] [--keep FOLDER]`: one campaign by hand; prints what came of it and ends with 1 when anything is wrong. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type CampaignReport, runCampaign } from './campaign.ts';
import { latencyProblemsOf, problemsOf } from './judge.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    rate: { type: 'string', default: '4000' },
    keep: { type: 'string' },
  },
});

const began = Date.now();
const report = await runCampaign({
  count: Number(values.count),
  seed: Number(values.seed),
  rate: Number(values.rate),
  net: 63,
  idleMs: 8_000,
  // Timer D of the few INVITEs that the loud hop refuses by UDP.
  settleMs: 35_000,
  onProgress: (sent) => process.stderr.write(`${sent} sent after ${Math.round((Date.now() - began) / 1000)} s\n`),
});
print(report);
if (values.keep !== undefined) keep(report, values.keep);
const problems = [...problemsOf(report), ...latencyProblemsOf(report)];
for (const problem of problems) console.log(`WRONG: ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;

function print({ sent, connections, framed, canary, heapMib, slowestBurstMs }: CampaignReport): void {
  const ms = (value: number): string => `${value.toFixed(2)} ms`;
  console.log(`seed            ${values.seed}`);
  console.log(`sent            ${sent.udp} by UDP, ${sent.tcp} by TCP on ${connections} connections`);
  console.log(`framed          ${framed.far} at the next hops, ${framed.near} answers`);
  console.log(`canary          ${canary.sent} sent, ${canary.failures.length} failed`);
  console.log(`canary p99      ${ms(canary.idleP99Ms)} idle, ${ms(canary.loadP99Ms)} under fuzz`);
  console.log(`slowest burst   ${ms(slowestBurstMs)}`);
  console.log(`heap            ${heapMib.before.toFixed(1)} MiB before, ${heapMib.after.toFixed(1)} MiB after`);
}

/** What went wrong, as octets, to be made a test of. */
function keep({ flaws, slowBursts, bugs }: CampaignReport, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const [index, { why, text }] of flaws.entries()) {
    writeFileSync(join(folder, `flaw-${index}.txt`), `${why}\n\n${text}`, 'latin1');
  }
  for (const [index, texts] of slowBursts.entries()) {
    for (const [at, text] of texts.entries()) writeFileSync(join(folder, `slow-${index}-${at}.sip`), text, 'latin1');
  }
  writeFileSync(join(folder, 'bugs.log'), bugs.join('\n'));
}
