/** Hashes without a key, for choices that must be the same on every node and after each restart. Never for a table or a secret. */

const fnvStart = 0x811c9dc5;

/** FNV-1a over the text and a separator, so that ('ab', 'c') and ('a', 'bc') differ; 32 bits, signed. */
export const fnv = (hash: number, text: string): number => {
  let value = hash;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return Math.imul(value ^ 0x1f, 0x01000193);
};

/** 32 bits, unsigned. */
export const hash32 = (text: string): number => fnv(fnvStart, text) >>> 0;
