/** Tells problems that are found after reading, by path: the place is looked up in the file. */
import { placeOf, type YamlNode } from './document.ts';
import type { Path, Problems } from './problem.ts';
import type { FileReading } from './text-file.ts';

export class Report {
  readonly problems: Problems;
  /** The files that the settings name, as they were found. */
  readonly files: FileReading[] = [];
  readonly #root: YamlNode;

  constructor(root: YamlNode, problems: Problems) {
    this.#root = root;
    this.problems = problems;
  }

  error(path: Path, what: string, hint?: string): void {
    this.problems.error(placeOf(this.#root, path), path, what, hint);
  }

  warning(path: Path, what: string, hint?: string): void {
    this.problems.warning(placeOf(this.#root, path), path, what, hint);
  }

  /** Whether nothing is wrong at `path`, above it or below it, so that what is missing there is really missing. */
  isSound(...path: Path): boolean {
    return !this.problems.hasErrorAround(...path);
  }
}
