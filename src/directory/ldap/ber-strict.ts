/** What ldapts's BerReader leaves to its caller: that a message which is cut short, or lies about a length, is noticed. */

/** As much of a reader as is needed here; the files that become octets hand in ldapts's. */
interface Reading {
  readonly offset: number;
}

const malformed = (): Error => new Error('the server sent a message that is not well-formed');

/** ldapts says null, and stands still, when something is not there. */
export function whole<Value>(value: Value | null): Value {
  if (value === null) throw malformed();
  return value;
}

/** Reads one thing after the other up to `end`; each must move the reader on, and none beyond. */
export function readUntil(reader: Reading, end: number, readOne: () => void): void {
  for (let before = reader.offset; before < end; before = reader.offset) {
    readOne();
    if (reader.offset <= before || reader.offset > end) throw malformed();
  }
}
