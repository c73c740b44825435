/** What is wrong with a configuration, where, and what to do about it: the words that `check` prints. */
import { hexOf, hiddenCharacters } from './hidden-characters.ts';

/** Steps from the top of the file to a value: `['routes', 1, 'port']`. */
export type Path = readonly (string | number)[];

/** Both count from 1. A column counts UTF-16 units, as editors do. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A warning is printed and changes nothing; an error keeps the configuration from being used. */
export type Severity = 'error' | 'warning';

export interface Problem extends Place {
  readonly severity: Severity;
  /** The file as the operator named it; not always routes.yaml (a user list and an LDIF file have lines, too). */
  readonly file: string;
  /** `routes[1].port`; empty when the problem is about the file as a whole. */
  readonly path: string;
  readonly what: string;
  readonly hint: string | undefined;
}

export const formatPath = (path: Path): string =>
  path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');

/** `routes.yaml:14:11: error: routes[1].port: 70000 is ... (at most 65535)`: the form that editors jump to. */
export function formatProblem(problem: Problem): string {
  const subject = problem.path === '' ? '' : `${problem.path}: `;
  const hint = problem.hint === undefined ? '' : ` (${problem.hint})`;
  return `${problem.file}:${problem.line}:${problem.column}: ${problem.severity}: ${subject}${problem.what}${hint}`;
}

/** How a value that came from the file is shown in a message: cut, and without line breaks. */
export const quote = (text: string): string => {
  const shown = text.length > 80 ? `${text.slice(0, 77)}...` : text;
  return JSON.stringify(shown).replace(hiddenCharacters, (hidden) => `\\u${hexOf(hidden)}`);
};

/** The order in which a reader walks through a file; problems of other files come behind. */
function inReadingOrder(problems: readonly Problem[], firstFile: string): readonly Problem[] {
  const rank = (problem: Problem) => (problem.file === firstFile ? 0 : 1);
  return [...problems].sort(
    (a, b) => rank(a) - rank(b) || compareText(a.file, b.file) || a.line - b.line || a.column - b.column,
  );
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export const hasError = (problems: readonly Problem[]): boolean =>
  problems.some((problem) => problem.severity === 'error');

/** Those of one sort differ in the line, and in what they quote and count. */
const sortOf = ({ severity, file, path, what, hint }: Problem): string =>
  [severity, file, path, what].map((text) => text.replace(/"(?:[^"\\]|\\.)*"|\d+/g, '')).join('\n') + (hint ?? '');

/** So many problems of one sort are told one by one; the rest is counted. */
const mostToldOfSort = 20;

function tellSort(problems: readonly Problem[]): readonly Problem[] {
  const told = [...Map.groupBy(problems, ({ path, what }) => `${path}\n${what}`).values()];
  const rest = told.slice(mostToldOfSort).flat();
  const first = told.slice(0, mostToldOfSort).map(tellOnce);
  if (rest.length === 0) return first;
  const last = first.at(-1)!;
  const what = `${last.what}; ${rest.length} more problems of this kind follow, up to line ${rest.at(-1)!.line}`;
  return [...first.slice(0, -1), { ...last, what }];
}

/** In "the same 3 times more: lines 6, 10, 14": so many lines are named. */
const mostLinesNamed = 6;

/** @param same not empty */
function tellOnce(same: readonly Problem[]): Problem {
  const [first, ...others] = same as [Problem, ...Problem[]];
  if (others.length === 0) return first;
  const lines = others.map(({ line }) => line);
  const shown = lines.length > mostLinesNamed ? [...lines.slice(0, mostLinesNamed - 1), '...', lines.at(-1)] : lines;
  const times = others.length === 1 ? 'once more: line' : `${others.length} times more: lines`;
  return { ...first, what: `${first.what}; the same ${times} ${shown.join(', ')}` };
}

/** Collects the problems of one file, so that all of them are told at once. */
export class Problems {
  readonly file: string;
  readonly #found: Problem[] = [];
  readonly #brokenPaths: Path[] = [];
  readonly #setAside = new Set<string>();

  constructor(file: string) {
    this.file = file;
  }

  error(place: Place, path: Path, what: string, hint?: string): void {
    this.#brokenPaths.push(path);
    this.#add('error', place, path, what, hint);
  }

  warning(place: Place, path: Path, what: string, hint?: string): void {
    this.#add('warning', place, path, what, hint);
  }

  /** What is wrong with `path` has been told in other words. */
  setAside(path: Path): void {
    this.#brokenPaths.push(path);
    this.#setAside.add(formatPath(path));
  }

  isSetAside(path: Path): boolean {
    return this.#setAside.has(formatPath(path));
  }

  /** Takes over what was found in another file. */
  adopt(problem: Problem): void {
    this.#found.push(problem);
  }

  /** Whether something at `path`, above it or below it is wrong: then nothing may be concluded from what is missing there. */
  hasErrorAround(...path: Path): boolean {
    return this.#brokenPaths.some((broken) => broken.every((step, i) => i >= path.length || path[i] === step));
  }

  /** In reading order. What is said of several lines is said once, with a count: an export may have a hundred thousand. */
  all(): readonly Problem[] {
    const sorts = Map.groupBy(inReadingOrder(this.#found, this.file), sortOf);
    return inReadingOrder([...sorts.values()].flatMap(tellSort), this.file);
  }

  #add(severity: Severity, place: Place, path: Path, what: string, hint: string | undefined): void {
    const { line, column } = place;
    this.#found.push({ severity, file: this.file, line, column, path: formatPath(path), what, hint });
  }
}
