/** Branches that collide by FNV-1a, for tests of tables: see the seed that only took part by its low octet. */

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const prime = 0x01000193;

export function fnv1a(start: number, text: string): number {
  let bits = start;
  for (let at = 0; at < text.length; at += 1) bits = Math.imul(bits ^ text.charCodeAt(at), prime);
  return bits;
}

const fourLetters = (n: number): string =>
  [0, 1, 2, 3].map((k) => letters[(Math.floor(n / 62 ** k) * 7 + k) % 62]).join('');

const found = new Map<number, readonly [string, string]>();

/** Two texts of four letters with one FNV-1a hash, whatever stands in the higher 24 bits of its start. */
function collisionFor(lowOctet: number): readonly [string, string] {
  const known = found.get(lowOctet);
  if (known !== undefined) return known;
  const seen = new Map<number, string>();
  for (let n = 0; ; n += 1) {
    const text = fourLetters(n);
    const hash = fnv1a(lowOctet, text);
    const other = seen.get(hash);
    if (other !== undefined && other !== text) {
      found.set(lowOctet, [other, text]);
      return [other, text];
    }
    seen.set(hash, text);
  }
}

/** 2^steps branches that collide in all 32 bits for every start with this low octet. */
export function collidingBranches(lowOctet: number, steps: number): readonly string[] {
  let branches = ['z9hG4bK'];
  for (let step = 0; step < steps; step += 1) {
    const pair = collisionFor(fnv1a(lowOctet, branches[0]!) & 0xff);
    branches = branches.flatMap((branch) => pair.map((four) => branch + four));
  }
  return branches;
}
