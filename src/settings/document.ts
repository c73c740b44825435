/** YAML as a tree of plain nodes that know their place. The only file that imports `yaml`. */
import { type Document, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Path, Place, Problems } from './problem.ts';
import { startOfFile } from './text-file.ts';
import { type Complaint, explainComplaint } from './yaml-faults.ts';

/** All scalars are text: what a word means (`10.`, `yes`, `0x10`) is decided by the setting that it stands for. */
export interface ScalarNode {
  readonly kind: 'scalar';
  readonly place: Place;
  readonly text: string;
  readonly isQuoted: boolean;
}

interface ListNode {
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
interface BrokenNode {
  readonly kind: 'broken';
  readonly place: Place;
}

export type YamlNode = ScalarNode | ListNode | MapNode | BrokenNode;

/**
 * Reads one YAML document. Aliases, tags and settings given twice are reported to `problems`; of a file that is not well
 * written the first mistake is told, and there is no tree, because what follows would be guesswork. Never throws.
 */
export function readYaml(text: string, problems: Problems): YamlNode | undefined {
  const lines = new LineCounter();
  if (!hasLineEnds(text, problems)) return undefined;
  const document = compose(text, lines, problems);
  if (document === undefined) return undefined;
  const complaint = firstOf(document);
  if (complaint !== undefined) {
    const { offset, what, hint } = explainComplaint(text, complaint, complaintAbout);
    problems.error(placeAt(lines, offset), [], what, hint);
    return undefined;
  }
  if (document.contents === null) {
    problems.error(
      startOfFile,
      [],
      'this file has no settings in it',
      'start from the routes.yaml that comes with the router',
    );
    return undefined;
  }
  return new TreeBuilder(text, lines, problems).build(document.contents, []);
}

/** Line ends of an old Macintosh: a parser takes the whole file for one line. */
function hasLineEnds(text: string, problems: Problems): boolean {
  const at = text.search(/\r(?!\n)/);
  if (at < 0) return true;
  const before = text.slice(0, at).split('\n');
  const place = { line: before.length, column: before.at(-1)!.length + 1 };
  const hint = 'save the file with the line ends of Unix or Windows';
  problems.error(place, [], 'this line ends in a lone carriage return', hint);
  return false;
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
    return parse(text, lines);
  } catch (failure) {
    problems.error(startOfFile, [], `this file cannot be read as YAML: ${(failure as Error).message}`);
    return undefined;
  }
}

const parse = (text: string, lines: LineCounter): Document.Parsed =>
  parseDocument(text, { schema: 'failsafe', uniqueKeys: false, prettyErrors: false, lineCounter: lines });

function firstOf({ errors, warnings }: Document.Parsed): Complaint | undefined {
  // That a closing bracket starts its line as far left as the setting does is a matter of taste.
  const counting = warnings.filter(({ code }) => code !== 'BAD_INDENT');
  const [first] = [...errors, ...counting].toSorted((a, b) => a.pos[0] - b.pos[0]);
  return first && { code: first.code, message: first.message, offset: first.pos[0] };
}

const unreadable: Complaint = { code: 'IMPOSSIBLE', message: 'it is nested too deeply', offset: 0 };

function complaintAbout(text: string): Complaint | undefined {
  try {
    return firstOf(parse(text, new LineCounter()));
  } catch {
    return unreadable;
  }
}

function placeAt(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return line === 0 ? startOfFile : { line, column: col };
}

// Far deeper than any setting, and far from exhausting the stack.
const deepest = 32;

/** Turns the library's tree into ours, and refuses on the way what no setting can mean. */
class TreeBuilder {
  readonly #text: string;
  readonly #lines: LineCounter;
  readonly #problems: Problems;

  constructor(text: string, lines: LineCounter, problems: Problems) {
    this.#text = text;
    this.#lines = lines;
    this.#problems = problems;
  }

  build(node: unknown, path: Path): YamlNode {
    const place = this.#place(node);
    if (path.length > deepest) return this.#broken(place, path, 'this is nested too deeply');
    const anchor = (node as { anchor?: string } | null)?.anchor;
    if (anchor !== undefined) return this.#anchored(node, path);
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

  #anchored(node: unknown, path: Path): BrokenNode {
    const end = (node as { range?: readonly number[] | null }).range?.[0] ?? 0;
    const place = placeAt(this.#lines, Math.max(0, this.#text.lastIndexOf('&', end)));
    return this.#broken(place, path, 'a value that starts with & must stand in quotes', 'it would be a YAML anchor');
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
