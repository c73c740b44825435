/** Counts the work that text operations do, in octets: a measure of cost that no clock and no other process disturbs. */

/** Octets that one call looks at or copies; an upper bound, and exact for searches. */
type Cost = (text: string, args: readonly unknown[], result: unknown) => number;

const searched: Cost = (text, args, result) => {
  const from = Number(args[1] ?? 0);
  return (typeof result === 'number' && result >= 0 ? result : text.length) - from + 1;
};
const whole: Cost = (text) => text.length + 1;

const STRING_COSTS: Readonly<Record<string, Cost>> = {
  charCodeAt: () => 1,
  slice: () => 1,
  startsWith: (_, args) => String(args[0]).length,
  indexOf: searched,
  lastIndexOf: (text, args, result) => Number(args[1] ?? text.length) - Number(result) + 1,
  includes: whole,
  split: whole,
  replace: whole,
  trim: whole,
  trimEnd: whole,
  toLowerCase: whole,
};

type Method = (...args: unknown[]) => unknown;

/** Octets looked at by all string operations (and copied by `join`) while `run` runs. */
export function octetsLookedAt(run: () => void): number {
  let octets = 0;
  const restores = Object.entries(STRING_COSTS).map(([name, cost]) =>
    patch(String.prototype, name, (text, args, result) => {
      octets += Math.max(1, cost(String(text), args, result));
    }),
  );
  const join = patch(Array.prototype, 'join', (_, __, result) => {
    octets += String(result).length + 1;
  });
  try {
    run();
  } finally {
    for (const restore of [...restores, join]) restore();
  }
  return octets;
}

function patch(
  prototype: object,
  name: string,
  note: (self: unknown, args: readonly unknown[], result: unknown) => void,
): () => void {
  const methods = prototype as Record<string, Method>;
  const original = methods[name]!;
  methods[name] = function (this: unknown, ...args: unknown[]): unknown {
    const result = original.apply(this, args);
    note(this, args, result);
    return result;
  };
  return () => {
    methods[name] = original;
  };
}
