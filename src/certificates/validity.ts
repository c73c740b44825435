/** How long a certificate is still valid. Pure: the time is a parameter. */
import type { X509Certificate } from 'node:crypto';

export interface Validity {
  readonly state: 'valid' | 'ends-soon' | 'ended' | 'not-yet';
  /** `ends on 2027-03-01, in 100 days`. */
  readonly text: string;
}

export const dayMs = 86_400_000;

export function validityOf(
  { validFromDate: from, validToDate: to }: Pick<X509Certificate, 'validFromDate' | 'validToDate'>,
  now: Date,
  warnBeforeMs: number,
): Validity {
  if (now < from) return { state: 'not-yet', text: `is not valid before ${day(from)}` };
  if (now > to) return { state: 'ended', text: `ended on ${day(to)}` };
  const leftMs = to.getTime() - now.getTime();
  const text = `ends on ${day(to)}, in ${Math.floor(leftMs / dayMs)} days`;
  return { state: leftMs < warnBeforeMs ? 'ends-soon' : 'valid', text };
}

const day = (date: Date): string => date.toISOString().slice(0, 10);
