/** A file that the router writes, and that a setting names. */
import type { Path } from './problem.ts';

export interface WrittenFile {
  readonly path: Path;
  /** Absolute. */
  readonly file: string;
  /** What stands there that must stay, as the end of a sentence that begins with the file's name. */
  readonly obstacle: () => string | undefined;
}
