/** A thread that remembers so many requests in a memory that others write to as well, and asks for each. */
import { parentPort, workerData } from 'node:worker_threads';
import { LoopMemory, type LoopStorage } from '../../src/routing/loops/loop-memory.ts';

export interface RememberOrder {
  readonly storage: LoopStorage;
  readonly name: string;
  readonly count: number;
}

const { storage, name, count } = workerData as RememberOrder;
const memory = new LoopMemory({}, storage);
let known = 0;
for (let index = 0; index < count; index += 1) {
  memory.remember(`${name} ${index}`, index % 2 === 0 ? 'cisco' : 'microsoft', index / 1_000);
  if (memory.sentBeforeTo(`${name} ${index}`, index / 1_000) !== undefined) known += 1;
}
parentPort?.postMessage(known);
