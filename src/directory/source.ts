/**
 * What a source of users is to the rest of the router. A new kind of source is a file that has all this, and a line in
 * `source-kinds.ts`: nobody outside asks of which kind a source is.
 */

import type { DirectoryAnswer } from '../routing/types.ts';
import type { Fields, ObjectReader } from '../settings/declared.ts';
import type { Item } from '../settings/reader.ts';
import type { Report } from '../settings/report.ts';
import type { WrittenFile } from '../settings/written-file.ts';
import type { CacheSettings } from './cached.ts';
import type { Directory, DirectoryDescription, DirectoryParts } from './directory.ts';
import type { SourceExamination } from './ldap/examine.ts';
import type { ServerReport } from './ldap/ldap.ts';
import type { Ask } from './or-else.ts';
import type { SharedTable } from './table/user-records.ts';
import type { Lendable } from './threads/lend.ts';

/** One `kind` of a row of `directory.sources`. */
export interface SourceKind<Row = unknown> {
  /** Its settings, the `kind` with its one possible value among them. */
  readonly section: ObjectReader<Fields>;
  /** The name that no other source may have; undefined: it is known by something else. */
  nameOf?(row: Row): string | undefined;
  /** What its settings mean together, and the files that they name, are checked here. Undefined: it has been reported why there is none. */
  compile(row: Item<Row>, report: Report, place: CompilePlace): Source | undefined;
  /** The files that it writes. */
  writes?(row: Item<Row>, folder: string): readonly WrittenFile[];
}

export interface CompilePlace {
  /** Where relative file names start. */
  readonly folder: string;
  /** Who counts as a Microsoft user: whoever is enabled, or whoever has an address. */
  readonly microsoftUser: 'enabled' | 'address';
  /** Sources of the configuration in force: a file that says the same need not be read into users again. */
  readonly former: readonly Source[];
}

/** A configured source; no connection is opened by having it. */
export interface Source {
  /** As it stands in answers, logs and reports: `ldap corp`. */
  readonly name: string;
  /** What it will be. */
  describe(): DirectoryDescription;
  /** Nothing about them differs. */
  isSame(other: Source): boolean;
  /** Both know the same users: how they are reached, asked and kept is another matter. */
  knowsTheSame(other: Source): boolean;
  /**
   * Begins to connect at once, and waits for nothing.
   * @param before what is known of before, for whom it cannot tell
   */
  open(cache: CacheSettings, parts: DirectoryParts, before?: Ask): LivingSource;
  /** The same for one question: nobody reads all users for it. */
  forOneQuestion(): Source;
  /** All users, where they are known without asking a server. */
  readonly users: Directory | undefined;
  readonly certificates: readonly NamedCertificates[];
  /** Absolute. */
  readonly writtenFiles: readonly string[];
  /**
   * Tries it for an administrator.
   * @param domains that both sides share, lower case
   * @returns undefined when there is nothing to try but what `describe` says
   */
  examine(domains: readonly string[], parts: DirectoryParts): Promise<SourceExamination | undefined>;
}

export interface NamedCertificates {
  /** Below the row: `ca`. */
  readonly setting: string;
  readonly use: 'authority';
  readonly pem: string;
}

export interface Closable {
  close(): void | Promise<void>;
}

/**
 * A source in service. A reload changes what has changed: one that will know the same users is given its new settings, and keeps
 * whom it knows and what it has learnt, most of all while nobody could tell it anew.
 */
export interface LivingSource extends Closable {
  /** The settings in force. */
  readonly source: Source;
  readonly directory: Directory;
  /** What an operator should hear of it at each reload. */
  readonly warning?: string | undefined;
  /** Resolves when it has been tried for the first time, well or not. */
  ready(): Promise<void>;
  /** What it knew last of a user, marked stale, for a source that takes its place. */
  lastKnown?(recipientKey: string): DirectoryAnswer | undefined;
  /** @param succession of this source, when another directory has it: the view is then as it will be */
  view(source: Source, succession: Succession | undefined): SourceView;
  /**
   * Makes ready to go on with other settings.
   * @returns undefined when with these it would know other users, or would have to be made anew
   */
  succession(next: Source, cache: CacheSettings): Succession | undefined;
}

/** What becomes of a source when a reload is in force. */
export interface Succession {
  /** Of a source whose users are known without asking a server: its users, as they are then. */
  readonly table?: () => SharedTable;
  /** What an operator should hear of it. */
  readonly warning?: string | undefined;
  /** Resolves when what is new of it has been tried, well or not. */
  ready(): Promise<void>;
  /** @returns what it leaves behind, to be closed when nobody can be asking it any more */
  commit(): Closable | undefined;
  abandon(): void;
}

/** What of a source other threads and operators see. */
export interface SourceView extends Pick<Lendable, 'snapshot' | 'snapshotSettings' | 'mayAsk' | 'table' | 'tellTable'> {
  /** How its servers fare, in the operator's order; undefined where it has none. */
  readonly servers?: () => readonly ServerReport[];
  /** Where no snapshot is swept for it: tries its servers at once. */
  readonly refresh?: () => void;
  /** Of a source that is a file. */
  readonly file?: HeldFile | undefined;
  /**
   * Asks its server now; undefined where there is none to ask.
   * @returns distinguished names of the objects that have the address, that of the one that decides first
   * @throws LdapError when no server answers
   */
  readonly namesOf: ((recipientKey: string) => Promise<readonly string[]>) | undefined;
}

/** A version of a file of users that is not in force. */
export interface HeldVersion {
  readonly sinceMs: number;
  readonly gone: number;
  readonly disabled: number;
  /** For people. */
  readonly why: string;
}

/** A file of users, a version of which may wait for an operator. */
export interface HeldFile {
  readonly held: HeldVersion | undefined;
  /** The operator has looked at the loss, and it is right: that version, and no other. */
  confirmLoss(): void;
}
