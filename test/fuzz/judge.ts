/** What must hold after a fuzz campaign, whatever was sent. */
import type { CampaignReport } from './campaign.ts';

/** A timer tick of the machine that measures is no fault of the router. */
const leastIdleP99Ms = 2;
/** What a router that is warm may keep more after than before: caches that fill, code that is compiled. */
const heapSlackMib = 24;

/** One line for each thing that is wrong; [] when all is well. */
export function problemsOf({ flaws, canary, heapMib, bugs, exitCode }: CampaignReport): string[] {
  const problems = [...new Set(flaws.map(({ why }) => `left the router: ${why}`)), ...canary.failures.slice(0, 10)];
  if (heapMib.after > heapMib.before + heapSlackMib)
    problems.push(`${heapMib.after - heapMib.before} MiB did not come back`);
  problems.push(...new Set(bugs.map((line) => `logged: ${line.slice(0, 600)}`)));
  if (exitCode !== 0) problems.push(`the router ended with ${exitCode}`);
  return problems;
}

/** Apart from the rest: what a shared machine measures is for people to judge, not for a test run. */
export function latencyProblemsOf({ canary }: CampaignReport): string[] {
  const limit = 5 * Math.max(canary.idleP99Ms, leastIdleP99Ms);
  if (canary.loadP99Ms <= limit) return [];
  return [
    `the canary's p99 of ${canary.loadP99Ms.toFixed(1)} ms is more than 5 times that of idle, ${limit.toFixed(1)} ms`,
  ];
}
