/** Finds the word that somebody probably meant. */

/** The known word nearest to `word`, when it is near enough to be a slip of the fingers, or what others call it. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const wanted = normalize(word);
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(wanted, normalize(candidate));
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  const others = Object.hasOwn(otherWords, wanted) ? otherWords[wanted] : undefined;
  return best ?? others?.find((word) => known.includes(word));
}

/** Words of other products, each with our names for it: the first that exists in this place is suggested. */
const otherWords: Readonly<Record<string, readonly string[]>> = {
  active: ['in-service'],
  address: ['next-hop', 'from'],
  any: ['all'],
  bind: ['address'],
  cert: ['certificate'],
  comment: ['description', 'why'],
  cucm: ['cisco'],
  cup: ['cisco'],
  destination: ['next-hop'],
  domain: ['pattern'],
  enabled: ['in-service'],
  fqdn: ['name'],
  gateway: ['next-hop'],
  host: ['next-hop', 'address', 'from', 'urls', 'name'],
  hostname: ['next-hop', 'name'],
  imp: ['cisco'],
  interface: ['address'],
  interval: ['every'],
  ip: ['next-hop', 'address', 'from'],
  lync: ['microsoft'],
  match: ['pattern'],
  ms: ['microsoft'],
  ocs: ['microsoft'],
  path: ['file'],
  protocol: ['transport'],
  reason: ['why', 'description'],
  server: ['next-hop', 'urls'],
  sips: ['tls'],
  skype: ['microsoft'],
  source: ['from'],
  ssl: ['tls'],
  teams: ['microsoft'],
  url: ['urls'],
  warning: ['warn'],
};

/** `did you mean "port"?`, or else the words that may stand here. */
export function suggestion(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  return meant === undefined ? `known here: ${known.join(', ')}` : `did you mean "${meant}"?`;
}

// Longer than any setting: no slip, and comparing costs the square of the length.
const longestWord = 64;

const normalize = (word: string): string => word.slice(0, longestWord).toLowerCase().replaceAll('_', '-');

/** Insertions, deletions, substitutions and swaps of neighbours between two words (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (isSame ? 0 : 1));
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) cost = Math.min(cost, beforeLast[j - 2]! + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
