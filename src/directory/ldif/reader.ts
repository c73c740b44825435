/**
 * Reads LDIF content records as RFC 2849 writes them, as `ldifde` of Windows does (each with `changetype: add`, with `-u` in letters
 * beyond ASCII), and as `ldapsearch` prints them, with what it says of its search. Every problem is named with its line. It knows no
 * attribute.
 */

export interface LdifProblem {
  /** `value`: of one entry, which is passed over; `duplicate`: of two sound entries with one address the enabled one counts. */
  readonly kind: 'syntax' | 'value' | 'duplicate';
  /** From 1; of a folded line the first. */
  readonly line: number;
  readonly problem: string;
}

export interface LdifValue {
  readonly line: number;
  /** Lower case, without options. */
  readonly attribute: string;
  /** Lower case: `binary`, `lang-de`. */
  readonly options: readonly string[];
  /** Undefined when the octets (given in base64) are not UTF-8. */
  readonly text: string | undefined;
}

export interface LdifRecord {
  /** Line of its `dn`. */
  readonly line: number;
  readonly dn: string;
  readonly values: readonly LdifValue[];
}

interface LdifContent {
  readonly records: readonly LdifRecord[];
  /** By line. Records with a problem stand among `records` with those values that are sound. */
  readonly problems: readonly LdifProblem[];
}

/** A line after unfolding. */
interface LogicalLine {
  readonly line: number;
  text: string;
}

type Report = (line: number, problem: string) => void;

/** RFC 2849 knows a space only; OpenLDAP, IBM and what is older than the RFC take a tab, and no line of another kind begins with one. */
const continuation = /^[ \t]/;

/**
 * Unfolds (RFC 2849 note 2), drops comments, and cuts at blank lines: one block is one record. Files that were put together have
 * a byte order mark wherever one of them begins.
 */
const blocksOf = (text: string, report: Report): LogicalLine[][] => {
  const blocks: LogicalLine[][] = [];
  let block: LogicalLine[] = [];
  let last: LogicalLine | undefined;
  for (const [index, raw] of text.split('\n').entries()) {
    const line = index + 1;
    const physical = (raw.endsWith('\r') ? raw.slice(0, -1) : raw).replace(/^\ufeff/, '');
    if (physical.includes('\r')) report(line, 'has a carriage return that does not end the line');
    if (continuation.test(physical)) {
      const what = physical.startsWith(' ') ? 'space' : 'tab';
      if (last === undefined) report(line, `begins with a ${what}, but there is no line before it to continue`);
      else last.text += physical.slice(1);
      continue;
    }
    last = physical === '' ? undefined : { line, text: physical };
    if (last === undefined) {
      blocks.push(block);
      block = [];
    } else if (!physical.startsWith('#')) {
      block.push(last);
    }
  }
  return [...blocks, block].filter(({ length }) => length > 0);
};

/** AttributeDescription: a name or an OID, then options. */
const description = /^([a-z][a-z0-9-]*|[0-9]+(?:\.[0-9]+)*)((?:;[a-z0-9-]+)*):/i;

const base64 = /^(?:[a-z0-9+/]{4})*(?:[a-z0-9+/]{2}==|[a-z0-9+/]{3}=)?$/i;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const textOf = (octets: Buffer): string | undefined => {
  try {
    return utf8.decode(octets);
  } catch {
    return undefined;
  }
};

interface RawValue {
  readonly line: number;
  /** As written, for problems. */
  readonly name: string;
  /** What stands behind the first colon. */
  readonly spec: string;
}

const readBase64 = ({ line, name, spec }: RawValue, report: Report): { text: string | undefined } | undefined => {
  const encoded = spec.slice(1).replace(/^[ \t]+/, '');
  if (base64.test(encoded)) return { text: textOf(Buffer.from(encoded, 'base64')) };
  report(line, `the value of ${name} is not base64, as the two colons say`);
  return undefined;
};

/** It begins with neither a colon nor `<`; letters beyond ASCII say what they are in any file of text. */
const readPlain = ({ line, name, spec }: RawValue, report: Report): { text: string } | undefined => {
  const text = spec.replace(/^[ \t]+/, '');
  if (text.startsWith(':'))
    report(line, `the value of ${name} begins with a colon: write it in base64, as ${name}:: ...`);
  else if (text.includes('\0')) report(line, `the value of ${name} has a NUL: write it in base64, as ${name}:: ...`);
  else return { text };
  return undefined;
};

const readSpec = (raw: RawValue, report: Report): { text: string | undefined } | undefined => {
  if (raw.spec.startsWith(':')) return readBase64(raw, report);
  if (!raw.spec.startsWith('<')) return readPlain(raw, report);
  report(raw.line, `the value of ${raw.name} is a reference to a file or URL, which is never read here`);
  return undefined;
};

const readValue = ({ line, text }: LogicalLine, report: Report): LdifValue | undefined => {
  const [head, name, options] = description.exec(text) ?? [];
  if (head === undefined || name === undefined) {
    report(line, `is not "attribute: value": ${JSON.stringify(text.slice(0, 40))}`);
    return undefined;
  }
  const value = readSpec({ line, name, spec: text.slice(head.length) }, report);
  return value && { line, attribute: name.toLowerCase(), options: optionsOf(options), text: value.text };
};

const optionsOf = (options: string | undefined): string[] =>
  options === undefined || options === '' ? [] : options.slice(1).toLowerCase().split(';');

/**
 * The kind of a change record (RFC 2849, ldif-changes); undefined for a content record. `changetype: add` says of an entry what a
 * content record says, and `ldifde` exports nothing else. A control says how a change is to be made.
 */
const changeOf = (line: LogicalLine): string | undefined => {
  if (/^control:/i.test(line.text)) return 'with a control';
  if (!/^changetype:/i.test(line.text)) return undefined;
  const kind =
    readValue(line, () => undefined)
      ?.text?.trim()
      .toLowerCase() ?? '';
  return kind === 'add' ? undefined : `changetype: ${/^[a-z]+$/.test(kind) ? kind : JSON.stringify(kind)}`;
};

const isChangeType = ({ text }: LogicalLine): boolean => /^changetype:/i.test(text);

const readDn = (first: LogicalLine, report: Report): string | undefined => {
  const dn = /^dn:/i.test(first.text) ? readValue(first, report) : undefined;
  if (dn === undefined && !/^dn:/i.test(first.text)) report(first.line, 'a record must begin with its dn');
  if (dn !== undefined && dn.text === undefined) report(first.line, 'the dn is not UTF-8');
  return dn?.text;
};

const readRecord = (block: readonly LogicalLine[], report: Report): LdifRecord | undefined => {
  const [first, ...rest] = block;
  if (first === undefined) return undefined;
  for (const line of rest) {
    const change = changeOf(line);
    if (change === undefined) continue;
    report(line.line, `is a change record (${change}), and only entries are read: export entries, not changes`);
    return undefined;
  }
  const dn = readDn(first, report) ?? '';
  const attributes = rest.filter((line) => !isChangeType(line));
  if (attributes.length === 0) report(first.line, 'the record has no attributes');
  const values = attributes.map((line) => readValue(line, report)).filter((value) => value !== undefined);
  return { line: first.line, dn, values };
};

/** Takes the version line, if there is one: of the file, or of one that it was put together from. Only version 1 exists. */
const takeVersion = (block: LogicalLine[], report: Report): void => {
  const [first] = block;
  if (first === undefined || !/^version:/i.test(first.text)) return;
  if (!/^version: *1$/i.test(first.text)) report(first.line, 'only "version: 1" of LDIF exists');
  block.shift();
};

/**
 * Whether a block is no record, but what `ldapsearch` prints besides them unless it is told `-L`: a reference to another server, or
 * the end of a search or of one of its pages. An end that was no success says that records are missing.
 */
const isOfSearch = ([first, ...rest]: readonly LogicalLine[], report: Report): boolean => {
  if (first === undefined || !/^(?:search: \d+|ref: .*)$/.test(first.text)) return false;
  const failed = rest.find(({ text }) => /^result: (?!0(?: |$))/.test(text));
  if (failed !== undefined) {
    report(failed.line, `ldapsearch did not come to its end, so entries are missing: ${JSON.stringify(failed.text)}`);
  }
  return true;
};

/**
 * Reads a whole file; all problems are found in one go.
 * @param text without a byte order mark, or with
 */
export const readLdif = (text: string): LdifContent => {
  const problems: LdifProblem[] = [];
  const report: Report = (line, problem) => problems.push({ kind: 'syntax', line, problem });
  const blocks = blocksOf(text, report);
  for (const block of blocks) takeVersion(block, report);
  const written = blocks.filter((block) => block.length > 0 && !isOfSearch(block, report));
  const records = written.map((block) => readRecord(block, report)).filter((record) => record !== undefined);
  if (written.length === 0) report(1, 'has no records: every user would be unknown');
  return { records, problems: problems.sort((a, b) => a.line - b.line) };
};
