/** Distinguished names as names, not as text: RFC 4514 lets one name be written in many ways, and servers write them anew. */

/** From the object itself up to the root: each RDN in a spelling in which equal ones are equal text. */
type DistinguishedName = readonly string[];

/** Short names and OIDs of RFC 4519 for what stands in names of objects; other types are known by how they are written. */
const attributeTypes: ReadonlyMap<string, string> = new Map([
  ['2.5.4.3', 'cn'],
  ['commonname', 'cn'],
  ['2.5.4.6', 'c'],
  ['countryname', 'c'],
  ['2.5.4.7', 'l'],
  ['localityname', 'l'],
  ['2.5.4.8', 'st'],
  ['stateorprovincename', 'st'],
  ['2.5.4.9', 'street'],
  ['streetaddress', 'street'],
  ['2.5.4.10', 'o'],
  ['organizationname', 'o'],
  ['2.5.4.11', 'ou'],
  ['organizationalunitname', 'ou'],
  ['0.9.2342.19200300.100.1.1', 'uid'],
  ['userid', 'uid'],
  ['0.9.2342.19200300.100.1.25', 'dc'],
  ['domaincomponent', 'dc'],
]);

/**
 * @param text as a file or a server has it: RFC 4514, and what RFC 2253 §4 had servers accept besides (blanks around separators,
 * values in quotes, `;`, `OID.`)
 * @returns undefined for what is no name, such as `<GUID=...>` of Active Directory
 */
export function parseDn(text: string): DistinguishedName | undefined {
  const rdns: string[] = [];
  let parts: string[] = [];
  const reader = new DnReader(text);
  if (reader.isAtEnd) return [];
  for (;;) {
    const part = reader.takePart();
    if (part === undefined) return undefined;
    parts.push(part);
    const separator = reader.takeSeparator();
    if (separator === '+') continue;
    // The values of a multi-valued RDN are a set (RFC 4512 §2.3.2).
    rdns.push(parts.toSorted().join('+'));
    parts = [];
    if (separator === undefined) return reader.isAtEnd ? rdns : undefined;
  }
}

/** Levels from a base down to a name: 0 for itself; undefined when it is not below. */
export function depthBelow(name: DistinguishedName, base: DistinguishedName): number | undefined {
  const depth = name.length - base.length;
  return depth >= 0 && base.every((rdn, index) => rdn === name[depth + index]) ? depth : undefined;
}

const hexPair = /[0-9a-f]{2}/iy;

/** Walks over a name; blanks around its parts are passed over. */
class DnReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#skipBlanks();
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  #skipBlanks(): void {
    while (/\s/.test(this.#text.charAt(this.#at))) this.#at += 1;
  }

  takeSeparator(): '+' | ',' | undefined {
    const sign = this.#text.charAt(this.#at);
    if (sign !== '+' && sign !== ',' && sign !== ';') return undefined;
    this.#at += 1;
    this.#skipBlanks();
    return sign === '+' ? '+' : ',';
  }

  /** One type and its value, `cn=bob`; undefined when there is none. */
  takePart(): string | undefined {
    const [written, type] = this.#match(/(?:oid\.)?([a-z][a-z0-9-]*|\d+(?:\.\d+)*)\s*=\s*/iy) ?? [];
    if (written === undefined || type === undefined) return undefined;
    const value = this.#takeValue();
    if (value === undefined) return undefined;
    this.#skipBlanks();
    const folded = type.toLowerCase();
    return `${attributeTypes.get(folded) ?? folded}=${JSON.stringify(value)}`;
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at = pattern.lastIndex;
    return match;
  }

  #takeValue(): string | undefined {
    if (this.#text.charAt(this.#at) === '#') return this.#takeHexString();
    const isQuoted = this.#text.charAt(this.#at) === '"';
    if (isQuoted) this.#at += 1;
    const octets: Buffer[] = [];
    // Blanks that are escaped belong to the value, those at its end do not.
    let lasting = 0;
    while (!this.isAtEnd) {
      const sign = this.#text.charAt(this.#at);
      if (isQuoted ? sign === '"' : /[,;+]/.test(sign)) break;
      if (sign === '\\') {
        const escaped = this.#takeEscape();
        if (escaped === undefined) return undefined;
        octets.push(escaped);
        lasting = octets.length;
        continue;
      }
      const character = String.fromCodePoint(this.#text.codePointAt(this.#at)!);
      this.#at += character.length;
      octets.push(Buffer.from(character));
      if (isQuoted || !/\s/.test(character)) lasting = octets.length;
    }
    if (isQuoted && this.#text.charAt(this.#at) !== '"') return undefined;
    if (isQuoted) this.#at += 1;
    return foldValue(Buffer.concat(octets.slice(0, lasting)).toString());
  }

  #takeEscape(): Buffer | undefined {
    this.#at += 1;
    const pair = this.#match(hexPair);
    if (pair !== undefined) return Buffer.from(pair[0], 'hex');
    if (this.isAtEnd) return undefined;
    const sign = String.fromCodePoint(this.#text.codePointAt(this.#at)!);
    this.#at += sign.length;
    return Buffer.from(sign);
  }

  /** The BER of a value: that of a string is the string. */
  #takeHexString(): string | undefined {
    const [, hex] = this.#match(/#((?:[0-9a-f]{2})+)/iy) ?? [];
    if (hex === undefined) return undefined;
    const ber = Buffer.from(hex, 'hex');
    const isText = [0x04, 0x0c, 0x13, 0x16].includes(ber[0] ?? 0) && ber[1] === ber.length - 2 && ber.length < 130;
    return isText ? foldValue(ber.subarray(2).toString()) : `#${hex.toLowerCase()}`;
  }
}

/** What stands in names is compared without case, and blanks count as one (RFC 4517 §4.2.11, RFC 4518 §2). */
const foldValue = (value: string): string => value.normalize('NFKC').toLowerCase().trim().replace(/\s+/g, ' ');
