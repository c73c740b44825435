/** The hash for tables with an entry for each request. Peers choose the keys, so the hash is keyed. */
import { KeyedHash, randomSeed } from './keyed-hash.ts';

const keyed = new KeyedHash(randomSeed());

/** The last key and its hash are kept: a request looks its key up in two tables, and then enters it into one. */
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
