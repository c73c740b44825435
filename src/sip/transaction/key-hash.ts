/** The hash by which tables of what comes and goes with each request find a key. */

/** Secret, so that nobody can choose keys that collide. */
const seed = Math.trunc(Math.random() * 2 ** 32);

/** In hand: a request asks two tables for its key, and then enters it into one. */
let key = '';
let hash = 0;

/** FNV-1a, 32 bits, signed. */
export const hashOf = (asked: string): number => {
  if (asked === key) return hash;
  let bits = seed;
  for (let i = 0; i < asked.length; i++) bits = Math.imul(bits ^ asked.charCodeAt(i), 0x01000193);
  key = asked;
  // The low bits choose the place: let the high ones take part.
  hash = bits ^ (bits >>> 15);
  return hash;
};
