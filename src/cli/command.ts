/** What every command is given and gives back. */

export interface CommandIo {
  /** One line to standard output. */
  out(line: string): void;
  /** One line to standard error. */
  err(line: string): void;
}

/** Resolves with the exit code: 0 all well, 1 refused or failed, 2 wrong usage. */
export type Command = (args: readonly string[], io: CommandIo) => Promise<number>;
