/** What a reader of settings is, where it stands, and where it reports to. */
import type { YamlNode } from './document.ts';
import type { Path, Problems } from './problem.ts';

/** Where a reader stands, and where it reports to. */
export interface Spot {
  readonly path: Path;
  readonly problems: Problems;
  /** The object in which this stands; undefined at the top of the file. */
  readonly within?: Around | undefined;
}

export interface Around extends Spot {
  readonly fields: Settings;
}

/** JSON Schema (2020-12) of what a setting may be, for editors: it allows all that the reader takes, and may allow more. */
export type Schema = Readonly<Record<string, unknown>>;

/** Gives the value, or `undefined` after it has reported why there is none. */
export interface Reader<T> {
  (node: YamlNode, spot: Spot): T | undefined;
  readonly schema?: Schema;
  /** The value as the file would have it; without this, as it is. */
  write?(value: T): unknown;
}

/**
 * One setting of an object. `absent` stands in when the setting is left out, or wrong and reported; a required setting
 * without a stand-in takes its whole object with it.
 */
export interface Field<T> {
  readonly read: Reader<T>;
  readonly isRequired: boolean;
  readonly absent: T | undefined;
  /** Its name in the file, where that is not the name of the property. */
  readonly setting?: string;
}

/** By the name of the property. */
export type Fields = Readonly<Record<string, Field<unknown>>>;

/** By the name in the file. */
export type Settings = Readonly<Record<string, Field<unknown> & { readonly property?: string }>>;

export type ObjectOf<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** A reader of a mapping with these settings and no others. It names its settings, so that the manual can be checked. */
export type ObjectReader<F extends Fields> = Reader<ObjectOf<F>> & { readonly fields: F; readonly settings: Settings };

export const below = (spot: Spot, step: string | number): Spot => ({ ...spot, path: [...spot.path, step] });

/** @returns undefined, which a reader gives for what it has reported */
export function wrong(node: YamlNode, spot: Spot, what: string, hint?: string): undefined {
  spot.problems.error(node.place, spot.path, what, hint);
  return undefined;
}
