/** The place of one worker among all: its number, which its branches carry, and what it shares with the others. */
import { randomBytes } from 'node:crypto';
import type { MessagePort } from 'node:worker_threads';
import type { Placement } from '../engine/embedded.ts';
import { createBranches, instanceIn } from '../proxy/loop.ts';
import { LoopMemory, type LoopStorage, sharedLoopStorage } from '../routing/loops/loop-memory.ts';
import { type ClaimStorage, Claims, sharedClaims } from './claims.ts';
import { Relay } from './relay.ts';

/** Plain values; of all workers the same but for the number. */
export interface WorkerPlace {
  /** 0 is the main thread. */
  readonly number: number;
  /** Of this run of the program. */
  readonly instance: string;
  readonly loopStorage: LoopStorage;
  readonly claims: ClaimStorage;
}

export const mainPlace = (): WorkerPlace => ({
  number: 0,
  instance: randomBytes(6).toString('hex'),
  loopStorage: sharedLoopStorage(),
  claims: sharedClaims(),
});

/** The only worker: nothing is shared, and nobody can have what is not here. */
export const aloneInProgram = (): Placement => ({
  sharing: 'sole',
  loopMemory: new LoopMemory(),
  nextBranch: createBranches(),
  passOn: undefined,
  shareProof: () => undefined,
  elsewhere: undefined,
});

const digits = (number: number): string => number.toString(36).padStart(2, '0');

/**
 * A response finds its worker by the branch: by UDP the system spreads by sender, and the far side is another sender than
 * the asker; by a stream the far side may answer on a connection of its own (RFC 3261 §18.2.2). What an asker says of an INVITE
 * by another connection finds it by the table of all (§17.2.3).
 */
export const placementOf = (
  { number, instance, loopStorage, claims }: WorkerPlace,
  others: ReadonlyMap<number, MessagePort>,
): { readonly placement: Placement; readonly relay: Relay } => {
  const relay = new Relay(others, new Claims(claims, number));
  const workerOf = (branch: string): number => {
    const maker = instanceIn(branch, instance.length + 2);
    return maker?.startsWith(instance) ? Number.parseInt(maker.slice(instance.length), 36) : Number.NaN;
  };
  const placement: Placement = {
    sharing: number === 0 ? 'first' : 'joining',
    loopMemory: new LoopMemory({}, loopStorage),
    nextBranch: createBranches(instance + digits(number)),
    passOn: (response, from) => relay.passResponse(workerOf(response.topVia?.branch ?? ''), response, from),
    shareProof: (proof) => relay.shareProof(proof),
    elsewhere: relay,
  };
  return { placement, relay };
};
