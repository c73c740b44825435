/** A small typed reader of YAML trees: says every problem at once, and gives typed values with their defaults. */

import type { Field, Fields, ObjectOf, ObjectReader, Reader, Schema, Settings, Spot } from './declared.ts';
import { below, wrong } from './declared.ts';
import type { MapNode, YamlNode } from './document.ts';
import { asMap, asScalar, noValues, wrongKind } from './node-kinds.ts';
import { type Path, quote } from './problem.ts';
import { slipInValue } from './slips.ts';
import { suggestion } from './suggest.ts';
import { refuseUnknownSettings } from './unknown-settings.ts';

/** @param about what editors are told of it */
export const reader = <T>(
  read: (node: YamlNode, spot: Spot) => T | undefined,
  about: Pick<Reader<T>, 'schema' | 'write'>,
): Reader<T> => Object.assign((node: YamlNode, spot: Spot) => read(node, spot), about);

export const required = <T>(read: Reader<T>): Field<T> => ({ read, isRequired: true, absent: undefined });

/** A required setting without which the rest can still be checked. */
export const requiredOr = <T>(read: Reader<T>, standIn: T): Field<T> => ({ read, isRequired: true, absent: standIn });

export const optional = <T>(read: Reader<T>): Field<T | undefined> => ({ read, isRequired: false, absent: undefined });

export const withDefault = <T>(read: Reader<T>, absent: T): Field<T> => ({ read, isRequired: false, absent });

/** @param setting its name in the file: what is `headerBytes` for the program is `header` there */
export const called = <T>(setting: string, field: Field<T>): Field<T> => ({ ...field, setting });

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
