/** What is cut to take values out of the Route lines and comma lists (RFC 3261 §16.4, §16.6 step 6). */
import type { Cut } from './cut.ts';
import { Header } from './header-index.ts';
import type { SipMessage } from './message.ts';
import type { NameAddress } from './name-address.ts';

export function cutRoutes(cuts: Cut[], message: SipMessage, removed: ReadonlySet<number>): void {
  const { index, routes } = message;
  let next = 0;
  for (let slot = index.find(Header.Route); slot >= 0; slot = index.find(Header.Route, slot)) {
    const first = next;
    while (next < routes.length && routes[next]!.start < index.valueEnd(slot)) next++;
    const isWholeLine = next > first && areAllRemoved(removed, first, next);
    if (isWholeLine) cuts.push({ start: index.lineStart(slot), end: index.lineEnd(slot), text: '' });
    else cutValues(cuts, routes, removed, first, next);
  }
}

function areAllRemoved(removed: ReadonlySet<number>, first: number, end: number): boolean {
  for (let i = first; i < end; i++) if (!removed.has(i)) return false;
  return true;
}

/** Of one line that keeps a value: with a removed one goes the comma behind it, or before it when a kept one stands there. */
function cutValues(
  cuts: Cut[],
  routes: readonly NameAddress[],
  removed: ReadonlySet<number>,
  first: number,
  end: number,
): void {
  let hasKept = false;
  for (let i = first; i < end; i++) {
    const { start: valueStart, end: valueEnd } = routes[i]!;
    if (!removed.has(i)) hasKept = true;
    else if (hasKept) cuts.push({ start: routes[i - 1]!.end, end: valueEnd, text: '' });
    else cuts.push({ start: valueStart, end: routes[i + 1]!.start, text: '' });
  }
}
