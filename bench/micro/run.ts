/** `npm run bench -- micro`: every contest with its times and its ratio, and what a MESSAGE leaves to the garbage collector. */
import { octetsPerMessage } from './allocation.ts';
import { compare } from './contest.ts';
import { groups } from './contests.ts';

const effort = { rounds: 21, roundMs: 40 };

for (const make of Object.values(groups)) {
  for (const contest of make()) {
    const { ratio, watchedUs, againstUs } = compare(contest, effort);
    const { watched, against, most } = contest;
    console.log(`${watched.name}: ${watchedUs.toFixed(1)} us; ${against.name}: ${againstUs.toFixed(1)} us`);
    console.log(`  ${ratio.toPrecision(3)} times (at most ${most.toPrecision(3)})`);
  }
}

const octets = await octetsPerMessage();
console.log(`a MESSAGE transaction leaves ${Math.round(octets)} octets of heap to the garbage collector`);
