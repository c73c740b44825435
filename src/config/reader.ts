/** A small typed reader of YAML trees: says every problem at once, and gives typed values with their defaults. */
import type { MapNode, ScalarNode, YamlNode } from './document.ts';
import type { Path, Problems } from './problem.ts';
import { suggestion } from './suggest.ts';

/** Where a reader stands, and where it reports to. */
export interface Spot {
  readonly path: Path;
  readonly problems: Problems;
}

/** Gives the value, or `undefined` after it has reported why there is none. */
export type Reader<T> = (node: YamlNode, spot: Spot) => T | undefined;

/**
 * One setting of an object. `absent` stands in when the setting is left out, or wrong and reported; a required setting
 * without a stand-in takes its whole object with it.
 */
export interface Field<T> {
  readonly read: Reader<T>;
  readonly isRequired: boolean;
  readonly absent: T | undefined;
}

export const required = <T>(read: Reader<T>): Field<T> => ({ read, isRequired: true, absent: undefined });

/** A required setting without which the rest can still be checked. */
export const requiredOr = <T>(read: Reader<T>, standIn: T): Field<T> => ({ read, isRequired: true, absent: standIn });

export const optional = <T>(read: Reader<T>): Field<T | undefined> => ({ read, isRequired: false, absent: undefined });

export const withDefault = <T>(read: Reader<T>, absent: T): Field<T> => ({ read, isRequired: false, absent });

type Fields = Readonly<Record<string, Field<unknown>>>;

export type ObjectOf<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** A reader of a mapping with these settings and no others. It names its settings, so that the manual can be checked. */
export type ObjectReader<F extends Fields> = Reader<ObjectOf<F>> & { readonly fields: F };

export function object<F extends Fields>(fields: F): ObjectReader<F> {
  const read = (node: YamlNode, spot: Spot): ObjectOf<F> | undefined => {
    const map = asMap(node, spot);
    if (map === undefined) return undefined;
    refuseUnknownSettings(map, Object.keys(fields), spot);
    return readFields(map, fields, spot) as ObjectOf<F> | undefined;
  };
  return Object.assign(read, { fields });
}

/** A setting that is an object of settings which all may be left out: so may it. */
export function section<F extends Fields>(read: ObjectReader<F>): Field<ObjectOf<F>> {
  const defaults = Object.entries(read.fields).map(([name, field]) => [name, field.absent]);
  return withDefault(read, Object.fromEntries(defaults) as ObjectOf<F>);
}

/** An object whose settings depend on the value of one of them: `kind: ldif`. */
export function variants<V extends Readonly<Record<string, ObjectReader<Fields>>>>(
  selector: string,
  cases: V,
): Reader<{ [K in keyof V]: V[K] extends Reader<infer T> ? T : never }[keyof V]> {
  return (node, spot) => {
    const map = asMap(node, spot);
    if (map === undefined) return undefined;
    const chosen = readFields(map, { [selector]: required(choice(Object.keys(cases))) }, spot)?.[selector];
    return chosen === undefined ? undefined : (cases[chosen as string]!(node, spot) as never);
  };
}

/** A mapping whose names are the operator's own. */
export function namedEntries<T>(read: Reader<T>): Reader<ReadonlyMap<string, T>> {
  return (node, spot) => {
    const map = asMap(node, spot);
    if (map === undefined) return undefined;
    const entries = new Map<string, T>();
    for (const [name, entry] of map.entries) {
      const value = read(entry.node, below(spot, name));
      if (value !== undefined) entries.set(name, value);
    }
    return entries;
  };
}

/** An item of a list with its place in it: wrong items are left out, so that the others can still be checked. */
export interface Item<T> {
  readonly path: Path;
  readonly value: T;
}

export function list<T>(read: Reader<T>): Reader<readonly Item<T>[]> {
  return (node, spot) => {
    if (node.kind === 'broken') return undefined;
    if (node.kind !== 'list') return wrongKind('a list, one item a line, each behind "- "', node, spot);
    return node.items.flatMap((item, i) => {
      const itemSpot = below(spot, i);
      const value = read(item, itemSpot);
      return value === undefined ? [] : [{ path: itemSpot.path, value }];
    });
  };
}

/** A list, or the only item of one without the dash. */
export const oneOrMore = <T>(read: Reader<T>): Reader<readonly Item<T>[]> => {
  const readList = list(read);
  return (node, spot) => {
    if (node.kind !== 'scalar') return readList(node, spot);
    const value = read(node, spot);
    return value === undefined ? undefined : [{ path: spot.path, value }];
  };
};

/** A text that `parse` understands, or says in words what is wrong with it. */
export type Parsed<T> = { readonly value: T } | { readonly wrong: string; readonly hint?: string };

export function parsed<T>(parse: (text: string) => Parsed<T>): Reader<T> {
  return (node, spot) => {
    const scalar = asScalar(node, spot);
    if (scalar === undefined) return undefined;
    const result = parse(scalar.text);
    if ('value' in result) return result.value;
    spot.problems.error(scalar.place, spot.path, result.wrong, result.hint);
    return undefined;
  };
}

/** One of these words, exactly. */
export const choice = <const W extends string>(words: readonly W[]): Reader<W> =>
  parsed((text) => {
    const word = words.find((candidate) => candidate === text);
    return word === undefined
      ? { wrong: `${quote(text)} is not possible here`, hint: suggestion(text, words) }
      : { value: word };
  });

/** How a value that came from the file is shown in a message: cut, and without line breaks. */
export const quote = (text: string): string => {
  const shown = text.length > 80 ? `${text.slice(0, 77)}...` : text;
  return JSON.stringify(shown);
};

function readFields(map: MapNode, fields: Fields, spot: Spot): Readonly<Record<string, unknown>> | undefined {
  const values: Record<string, unknown> = {};
  let isComplete = true;
  for (const [name, field] of Object.entries(fields)) {
    const entry = map.entries.get(name);
    if (entry === undefined && field.isRequired) reportMissing(map, name, spot);
    const value = entry === undefined ? undefined : field.read(entry.node, below(spot, name));
    values[name] = value ?? field.absent;
    if (field.isRequired && values[name] === undefined) isComplete = false;
  }
  return isComplete ? values : undefined;
}

function reportMissing(map: MapNode, name: string, spot: Spot): void {
  spot.problems.error(map.place, [...spot.path, name], 'this setting is missing', 'it has no default');
}

function refuseUnknownSettings(map: MapNode, known: readonly string[], spot: Spot): void {
  for (const [name, entry] of map.entries) {
    if (known.includes(name)) continue;
    const [what, hint] = isSecretName(name) ? ofSecret(known) : ['there is no such setting', suggestion(name, known)];
    spot.problems.error(entry.keyPlace, [...spot.path, name], what, hint);
  }
}

const isSecretName = (name: string): boolean => /(?:^|[-_])(?:password|passwd|passphrase|secret|token)$/i.test(name);

/** Who may read the configuration need not know what opens doors. */
function ofSecret(known: readonly string[]): readonly [what: string, hint: string | undefined] {
  const instead = known.filter((setting) => /^(?:password|token)-(?:file|env)$/.test(setting));
  const hint = instead.length === 0 ? undefined : `use ${instead.join(' or ')}`;
  return ['a secret must not stand in this file', hint];
}

function asMap(node: YamlNode, spot: Spot): MapNode | undefined {
  if (node.kind === 'broken') return undefined;
  if (node.kind !== 'map') return wrongKind('settings, each as "name: value"', node, spot);
  return node;
}

const noValues: ReadonlySet<string> = new Set(['', '~', 'null']);

function asScalar(node: YamlNode, spot: Spot): ScalarNode | undefined {
  if (node.kind === 'broken') return undefined;
  if (node.kind !== 'scalar') return wrongKind('one value', node, spot);
  const hasValue = node.isQuoted ? node.text !== '' : !noValues.has(node.text);
  return hasValue ? node : wrongKind('one value', node, spot);
}

function wrongKind(expected: string, node: YamlNode, spot: Spot): undefined {
  const found = describe(node);
  const hint = found === 'nothing' ? 'give a value, or remove the line' : undefined;
  spot.problems.error(node.place, spot.path, `expected ${expected}, but found ${found}`, hint);
  return undefined;
}

function describe(node: YamlNode): string {
  if (node.kind === 'scalar') return noValues.has(node.text) ? 'nothing' : quote(node.text);
  return node.kind === 'list' ? 'a list' : 'a block of settings';
}

const below = (spot: Spot, step: string | number): Spot => ({ path: [...spot.path, step], problems: spot.problems });
