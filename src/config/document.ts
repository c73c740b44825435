/** YAML as a tree of plain nodes that know their place. The only file that imports `yaml`. */
import { type Document, isMap, isScalar, isSeq, LineCounter, parseDocument, type YAMLError } from 'yaml';
import type { Path, Place, Problems } from './problem.ts';
import { startOfFile } from './text-file.ts';

/** All scalars are text: what a word means (`10.`, `yes`, `0x10`) is decided by the setting that it stands for. */
export interface ScalarNode {
  readonly kind: 'scalar';
  readonly place: Place;
  readonly text: string;
  readonly isQuoted: boolean;
}

export interface ListNode {
  readonly kind: 'list';
  readonly place: Place;
  readonly items: readonly YamlNode[];
}

export interface MapNode {
  readonly kind: 'map';
  readonly place: Place;
  readonly entries: ReadonlyMap<string, MapEntry>;
}

export interface MapEntry {
  readonly keyPlace: Place;
  readonly node: YamlNode;
}

/** Something already reported: whoever meets it says nothing more about it. */
export interface BrokenNode {
  readonly kind: 'broken';
  readonly place: Place;
}

export type YamlNode = ScalarNode | ListNode | MapNode | BrokenNode;

/**
 * Reads one YAML document. Syntax errors, duplicate keys, aliases and tags are reported to `problems`; after a syntax
 * error there is no tree, because what follows would be guesswork. Never throws.
 */
export function readYaml(text: string, problems: Problems): YamlNode | undefined {
  const lines = new LineCounter();
  const document = compose(text, lines, problems);
  if (document === undefined) return undefined;
  const complaints = [...document.errors, ...document.warnings];
  for (const complaint of complaints) reportSyntax(complaint, lines, problems);
  if (complaints.length > 0) return undefined;
  if (document.contents === null) {
    problems.error(
      startOfFile,
      [],
      'this file has no settings in it',
      'start from the routes.yaml that comes with the router',
    );
    return undefined;
  }
  return new TreeBuilder(lines, problems).build(document.contents, []);
}

/** The place of the value at `path`, or of the nearest thing above it that is there. */
export function placeOf(root: YamlNode, path: Path): Place {
  let node = root;
  let place = root.place;
  for (const step of path) {
    const entry = node.kind === 'map' ? node.entries.get(String(step)) : undefined;
    const next = node.kind === 'list' ? node.items[Number(step)] : entry?.node;
    if (next === undefined) return place;
    // A block of settings starts below its name; the name is what an operator looks for.
    place = entry !== undefined && next.kind !== 'scalar' ? entry.keyPlace : next.place;
    node = next;
  }
  return place;
}

// Deep nesting exhausts the library's recursion; that must be a problem of the file, not the end of the process.
function compose(text: string, lines: LineCounter, problems: Problems): Document.Parsed | undefined {
  try {
    return parseDocument(text, { schema: 'failsafe', uniqueKeys: false, prettyErrors: false, lineCounter: lines });
  } catch (failure) {
    problems.error(startOfFile, [], `this file cannot be read as YAML: ${(failure as Error).message}`);
    return undefined;
  }
}

const syntaxHints: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'indent with spaces',
  BAD_INDENT: 'lines of one block must start in the same column, and every [ and { must be closed',
  BLOCK_AS_IMPLICIT_KEY: 'is the line indented like its neighbours? a value that contains ": " must stand in quotes',
  MULTILINE_IMPLICIT_KEY: 'is the line indented like its neighbours?',
  BLOCK_IN_FLOW: 'is a comma missing between two settings?',
  BAD_SCALAR_START: 'put the value in quotes',
  MISSING_CHAR: 'is a quote, a comma, a space or a closing bracket missing?',
  UNEXPECTED_TOKEN: 'is the line indented like its neighbours?',
  MULTIPLE_DOCS: 'the file must hold one document: remove the line "---"',
};

function reportSyntax(complaint: YAMLError, lines: LineCounter, problems: Problems): void {
  const what = complaint.code === 'MULTIPLE_DOCS' ? 'a second YAML document starts here' : complaint.message;
  problems.error(placeAt(lines, complaint.pos[0]), [], `YAML: ${what}`, syntaxHints[complaint.code]);
}

function placeAt(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return line === 0 ? startOfFile : { line, column: col };
}

// Far deeper than any setting, and far from exhausting the stack.
const deepest = 32;

/** Turns the library's tree into ours, and refuses on the way what no setting can mean. */
class TreeBuilder {
  readonly #lines: LineCounter;
  readonly #problems: Problems;

  constructor(lines: LineCounter, problems: Problems) {
    this.#lines = lines;
    this.#problems = problems;
  }

  build(node: unknown, path: Path): YamlNode {
    const place = this.#place(node);
    if (path.length > deepest) return this.#broken(place, path, 'this is nested too deeply');
    if (isScalar(node)) {
      const isQuoted = node.type !== 'PLAIN';
      return { kind: 'scalar', place, text: String(node.value), isQuoted };
    }
    if (isSeq(node)) {
      return { kind: 'list', place, items: node.items.map((item, i) => this.build(item, [...path, i])) };
    }
    if (isMap(node)) return { kind: 'map', place, entries: this.#entries(node.items, path) };
    return this.#broken(
      place,
      path,
      'a value that starts with * means a YAML alias, and aliases are not supported',
      "put it in quotes, as in '*.example.com'",
    );
  }

  #entries(pairs: readonly { key: unknown; value: unknown }[], path: Path): ReadonlyMap<string, MapEntry> {
    const entries = new Map<string, MapEntry>();
    for (const { key, value } of pairs) this.#addEntry(entries, key, value, path);
    return entries;
  }

  #addEntry(entries: Map<string, MapEntry>, key: unknown, value: unknown, path: Path): void {
    const keyPlace = this.#place(key);
    if (!isScalar(key)) {
      this.#broken(keyPlace, path, 'the name of a setting must be one word');
      return;
    }
    const name = String(key.value);
    const first = entries.get(name);
    if (first !== undefined) {
      const where = `the first is in line ${first.keyPlace.line}, column ${first.keyPlace.column}`;
      this.#broken(keyPlace, [...path, name], 'this setting is given twice', where);
      return;
    }
    const node: YamlNode =
      value === null
        ? { kind: 'scalar', place: keyPlace, text: '', isQuoted: false }
        : this.build(value, [...path, name]);
    entries.set(name, { keyPlace, node });
  }

  #broken(place: Place, path: Path, what: string, hint?: string): BrokenNode {
    this.#problems.error(place, path, what, hint);
    return { kind: 'broken', place };
  }

  #place(node: unknown): Place {
    const range = (node as { range?: readonly number[] | null } | null)?.range;
    return range ? placeAt(this.#lines, range[0]!) : startOfFile;
  }
}
