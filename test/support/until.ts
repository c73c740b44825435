/** Waits for what real sockets do, without guessing how long it takes; the test's own time limit ends a vain wait. */
import { setTimeout } from 'node:timers/promises';

/** Resolves with the first value of `look` that is neither undefined nor false. */
export async function until<Value>(look: () => Value | undefined | false): Promise<Value> {
  for (;;) {
    const value = look();
    if (value !== undefined && value !== false) return value;
    await setTimeout(1);
  }
}
