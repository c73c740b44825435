/** Cuts: stretches of a text that are replaced, while all between them stays as it is. */

/** `[start, end)` is replaced by `text`. */
export interface Cut {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export function insert(cuts: Cut[], at: number, text: string): void {
  if (text !== '') cuts.push({ start: at, end: at, text });
}

/** `[from, to)` of the text with the cuts done. They never overlap; those at one place are written in the order given. */
export function applyCuts(text: string, cuts: Cut[], from: number, to: number): string {
  putInOrder(cuts);
  let out = '';
  let pos = from;
  for (const cut of cuts) {
    out += text.slice(pos, cut.start) + cut.text;
    pos = cut.end;
  }
  return out + text.slice(pos, to);
}

/** They are few, and mostly in order; `sort` costs more than all the rest. */
function putInOrder(cuts: Cut[]): void {
  for (let i = 1; i < cuts.length; i++) {
    const cut = cuts[i]!;
    let place = i;
    for (; place > 0 && cuts[place - 1]!.start > cut.start; place--) cuts[place] = cuts[place - 1]!;
    cuts[place] = cut;
  }
}
