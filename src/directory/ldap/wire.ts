/**
 * LDAP messages as octets (RFC 4511), by ldapts's message, filter and BER classes. Its Client is not used: it delivers a search
 * only when that is complete, takes an intermediate response for an error, and reconnects without being asked. What is
 * written here knows no socket.
 */
import {
  AbandonRequest,
  AndFilter,
  Ber,
  BerReader,
  type BerWriter,
  BindRequest,
  Control,
  EqualityFilter,
  ExtendedRequest,
  type Filter,
  FilterParser,
  GreaterThanEqualsFilter,
  NotFilter,
  OrFilter,
  PresenceFilter,
  SearchRequest,
  UnbindRequest,
} from 'ldapts';
import { readUntil, whole } from './ber-strict.ts';
import type { LdapControl, LdapEntry, LdapFilter, LdapSearch } from './ldap.ts';

/**
 * Turns a filter into ldapts's own.
 * @throws Error in ldapts's words when a text is no filter
 */
export function readFilter(filter: LdapFilter): Filter {
  if (typeof filter === 'string') return FilterParser.parseString(filter);
  if ('and' in filter) return new AndFilter({ filters: filter.and.map(readFilter) });
  if ('or' in filter) return new OrFilter({ filters: filter.or.map(readFilter) });
  if ('not' in filter) return new NotFilter({ filter: readFilter(filter.not) });
  if ('present' in filter) return new PresenceFilter({ attribute: filter.present });
  if ('equal' in filter) return new EqualityFilter({ attribute: filter.equal, value: filter.value });
  return new GreaterThanEqualsFilter({ attribute: filter.atLeast, value: filter.value });
}

/** ldapts writes what `writeControl` writes behind OID and criticality. */
class RawControl extends Control {
  readonly #value: Buffer | undefined;

  constructor({ oid, isCritical, value }: LdapControl) {
    super(oid, { critical: isCritical });
    this.#value = value;
  }

  protected override writeControl(writer: BerWriter): void {
    if (this.#value !== undefined) writer.writeBuffer(this.#value, Ber.OctetString);
  }
}

const rawControls = (controls: readonly LdapControl[] = []): Control[] => controls.map((each) => new RawControl(each));

export const writeBind = (messageId: number, dn: string, password: string): Buffer =>
  new BindRequest({ messageId, dn, password }).write();

export const writeUnbind = (messageId: number): Buffer => new UnbindRequest({ messageId }).write();

export const writeAbandon = (messageId: number, abandonId: number): Buffer =>
  new AbandonRequest({ messageId, abandonId }).write();

/** RFC 4511 §4.14. */
export const writeStartTls = (messageId: number): Buffer =>
  new ExtendedRequest({ messageId, oid: '1.3.6.1.4.1.1466.20037' }).write();

export function writeSearch(messageId: number, search: LdapSearch, controls = search.controls): Buffer {
  const { baseDn, scope = 'sub', filter, attributes, sizeLimit = 0 } = search;
  return new SearchRequest({
    messageId,
    baseDN: baseDn,
    scope,
    filter: readFilter(filter),
    attributes: [...attributes],
    sizeLimit,
    // The time limit is ours (`budgetMs`): the server's counts also what it waits for us to read.
    timeLimit: 0,
    controls: rawControls(controls),
  }).write();
}

/** What can come from a server: everything that ends an operation is a `result`. */
export type LdapResponse =
  | { readonly kind: 'entry'; readonly messageId: number; readonly entry: LdapEntry }
  | { readonly kind: 'references'; readonly messageId: number; readonly urls: readonly string[] }
  | {
      readonly kind: 'intermediate';
      readonly messageId: number;
      readonly oid: string | undefined;
      readonly value: Buffer;
    }
  | { readonly kind: 'result'; readonly messageId: number; readonly result: WireResult };

export interface WireResult {
  /** RFC 4511 §4.1.9. */
  readonly code: number;
  readonly diagnostic: string;
  readonly referrals: readonly string[];
  readonly controls: readonly LdapControl[];
  /** Of an extended response; RFC 4511 §4.4.1: the server says why it will close the connection. */
  readonly oid: string | undefined;
}

/** protocolOp tags of RFC 4511 §4.2 and following. */
const tags = { entry: 0x64, references: 0x73, intermediate: 0x79, extended: 0x78 } as const;

const maxMessageBytes = 64 * 1024 * 1024;

/**
 * Octets of the message at the start of `buffer` (RFC 4511 §5.1), 0 when its head is not complete.
 * @throws Error when it cannot be LDAP
 */
export function messageLength(buffer: Buffer): number {
  if (buffer.length > 0 && buffer[0] !== 0x30) {
    const isTlsAlert = buffer[0] === 0x15;
    throw new Error(isTlsAlert ? 'it speaks TLS on this port, which wants ldaps://' : 'the server does not speak LDAP');
  }
  if (buffer.length < 2) return 0;
  const first = buffer[1]!;
  if (first < 0x80) return 2 + first;
  const octets = first & 0x7f;
  if (octets === 0 || octets > 4) throw new Error('the server sent a message with a length that LDAP does not have');
  if (buffer.length < 2 + octets) return 0;
  const length = 2 + octets + buffer.readUIntBE(2, octets);
  if (length > maxMessageBytes) throw new Error(`the server sent a message of ${length} octets`);
  return length;
}

/**
 * Reads one whole message.
 * @throws Error when it is not well-formed
 */
export function readResponse(message: Buffer): LdapResponse {
  const reader = new BerReader(message);
  reader.readSequence();
  const messageId = whole(reader.readInt());
  const tag = whole(reader.readSequence());
  const end = reader.offset + reader.length;
  switch (tag) {
    case tags.entry:
      return { kind: 'entry', messageId, entry: readEntry(reader, end) };
    case tags.references:
      return { kind: 'references', messageId, urls: readStrings(reader, end) };
    case tags.intermediate:
      return { kind: 'intermediate', messageId, ...readIntermediate(reader, end) };
    default:
      return { kind: 'result', messageId, result: readResult(reader, end) };
  }
}

function readStrings(reader: BerReader, end: number): string[] {
  const strings: string[] = [];
  readUntil(reader, end, () => strings.push(whole(reader.readString())));
  return strings;
}

function readIntermediate(reader: BerReader, end: number): { oid: string | undefined; value: Buffer } {
  const oid = reader.offset < end && reader.peek() === 0x80 ? (reader.readString(0x80) ?? undefined) : undefined;
  const hasValue = reader.offset < end && reader.peek() === 0x81;
  const value = hasValue ? reader.readString(0x81, true) : undefined;
  return { oid, value: Buffer.from(value ?? []) };
}

function readResult(reader: BerReader, end: number): WireResult {
  const code = whole(reader.readEnumeration());
  reader.readString();
  const diagnostic = whole(reader.readString());
  const referrals: string[] = [];
  let oid: string | undefined;
  readUntil(reader, end, () => {
    const tag = whole(reader.peek());
    if (tag === 0xa3) {
      reader.readSequence(tag);
      referrals.push(...readStrings(reader, reader.offset + reader.length));
    } else {
      const value = whole(reader.readString(tag, true));
      if (tag === 0x8a) oid = value.toString();
    }
  });
  return { code, diagnostic, referrals, controls: readControls(reader), oid };
}

function readControls(reader: BerReader): LdapControl[] {
  const controls: LdapControl[] = [];
  if (reader.remain === 0 || reader.peek() !== 0xa0) return controls;
  reader.readSequence(0xa0);
  const end = reader.offset + reader.length;
  readUntil(reader, end, () => controls.push(readControl(reader)));
  return controls;
}

function readControl(reader: BerReader): LdapControl {
  reader.readSequence();
  const end = reader.offset + reader.length;
  const oid = whole(reader.readString());
  const isCritical = reader.offset < end && reader.peek() === Ber.Boolean ? reader.readBoolean() === true : false;
  // A copy: the message lies in the receive buffer.
  const value = reader.offset < end ? Buffer.from(whole(reader.readString(Ber.OctetString, true))) : undefined;
  return { oid, isCritical, value };
}

function readEntry(reader: BerReader, end: number): LdapEntry {
  const dn = whole(reader.readString());
  const attributes = new Map<string, Buffer[]>();
  reader.readSequence();
  readUntil(reader, end, () => readAttribute(reader, attributes));
  return entryOf(dn, attributes, readControls(reader));
}

/** @param attributes by name in lower case */
export const entryOf = (
  dn: string,
  attributes: ReadonlyMap<string, readonly Buffer[]>,
  controls: readonly LdapControl[],
): LdapEntry => new Entry(dn, attributes, controls);

function readAttribute(reader: BerReader, attributes: Map<string, Buffer[]>): void {
  reader.readSequence();
  const name = whole(reader.readString()).toLowerCase();
  const values: Buffer[] = [];
  reader.readSequence();
  const end = reader.offset + reader.length;
  readUntil(reader, end, () => values.push(whole(reader.readString(Ber.OctetString, true))));
  attributes.set(name, values);
}

/** Text is made when it is asked for: of what a sweep brings, most is never looked at. */
class Entry implements LdapEntry {
  readonly dn: string;
  readonly controls: readonly LdapControl[];
  readonly #attributes: ReadonlyMap<string, readonly Buffer[]>;

  constructor(dn: string, attributes: ReadonlyMap<string, readonly Buffer[]>, controls: readonly LdapControl[]) {
    this.dn = dn;
    this.#attributes = attributes;
    this.controls = controls;
  }

  get names(): readonly string[] {
    return [...this.#attributes.keys()];
  }

  has(name: string): boolean {
    return this.#attributes.has(name.toLowerCase());
  }

  text(name: string): string | undefined {
    return this.#values(name)[0]?.toString('utf8');
  }

  texts(name: string): readonly string[] {
    return this.#values(name).map((value) => value.toString('utf8'));
  }

  octets(name: string): readonly Buffer[] {
    return this.#values(name).map((value) => Buffer.from(value));
  }

  #values(name: string): readonly Buffer[] {
    return this.#attributes.get(name.toLowerCase()) ?? [];
  }
}
