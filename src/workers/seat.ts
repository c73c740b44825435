/** The place of one worker among all: its number, which its branches carry, and what it shares with the others. */
import { randomBytes } from 'node:crypto';
import type { MessagePort } from 'node:worker_threads';
import type { Placement } from '../engine/embedded.ts';
import type { Proof } from '../engine/hop-places.ts';
import { createBranches, instanceIn } from '../proxy/loop.ts';
import type { Router } from '../router.ts';
import { LoopMemory, type LoopStorage, sharedLoopStorage } from '../routing/loop-memory.ts';
import type { Sender } from '../sip/transport/flow.ts';

/** Plain values; of all workers the same but for the number. */
export interface Seat {
  /** 0 is the main thread. */
  readonly number: number;
  /** Of this run of the program. */
  readonly instance: string;
  readonly loopStorage: LoopStorage;
}

/** From worker to worker: a response that is for the other one, or what a peer has proved. */
export type Passed = { readonly text: string; readonly from: Sender } | { readonly proof: Proof };

/** What has come from another worker goes to the router of this one. */
export const takePassed = (passed: Passed, router: Pick<Router, 'takeResponse' | 'hearProof'>): void => {
  if ('proof' in passed) router.hearProof(passed.proof);
  else router.takeResponse(passed.text, passed.from);
};

export const firstSeat = (): Seat => ({
  number: 0,
  instance: randomBytes(6).toString('hex'),
  loopStorage: sharedLoopStorage(),
});

/** The only worker: nothing is shared, and nobody can have what is not here. */
export const aloneInProgram = (): Placement => ({
  sharing: 'sole',
  loopMemory: new LoopMemory(),
  nextBranch: createBranches(),
  passOn: undefined,
  shareProof: () => undefined,
});

const digits = (number: number): string => number.toString(36).padStart(2, '0');

/**
 * A response finds its worker by the branch: by UDP the system spreads by sender, and the far side is another sender than
 * the asker; by a stream the far side may answer on a connection of its own (RFC 3261 §18.2.2).
 */
export const placementOf = (
  { number, instance, loopStorage }: Seat,
  others: ReadonlyMap<number, MessagePort>,
): Placement => {
  const portOf = (branch: string): MessagePort | undefined => {
    const maker = instanceIn(branch, instance.length + 2);
    return maker?.startsWith(instance) ? others.get(Number.parseInt(maker.slice(instance.length), 36)) : undefined;
  };
  return {
    sharing: number === 0 ? 'first' : 'fellow',
    loopMemory: new LoopMemory({}, loopStorage),
    nextBranch: createBranches(instance + digits(number)),
    passOn(response, { transport, remoteAddress, remotePort, verifiedNames }) {
      const port = portOf(response.topVia?.branch ?? '');
      const passed: Passed = { text: response.text, from: { transport, remoteAddress, remotePort, verifiedNames } };
      port?.postMessage(passed);
      return port !== undefined;
    },
    shareProof(proof) {
      const passed: Passed = { proof };
      for (const port of others.values()) port.postMessage(passed);
    },
  };
};
