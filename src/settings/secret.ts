/** Secrets: a setting names the file or the environment variable that holds one; what is wrong with it is told without it. */
import { statSync } from 'node:fs';
import { shellWord } from '../shell-word.ts';
import { resolvePath } from './named-file.ts';
import type { Path } from './problem.ts';
import type { Report } from './report.ts';
import { readTextFile } from './text-file.ts';

/** A text that no log, no JSON and no inspection shows. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }
}

/** What people call it; its settings are `KIND-file` and `KIND-env`. */
type SecretKind = 'password' | 'token';

/** What the two settings say. */
interface SecretSource {
  readonly file: string | undefined;
  readonly variable: string | undefined;
}

/**
 * @param path of the section that has the two settings
 * @param folder where relative file names start
 * @returns undefined when it has been reported why there is none
 */
export function readSecret(
  kind: SecretKind,
  { file, variable }: SecretSource,
  path: Path,
  report: Report,
  folder: string,
): Secret | undefined {
  if (file !== undefined && variable !== undefined) {
    report.error([...path, `${kind}-env`], `the ${kind} is given twice`, `name either ${kind}-file or ${kind}-env`);
    return undefined;
  }
  if (file !== undefined) return secretOfFile(kind, file, [...path, `${kind}-file`], report, folder);
  if (variable !== undefined) return secretOfEnvironment(kind, variable, [...path, `${kind}-env`], report);
  report.error([...path, `${kind}-file`], `the ${kind} is missing`, `name either ${kind}-file or ${kind}-env`);
  return undefined;
}

/** Neither setting's text is told: who misunderstands it has written the secret itself there. */
const isItTheSecret = (kind: SecretKind, expected: string): string =>
  `${expected} is expected here, never the ${kind} itself`;

function secretOfEnvironment(kind: SecretKind, variable: string, path: Path, report: Report): Secret | undefined {
  const text = process.env[variable];
  if (text !== undefined && text !== '') return new Secret(text);
  const what = `this environment variable is ${text === undefined ? 'not set' : 'empty'}`;
  report.error(path, what, isItTheSecret(kind, 'the name of one'));
  return undefined;
}

function secretOfFile(kind: SecretKind, file: string, path: Path, report: Report, folder: string): Secret | undefined {
  const read = readTextFile(resolvePath(file, folder));
  report.files.push(read.reading);
  if (read.kind === 'unreadable') {
    const missing = isItTheSecret(kind, `the name of a file, in ${folder} unless it begins with /,`);
    report.error(path, read.what, read.isMissing ? missing : read.hint);
    return undefined;
  }
  checkIsPrivate(kind, file, path, report, folder);
  // An editor ends the line; a secret does not.
  const text = read.text.replace(/\r?\n$/, '');
  if (text !== '' && !/[\r\n]/.test(text)) return new Secret(text);
  report.error(path, `this file must hold the ${kind}, in one line and nothing else`);
  return undefined;
}

/**
 * Refuses a file that others may read, by sshd's rule for host keys: nobody but its owner where that is the router's own
 * user. A file that is root's, as PostgreSQL has it, may be shown to a group of root's choice.
 * @param file that has been read
 */
export function checkIsPrivate(
  kind: SecretKind | 'private key' | 'file of keys',
  file: string,
  path: Path,
  report: Report,
  folder: string,
): void {
  const found = statSync(resolvePath(file, folder), { throwIfNoEntry: false });
  const own = process.getuid?.();
  if (found === undefined || own === undefined) return;
  const isOurs = found.uid === own && own !== 0;
  if ((found.mode & (isOurs ? 0o077 : 0o037)) === 0) return;
  const mode = isOurs || own === 0 ? '600' : '640';
  report.error(path, `others on this machine may get at this ${kind}`, `chmod ${mode} ${shellWord(file)}`);
}
