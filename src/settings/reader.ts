/** A small typed reader of YAML trees: says every problem at once, and gives typed values with their defaults. */
import type { MapEntry, MapNode, ScalarNode, YamlNode } from './document.ts';
import { formatPath, type Path, type Problems, quote } from './problem.ts';
import { slipInName, slipInValue, slipOfHidden, withoutHidden } from './slips.ts';
import { nearest, suggestion } from './suggest.ts';

/** Where a reader stands, and where it reports to. */
export interface Spot {
  readonly path: Path;
  readonly problems: Problems;
  /** The object in which this stands; undefined at the top of the file. */
  readonly within?: Around | undefined;
}

interface Around extends Spot {
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

/** @param about what editors are told of it */
export const reader = <T>(
  read: (node: YamlNode, spot: Spot) => T | undefined,
  about: Pick<Reader<T>, 'schema' | 'write'>,
): Reader<T> => Object.assign((node: YamlNode, spot: Spot) => read(node, spot), about);

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

export const required = <T>(read: Reader<T>): Field<T> => ({ read, isRequired: true, absent: undefined });

/** A required setting without which the rest can still be checked. */
export const requiredOr = <T>(read: Reader<T>, standIn: T): Field<T> => ({ read, isRequired: true, absent: standIn });

export const optional = <T>(read: Reader<T>): Field<T | undefined> => ({ read, isRequired: false, absent: undefined });

export const withDefault = <T>(read: Reader<T>, absent: T): Field<T> => ({ read, isRequired: false, absent });

/** @param setting its name in the file: what is `headerBytes` for the program is `header` there */
export const called = <T>(setting: string, field: Field<T>): Field<T> => ({ ...field, setting });

/** By the name of the property. */
export type Fields = Readonly<Record<string, Field<unknown>>>;

/** By the name in the file. */
type Settings = Readonly<Record<string, Field<unknown> & { readonly property?: string }>>;

export type ObjectOf<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** A reader of a mapping with these settings and no others. It names its settings, so that the manual can be checked. */
export type ObjectReader<F extends Fields> = Reader<ObjectOf<F>> & { readonly fields: F; readonly settings: Settings };

export function object<F extends Fields>(fields: F): ObjectReader<F> {
  const settings: Settings = Object.fromEntries(
    Object.entries(fields).map(([property, field]) => [field.setting ?? property, { ...field, property }]),
  );
  const read = (node: YamlNode, spot: Spot): ObjectOf<F> | undefined => {
    const map = asMap(node, spot, settings);
    if (map === undefined) return undefined;
    const meant = refuseUnknownSettings(map, settings, spot);
    return readFields(map, settings, spot, meant) as ObjectOf<F> | undefined;
  };
  return Object.assign(reader(read, { schema: schemaOf(settings) }), { fields, settings });
}

function schemaOf(settings: Settings): Schema {
  const entries = Object.entries(settings);
  const required = entries.filter(([, { isRequired }]) => isRequired).map(([name]) => name);
  return {
    type: 'object',
    properties: Object.fromEntries(entries.map(([name, field]) => [name, schemaOfField(field)])),
    additionalProperties: false,
    ...(required.length === 0 ? {} : { required }),
  };
}

function schemaOfField({ read, isRequired, absent }: Field<unknown>): Schema {
  const { schema = {}, write } = read;
  const written = isRequired || absent === undefined || 'settings' in read ? undefined : (write?.(absent) ?? absent);
  return written === undefined ? schema : { ...schema, default: written };
}

/** What stands in for those that are left out. */
export const defaultsOf = <F extends Fields>(fields: F): ObjectOf<F> =>
  Object.fromEntries(Object.entries(fields).map(([property, field]) => [property, field.absent])) as ObjectOf<F>;

/** Those of a larger object that were declared together. */
export const pick = <F extends Fields>(fields: F, from: ObjectOf<F>): ObjectOf<F> =>
  Object.fromEntries(Object.keys(fields).map((property) => [property, from[property]])) as ObjectOf<F>;

/** A setting that is an object of settings which all may be left out: so may it. */
export const section = <F extends Fields>(read: ObjectReader<F>): Field<ObjectOf<F>> =>
  withDefault(read, defaultsOf(read.fields));

/** An object whose settings depend on the value of one of them: `kind: ldif`. */
export function variants<V extends Readonly<Record<string, ObjectReader<Fields>>>>(
  selector: string,
  cases: V,
): Reader<{ [K in keyof V]: V[K] extends Reader<infer T> ? T : never }[keyof V]> {
  const read = (node: YamlNode, spot: Spot): never | undefined => {
    const map = asMap(node, spot, Object.values(cases)[0]?.settings);
    if (map === undefined) return undefined;
    const chosen = readFields(map, { [selector]: required(choice(Object.keys(cases))) }, spot)?.[selector];
    return chosen === undefined ? undefined : (cases[chosen as string]!(node, spot) as never);
  };
  return reader<never>(read, { schema: { oneOf: Object.values(cases).map(({ schema }) => schema) } });
}

/** A mapping whose names are the operator's own. */
export function namedEntries<T>(read: Reader<T>): Reader<ReadonlyMap<string, T>> {
  const readMap = (node: YamlNode, spot: Spot) => {
    const map = asMap(node, spot);
    if (map === undefined) return undefined;
    const inner = (read as Partial<ObjectReader<Fields>>).settings ?? {};
    const nameless = [...map.entries].find(([name, { node }]) => Object.hasOwn(inner, name) && node.kind !== 'map');
    if (nameless !== undefined) {
      const [name, { keyPlace }] = nameless;
      const hint = 'put a line with its name above, such as default:, and indent the settings below it';
      spot.problems.error(keyPlace, [...spot.path, name], 'what this belongs to has no name', hint);
      return undefined;
    }
    const entries = new Map<string, T>();
    for (const [name, entry] of map.entries) {
      const value = read(entry.node, below(spot, name));
      if (value !== undefined) entries.set(name, value);
    }
    return entries;
  };
  const schema = { type: 'object', additionalProperties: read.schema ?? {} };
  return reader(readMap, { schema, write: (entries) => Object.fromEntries(entries) });
}

/** An item of a list with its place in it: wrong items are left out, so that the others can still be checked. */
export interface Item<T> {
  readonly path: Path;
  readonly value: T;
}

const aList = 'a list, one item a line, each behind "- "';

export function list<T>(read: Reader<T>): Reader<readonly Item<T>[]> {
  const readList = (node: YamlNode, spot: Spot) => {
    if (node.kind === 'broken') return undefined;
    if (node.kind === 'scalar' && /^-\S/.test(node.text)) return wrong(node, spot, 'a space is missing behind the "-"');
    if (node.kind === 'scalar' && !noValues.has(node.text)) return wrongKind(aList, node, spot, `write [${node.text}]`);
    if (node.kind !== 'list') return wrongKind(aList, node, spot);
    return node.items.flatMap((item, i) => {
      const itemSpot = below(spot, i);
      const value = read(item, itemSpot);
      return value === undefined ? [] : [{ path: itemSpot.path, value }];
    });
  };
  return reader(readList, {
    schema: { type: 'array', items: read.schema ?? {} },
    write: (items) => items.map(({ value }) => read.write?.(value) ?? value),
  });
}

/** A list, or the only item of one without the dash. */
export const oneOrMore = <T>(read: Reader<T>): Reader<readonly Item<T>[]> => {
  const readList = list(read);
  const either = (node: YamlNode, spot: Spot) => {
    if (node.kind !== 'scalar') return readList(node, spot);
    const value = read(node, spot);
    return value === undefined ? undefined : [{ path: spot.path, value }];
  };
  return reader(either, { ...readList, schema: { anyOf: [read.schema ?? {}, readList.schema] } });
};

export const valuesOf = <T>(items: readonly Item<T>[]): readonly T[] => items.map(({ value }) => value);

/**
 * Where the program wants the value in another form.
 * @param back from it to what the file would have
 */
export const mapped = <T, U>(read: Reader<T>, change: (value: T) => U, back: (value: U) => unknown): Reader<U> =>
  reader(
    (node, spot) => {
      const value = read(node, spot);
      return value === undefined ? undefined : change(value);
    },
    { schema: read.schema ?? {}, write: back },
  );

/** A text that `parse` understands, or says in words what is wrong with it. */
export type Parsed<T> = { readonly value: T } | { readonly wrong: string; readonly hint?: string };

/** @param about without a schema: any text */
export function parsed<T>(
  parse: (text: string) => Parsed<T>,
  about: Pick<Reader<T>, 'schema' | 'write'> = { schema: { type: 'string' } },
): Reader<T> {
  const read = (node: YamlNode, spot: Spot) => {
    const scalar = asScalar(node, spot);
    if (scalar === undefined) return undefined;
    const result = parse(scalar.text);
    if ('value' in result) return result.value;
    const isGood = (text: string) => 'value' in parse(text);
    const slip = slipInValue(scalar.text, isGood) ?? { what: result.wrong, hint: result.hint };
    return wrong(scalar, spot, slip.what, slip.hint);
  };
  return reader(read, about);
}

/** One of these words, exactly. */
export const choice = <const W extends string>(words: readonly W[]): Reader<W> =>
  parsed(
    (text) => {
      const word = words.find((candidate) => candidate === text);
      return word === undefined
        ? { wrong: `${quote(text)} is not possible here`, hint: suggestion(text, words) }
        : { value: word };
    },
    { schema: { enum: words } },
  );

/** @param meant settings that are there under a wrong name, which has been told */
function readFields(
  map: MapNode,
  fields: Settings,
  spot: Spot,
  meant: ReadonlySet<string> = new Set(),
): Readonly<Record<string, unknown>> | undefined {
  const values: Record<string, unknown> = {};
  let isComplete = true;
  for (const [name, field] of Object.entries(fields)) {
    const entry = meant.has(name) ? undefined : map.entries.get(name);
    if (entry === undefined && field.isRequired) reportMissing(map, name, spot);
    const value =
      entry === undefined ? undefined : field.read(entry.node, { ...below(spot, name), within: { ...spot, fields } });
    const found = value ?? field.absent;
    values[field.property ?? name] = found;
    if (field.isRequired && found === undefined) isComplete = false;
  }
  return isComplete ? values : undefined;
}

function reportMissing(map: MapNode, name: string, spot: Spot): void {
  if (spot.problems.isSetAside([...spot.path, name])) return;
  spot.problems.error(map.place, [...spot.path, name], 'this setting is missing', 'it has no default');
}

/** @returns the settings that are meant by what is there */
function refuseUnknownSettings(map: MapNode, fields: Settings, spot: Spot): ReadonlySet<string> {
  const known = Object.keys(fields);
  const meant = new Set<string>();
  let before: string | undefined;
  // Of a section that stands too far right with its settings beside it, its name has been told.
  let misplaced: Settings = {};
  for (const [name, entry] of map.entries) {
    if (known.includes(name)) {
      before = name;
      continue;
    }
    // Of `<<: *name` it has been told that there are no aliases.
    if (entry.node.kind === 'broken') continue;
    if (Object.hasOwn(misplaced, name)) continue;
    if (before !== undefined && isTail(name, entry)) {
      const what = 'a value that contains a comma must stand in quotes within { }';
      const { place } = map.entries.get(before)!.node;
      if (!meant.has(before)) spot.problems.error(place, [...spot.path, before], what);
      meant.add(before);
      continue;
    }
    if (isEmpty(map, name)) misplaced = settingsOf(outerWith(name, spot.within)?.fields[name]) ?? {};
    const owner = emptyOwner(before, name, map, fields);
    if (refuseHidden(name, entry, spot)) {
      for (const one of [withoutHidden(name), ...(isEmpty(map, before) ? [before] : [])]) meant.add(one);
    } else if (owner === undefined) {
      const other = refuseUnknown(name, entry, fields, spot);
      if (other !== undefined && !map.entries.has(other)) meant.add(other);
    } else if (!meant.has(owner)) {
      const what = `this line belongs to "${owner}", and is not indented below it`;
      spot.problems.error(entry.keyPlace, [...spot.path, owner, name], what, 'put two spaces in front of it');
      meant.add(owner);
    }
  }
  for (const name of meant) spot.problems.setAside([...spot.path, name]);
  return meant;
}

/** The section right before, of which nothing is there but its name, if it is one that has such a setting. */
function emptyOwner(before: string | undefined, name: string, map: MapNode, fields: Settings): string | undefined {
  if (!isEmpty(map, before) || settingsOf(fields[before])?.[name] === undefined) return undefined;
  return before;
}

/** `DC=example, DC=com`: what stands behind a comma has neither the form of a name nor a value. */
const isTail = (name: string, { node }: MapEntry): boolean =>
  !/^[a-z][\w-]*$/i.test(withoutHidden(name)) &&
  !/[:\s]/.test(name.trim()) &&
  node.kind === 'scalar' &&
  node.text === '' &&
  !node.isQuoted;

function isEmpty(map: MapNode, name: string | undefined): name is string {
  const node = map.entries.get(name ?? '')?.node;
  return node?.kind === 'scalar' && !node.isQuoted && node.text === '';
}

/** No name has a hidden character: what is meant is the name without. */
function refuseHidden(name: string, { keyPlace }: MapEntry, spot: Spot): boolean {
  const slip = slipOfHidden(name);
  if (slip === undefined) return false;
  spot.problems.error(keyPlace, [...spot.path, withoutHidden(name)], slip.what, slip.hint);
  return true;
}

/** Those of a setting that is an object. */
const settingsOf = (field: Field<unknown> | undefined): Settings | undefined =>
  (field?.read as Partial<ObjectReader<Fields>> | undefined)?.settings;

/** @returns the setting that is meant */
function refuseUnknown(name: string, { keyPlace }: MapEntry, fields: Settings, spot: Spot): string | undefined {
  const known = Object.keys(fields);
  const slip = slipInName(name, known);
  if (slip !== undefined) {
    spot.problems.error(keyPlace, [...spot.path, slip.meant], slip.what, slip.hint);
    return slip.meant;
  }
  const outer = outerWith(name, spot.within);
  if (outer !== undefined && !isSecretName(name)) {
    const owner = outer.path.length === 0 ? 'the top of the file' : formatPath(outer.path);
    spot.problems.error(
      keyPlace,
      [...spot.path, name],
      'there is no such setting here',
      `it belongs to ${owner}: is it indented too far?`,
    );
    spot.problems.setAside([...outer.path, name]);
    return undefined;
  }
  const owners = sectionsWith(name, fields);
  if (isSecretName(name)) spot.problems.error(keyPlace, [...spot.path, name], ...ofSecret(known));
  else if (owners.length > 0) {
    const hint = `it belongs to ${owners.map((owner) => `"${owner}"`).join(' or ')}`;
    spot.problems.error(keyPlace, [...spot.path, name], 'there is no such setting here', hint);
  } else {
    spot.problems.error(keyPlace, [...spot.path, name], 'there is no such setting', suggestion(name, known));
    return nearest(name, known);
  }
  return undefined;
}

/** The nearest object around that has such a setting. */
function outerWith(name: string, within: Around | undefined): Around | undefined {
  if (within === undefined || Object.hasOwn(within.fields, name)) return within;
  return outerWith(name, within.within);
}

/** The sections below that have such a setting: `health.probe`. */
const sectionsWith = (name: string, fields: Settings): readonly string[] =>
  Object.entries(fields).flatMap(([section, field]) => {
    const inner = settingsOf(field);
    if (inner === undefined) return [];
    const deeper = sectionsWith(name, inner).map((below) => `${section}.${below}`);
    return Object.hasOwn(inner, name) ? [section, ...deeper] : deeper;
  });

const isSecretName = (name: string): boolean => /(?:^|[-_])(?:password|passwd|passphrase|secret|token)$/i.test(name);

/** Who may read the configuration need not know what opens doors. */
function ofSecret(known: readonly string[]): readonly [what: string, hint: string | undefined] {
  const instead = known.filter((setting) => /^(?:password|token)-(?:file|env)$/.test(setting));
  const hint = instead.length === 0 ? undefined : `use ${instead.join(' or ')}`;
  return ['a secret must not stand in this file', hint];
}

function asMap(node: YamlNode, spot: Spot, fields: Settings = {}): MapNode | undefined {
  if (node.kind === 'broken') return undefined;
  if (node.kind === 'scalar') {
    const glued = /^([a-z][a-z0-9-]*):\S/.exec(node.text)?.[1];
    if (glued !== undefined && Object.hasOwn(fields, glued))
      return wrong(node, spot, `a space is missing behind "${glued}:"`);
    const meant = settingFor(node.text, fields);
    if (meant !== undefined) return wrongKind('settings, each as "name: value"', node, spot, `write { ${meant} }`);
  }
  if (node.kind !== 'map') return wrongKind('settings, each as "name: value"', node, spot);
  return node;
}

const oneValue = 'one value';

/** The setting that a value alone probably means. */
function settingFor(text: string, fields: Settings): string | undefined {
  if (noValues.has(text)) return undefined;
  if (/^(?:on|off|yes|no|true|false)$/i.test(text)) {
    return Object.hasOwn(fields, 'enabled') ? `enabled: ${/^(?:on|yes|true)$/i.test(text)}` : undefined;
  }
  const [only, ...others] = Object.keys(fields);
  return only === undefined || others.length > 0 ? undefined : `${only}: ${text}`;
}

const noValues: ReadonlySet<string> = new Set(['', '~', 'null']);

function asScalar(node: YamlNode, spot: Spot): ScalarNode | undefined {
  if (node.kind === 'broken') return undefined;
  if (node.kind !== 'scalar') return wrongKind(oneValue, node, spot);
  const hasValue = node.isQuoted ? node.text !== '' : !noValues.has(node.text);
  return hasValue ? node : wrongKind(oneValue, node, spot);
}

function wrongKind(expected: string, node: YamlNode, spot: Spot, hint = hintForKind(node, expected)): undefined {
  const found = describe(node);
  return wrong(node, spot, `expected ${expected}, but found ${found}`, hint);
}

function hintForKind(node: YamlNode, expected: string): string | undefined {
  if (describe(node) === 'nothing') return 'give a value, or remove the line';
  if (expected !== oneValue) return undefined;
  if (node.kind === 'list' && node.items.length > 1) return 'give one; others need rows of their own';
  return isBracketedAddress(node) ? 'an address in [ ] must stand in quotes: "[2001:db8::1]"' : undefined;
}

/** `[2001:db8::1]` is a list for YAML, and `[::]` one of a name without a value. */
function isBracketedAddress(node: YamlNode): boolean {
  const only = node.kind === 'list' && node.items.length === 1 ? node.items[0] : undefined;
  const name = only?.kind === 'map' ? `${[...only.entries.keys()][0]}:` : undefined;
  return /^[\da-f.]*:[\da-f:.]*$/i.test(name ?? (only?.kind === 'scalar' ? only.text : ''));
}

function wrong(node: YamlNode, spot: Spot, what: string, hint?: string): undefined {
  spot.problems.error(node.place, spot.path, what, hint);
  return undefined;
}

function describe(node: YamlNode): string {
  if (node.kind === 'scalar') return noValues.has(node.text) ? 'nothing' : quote(node.text);
  return node.kind === 'list' ? 'a list' : 'a block of settings';
}

const below = (spot: Spot, step: string | number): Spot => ({ ...spot, path: [...spot.path, step] });
