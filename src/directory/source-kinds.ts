/** The kinds of source that routes.yaml may name: to add one, write a file with a `SourceKind`, and name it here. */

import type { Fields, ObjectReader, Reader } from '../settings/declared.ts';
import type { Path } from '../settings/problem.ts';
import { reader, variants } from '../settings/reader.ts';
import type { Report } from '../settings/report.ts';
import type { WrittenFile } from '../settings/written-file.ts';
import { ldapKind } from './ldap/source.ts';
import { ldifKind } from './ldif/source.ts';
import type { CompilePlace, Source, SourceKind } from './source.ts';

/** By the `kind` of a row. */
export const sourceKinds: Record<string, SourceKind<never>> = { ldif: ldifKind, ldap: ldapKind };

/** A row of `directory.sources` that has been read, whatever its kind. */
interface SourceRow {
  /** The name that no other source may have. */
  readonly name: string | undefined;
  compile(path: Path, report: Report, place: CompilePlace): Source | undefined;
  writes(path: Path, folder: string): readonly WrittenFile[];
}

const sections = (): Readonly<Record<string, ObjectReader<Fields>>> =>
  Object.fromEntries(Object.entries(sourceKinds).map(([name, { section }]) => [name, section]));

const anyRow = (): Reader<{ readonly kind: string }> =>
  variants('kind', sections()) as Reader<{ readonly kind: string }>;

export const sourceRow: Reader<SourceRow> = reader(
  (node, spot) => {
    const row = anyRow()(node, spot);
    return row === undefined ? undefined : rowOf(sourceKinds[row.kind]!, row);
  },
  { schema: anyRow().schema ?? {} },
);

/** What a kind is given here has been read by its own section. */
const rowOf = (kind: SourceKind<never>, row: unknown): SourceRow => ({
  name: kind.nameOf?.(row as never),
  compile: (path, report, place) => kind.compile({ path, value: row as never }, report, place),
  writes: (path, folder) => kind.writes?.({ path, value: row as never }, folder) ?? [],
});
