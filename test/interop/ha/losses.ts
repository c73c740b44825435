/** What a killed node may cost: the requests that were under way in it, and nothing else. */
import { expect } from 'vitest';
import type { LoadReport } from './peers.ts';

/** No request is under way for longer, on a network without delay. */
const underWayMs = 1_000;

/** @param what was killed, for the line that states the loss */
export function expectOnlyUnderWayLost(what: string, { result, arrived, twice }: LoadReport): void {
  const { sent, answered, refused, lost, gapMs } = result;
  console.log(
    `${what}: of ${sent} messages ${answered} were answered, ${lost.length} were under way and got no answer (${arrived} of them had been delivered); ${Math.round(gapMs)} ms without answers`,
  );
  expect(refused).toEqual([]);
  expect(answered + lost.length).toBe(sent);
  for (const { agedMs } of lost) expect(agedMs).toBeLessThan(underWayMs);
  expect(twice).toBe(0);
}
