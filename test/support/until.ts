/** Waits for what real sockets do, without guessing how long it takes; the test's own time limit ends a vain wait, which is then told. */
import { setTimeout } from 'node:timers/promises';

interface Wait {
  readonly look: () => unknown;
  readonly sinceMs: number;
  /** Its stack says who waits. */
  readonly begun: Error;
}

const waits = new Set<Wait>();

/** Resolves with the first value of `look` that is neither undefined nor false. */
export async function until<Value>(look: () => Value | undefined | false): Promise<Value> {
  const wait: Wait = { look, sinceMs: performance.now(), begun: new Error() };
  waits.add(wait);
  try {
    for (;;) {
      const value = look();
      if (value !== undefined && value !== false) return value;
      await setTimeout(1);
    }
  } finally {
    waits.delete(wait);
  }
}

/** What nobody has seen yet, for people: one text for each wait. */
export const vainWaits = (): string[] =>
  [...waits].map(({ look, sinceMs, begun }) => {
    const frames =
      begun.stack?.split('\n').filter((line) => line.includes('/test/') && !line.includes('until.ts')) ?? [];
    return [`waited for ${Math.round(performance.now() - sinceMs)} ms until ${look}`, ...frames].join('\n');
  });

/** The same, but a vain wait ends after `withinMs`, for a test among many whose own time limit is long. */
export async function soon<Value>(look: () => Value | undefined | false, withinMs = 4000): Promise<Value> {
  const end = performance.now() + withinMs;
  return until(() => {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${look}`);
    return look();
  });
}

/** Another test begins. */
export const forgetWaits = (): void => waits.clear();
