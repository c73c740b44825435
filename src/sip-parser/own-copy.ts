/** Strings that stand by themselves. */

/**
 * A slice keeps the whole text that it was cut from alive, and is read octet by octet at half the speed of a string of its
 * own; `join` is what makes one.
 */
export function ownCopy(slice: string): string {
  const half = slice.length >> 1;
  return [slice.slice(0, half), slice.slice(half)].join('');
}
