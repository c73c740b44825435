/** Header fields whose values may be spread over lines and joined by commas (RFC 3261 §7.3.1). */
import type { HeaderId, HeaderIndex } from './header-index.ts';
import { COMMA, skipLws } from './syntax.ts';

interface Value {
  readonly start: number;
  readonly end: number;
}

/** The values up to the first malformed one, where a reader can no longer say where the next would begin. */
export interface ValueList<T extends Value> {
  readonly values: readonly T[];
  readonly isWhole: boolean;
}

export type ParseValue<T extends Value> = (text: string, pos: number, limit: number) => T | undefined;

const NONE: ValueList<never> = { values: [], isWhole: true };

export function parseValueList<T extends Value>(
  text: string,
  index: HeaderIndex,
  id: HeaderId,
  parse: ParseValue<T>,
): ValueList<T> {
  let slot = index.find(id);
  if (slot < 0) return NONE;
  const values: T[] = [];
  for (; slot >= 0; slot = index.find(id, slot)) {
    if (!parseLine(values, text, index.valueStart(slot), index.valueEnd(slot), parse))
      return { values, isWhole: false };
  }
  return { values, isWhole: true };
}

function parseLine<T extends Value>(
  values: T[],
  text: string,
  start: number,
  limit: number,
  parse: ParseValue<T>,
): boolean {
  for (let pos = start; ; ) {
    const value = parse(text, pos, limit);
    if (value === undefined) return false;
    values.push(value);
    const comma = skipLws(text, value.end, limit);
    if (comma >= limit) return true;
    if (text.charCodeAt(comma) !== COMMA) return false;
    pos = comma + 1;
  }
}
