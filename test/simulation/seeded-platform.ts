/**
 * Takes chance and the end of a turn out of the hands of the system. To be imported before anything of the router, some of which
 * chooses when it is loaded.
 */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { Chance } from './chance.ts';

let chance = new Chance(0);
let pending = 0;

/** What the router chooses from now on follows from this seed. */
export function seedPlatform(seed: number): void {
  chance = new Chance(seed);
}

Math.random = () => chance.next();
// The other form of it, with a callback, is used by nobody here.
Object.assign(crypto, { randomBytes: (size: number): Buffer => chance.octets(size) });
syncBuiltinESMExports();

const realImmediate = globalThis.setImmediate;

globalThis.setImmediate = Object.assign((run: (...args: unknown[]) => void, ...args: unknown[]) => {
  pending += 1;
  return realImmediate(() => {
    pending -= 1;
    run(...args);
  });
}, realImmediate) as typeof setImmediate;

/** Promises, next ticks and ends of turns: all that has to do without time passing. */
export async function settle(): Promise<void> {
  do await new Promise<void>((resolve) => void realImmediate(resolve));
  while (pending > 0);
}
