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

type ParseValue<T extends Value> = (text: string, pos: number, limit: number) => T | undefined;

const NONE: ValueList<never> = { values: [], isWhole: true };

/** @param parseFurther for all but the first value */
export function parseValueList<T extends Value>(
  text: string,
  index: HeaderIndex,
  id: HeaderId,
  parse: ParseValue<T>,
  parseFurther: ParseValue<T> = parse,
): ValueList<T> {
  const slot = index.find(id);
  if (slot < 0) return NONE;
  const limit = index.valueEnd(slot);
  const first = parse(text, index.valueStart(slot), limit);
  if (first === undefined) return { values: [], isWhole: false };
  // Mostly there is one. A list that begins empty and is pushed to has room for seventeen.
  const values = [first];
  const isWhole =
    parseBehind(values, text, first.end, limit, parseFurther) &&
    parseLines(values, text, index, id, slot, parseFurther);
  return { values, isWhole };
}

/** As `parseValueList`, but a line without a value, or a comma too many, is passed over: it names nobody. */
export function parseLooseList<T extends Value>(
  text: string,
  index: HeaderIndex,
  id: HeaderId,
  parse: ParseValue<T>,
): ValueList<T> {
  const values: T[] = [];
  for (let slot = index.find(id); slot >= 0; slot = index.find(id, slot)) {
    const limit = index.valueEnd(slot);
    if (!parseLooseLine(values, text, index.valueStart(slot), limit, parse)) return { values, isWhole: false };
  }
  return { values, isWhole: true };
}

function parseLooseLine<T extends Value>(
  values: T[],
  text: string,
  start: number,
  limit: number,
  parse: ParseValue<T>,
): boolean {
  for (let pos = skipCommas(text, start, limit); pos < limit; ) {
    const value = parse(text, pos, limit);
    if (value === undefined) return false;
    values.push(value);
    const end = skipLws(text, value.end, limit);
    if (end < limit && text.charCodeAt(end) !== COMMA) return false;
    pos = skipCommas(text, end, limit);
  }
  return true;
}

function skipCommas(text: string, start: number, limit: number): number {
  let pos = skipLws(text, start, limit);
  while (pos < limit && text.charCodeAt(pos) === COMMA) pos = skipLws(text, pos + 1, limit);
  return pos;
}

/** Those of the lines of this kind behind slot `after`. */
function parseLines<T extends Value>(
  values: T[],
  text: string,
  index: HeaderIndex,
  id: HeaderId,
  after: number,
  parse: ParseValue<T>,
): boolean {
  for (let slot = index.find(id, after); slot >= 0; slot = index.find(id, slot)) {
    const limit = index.valueEnd(slot);
    const value = parse(text, index.valueStart(slot), limit);
    if (value === undefined) return false;
    values.push(value);
    if (!parseBehind(values, text, value.end, limit, parse)) return false;
  }
  return true;
}

/** Those of the same line behind the value that ends at `end`. */
function parseBehind<T extends Value>(
  values: T[],
  text: string,
  end: number,
  limit: number,
  parse: ParseValue<T>,
): boolean {
  for (let comma = skipLws(text, end, limit); comma < limit; ) {
    if (text.charCodeAt(comma) !== COMMA) return false;
    const value = parse(text, comma + 1, limit);
    if (value === undefined) return false;
    values.push(value);
    comma = skipLws(text, value.end, limit);
  }
  return true;
}
