/** The hash by which tables of what comes and goes with each request find a key. Peers choose the keys, so it is keyed. */
import { KeyedHash, randomSeed } from './keyed-hash.ts';

const keyed = new KeyedHash(randomSeed());

/** In hand: a request asks two tables for its key, and then enters it into one. */
let key = '';
let hash = 0;

/** 32 bits, signed; every bit depends on the whole key. */
export const hashOf = (asked: string): number => {
  if (asked === key) return hash;
  keyed.of(asked);
  key = asked;
  hash = keyed.lo;
  return hash;
};
