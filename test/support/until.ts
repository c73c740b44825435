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

/** The same, but a vain wait ends after `withinMs`, for a test among many whose own time limit is long. */
export async function soon<Value>(look: () => Value | undefined | false, withinMs = 4000): Promise<Value> {
  const end = performance.now() + withinMs;
  return until(() => {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms`);
    return look();
  });
}
