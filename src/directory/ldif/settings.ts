/** The settings of an LDIF source; the file is read with them, for what is wrong in it is a problem of the configuration. */
import { createHash } from 'node:crypto';
import type { ObjectOf } from '../../settings/declared.ts';
import { readNamedFile, resolvePath } from '../../settings/named-file.ts';
import { called, choice, type Item, object, required, withDefault } from '../../settings/reader.ts';
import type { Report } from '../../settings/report.ts';
import { percentage, text } from '../../settings/values.ts';
import type { CompilePlace } from '../source.ts';
import { type LdifDirectory, ldifDirectory, tellBlindFile } from './users.ts';

export const ldifSection = object({
  kind: required(choice(['ldif'])),
  file: required(text()),
  maxLoss: called('max-loss', withDefault(percentage, 0.1)),
});

export type LdifRow = ObjectOf<typeof ldifSection.fields>;

export interface LdifSourceSettings {
  /** Absolute. */
  readonly file: string;
  /** As the operator named it. */
  readonly named: string;
  /** As the file has been read. */
  readonly contents: LdifDirectory;
  /** Of what the file said. */
  readonly digest: string;
  /** It ends within a line, as one does that is being written or has broken off. */
  readonly isCutOff: boolean;
  /** Share of the users, 0 to 1: a version of the file that would lose more is held back. */
  readonly maxLoss: number;
}

/**
 * @param former of the configuration in force: users of many are not read anew while their file says the same
 * @returns undefined when it has been reported why the file cannot be read
 */
export function compileLdif(
  { path, value: { file, maxLoss } }: Item<LdifRow>,
  report: Report,
  { folder, microsoftUser }: Pick<CompilePlace, 'folder' | 'microsoftUser'>,
  former: readonly LdifSourceSettings[],
): LdifSourceSettings | undefined {
  const written = readNamedFile(file, [...path, 'file'], report, folder);
  if (written === undefined) return undefined;
  const digest = createHash('sha256').update(written).digest('base64');
  const known = former.find((each) => each.digest === digest && each.named === file);
  const contents = known?.contents ?? ldifDirectory(written, file);
  const { userCount } = contents;
  for (const { kind, line, problem } of contents.problems) {
    // One bad value is passed over, as a server's is; a file of nothing else is the wrong file.
    const severity = kind === 'duplicate' || (kind === 'value' && userCount > 0) ? 'warning' : 'error';
    report.problems.adopt({ severity, file, line, column: 1, path: '', what: problem, hint: undefined });
  }
  // Whoever wrote the file may mean it so; an account that cannot read the attribute never does.
  if (microsoftUser === 'enabled' && userCount > 0 && !contents.showsEnabled) {
    const hint = 'routing: microsoft-user: address is for a directory in which having an address is enough';
    report.warning([...path, 'file'], `${file}: ${tellBlindFile(userCount)}`, hint);
  }
  return { file: resolvePath(file, folder), named: file, contents, digest, isCutOff: !written.endsWith('\n'), maxLoss };
}
