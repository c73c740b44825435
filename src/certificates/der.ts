/** Reads DER (X.690) as far as certificates and revocation lists need it: what Node does not expose of them. Pure. */

export class DerError extends Error {}

/** One value with the octets that it stands in. */
export interface DerValue {
  /** Identifier octet: 0x30 is SEQUENCE, 0x02 INTEGER, 0xa0 [0]. */
  readonly tag: number;
  /** Identifier, length and content. */
  readonly whole: Buffer;
  readonly content: Buffer;
}

export const derTag = {
  integer: 0x02,
  bitString: 0x03,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  context0: 0xa0,
  context1: 0xa1,
  context3: 0xa3,
  /** dNSName, a GeneralName: [2] IA5String. */
  dnsName: 0x82,
} as const;

/** @throws DerError when `octets` are not exactly one value of this kind */
export function readDer(octets: Buffer, tag: number): DerValue {
  const value = valueAt(octets, 0);
  if (value.tag !== tag || value.whole.length !== octets.length) throw new DerError('this is not the value expected');
  return value;
}

/** The values that a constructed value is made of. */
export function derParts({ content }: DerValue): readonly DerValue[] {
  const parts: DerValue[] = [];
  for (let at = 0; at < content.length; ) {
    const part = valueAt(content, at);
    parts.push(part);
    at += part.whole.length;
  }
  return parts;
}

function valueAt(octets: Buffer, start: number): DerValue {
  const first = octets[start + 1];
  if (first === undefined) throw new DerError('a value ends too early');
  const lengthOctets = first < 0x80 ? 0 : first & 0x7f;
  // 0x80 is the indefinite length, which DER does not know; nothing here is longer than 4 octets can say.
  if (first === 0x80 || lengthOctets > 4) throw new DerError('a length cannot be read');
  const begin = start + 2 + lengthOctets;
  if (begin > octets.length) throw new DerError('a length ends too early');
  const length = lengthOctets === 0 ? first : octets.readUIntBE(start + 2, lengthOctets);
  if (begin + length > octets.length) throw new DerError('a value ends too early');
  const end = begin + length;
  return { tag: octets[start]!, whole: octets.subarray(start, end), content: octets.subarray(begin, end) };
}

/** In the form of `X509Certificate.serialNumber`: upper case, whole octets. */
export function derSerial({ content }: DerValue): string {
  const isPadded = content.length > 1 && content[0] === 0;
  return content
    .subarray(isPadded ? 1 : 0)
    .toString('hex')
    .toUpperCase();
}

/** `1.2.840.113549.1.1.11`. */
export function derOid({ content }: DerValue): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const octet of content) {
    arc = arc * 128 + (octet & 0x7f);
    if (octet >= 0x80) continue;
    arcs.push(arc);
    arc = 0;
  }
  const [head = 0, ...rest] = arcs;
  const top = Math.min(2, Math.floor(head / 40));
  return [top, head - 40 * top, ...rest].join('.');
}

/** RFC 5280 §5.1.2.4: UTCTime stands for 1950 to 2049. */
export function derTime({ tag, content }: DerValue): Date {
  const text = content.toString('latin1');
  const full = tag === derTag.utcTime ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text;
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(full) ?? [];
  const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(time.getTime())) throw new DerError(`"${text}" is not a time`);
  return time;
}
