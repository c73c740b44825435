/** What is said of names that are no settings where they stand: slips, wrong indentation, secrets, settings of other sections. */
import type { Around, Field, Fields, ObjectReader, Settings, Spot } from './declared.ts';
import type { MapEntry, MapNode } from './document.ts';
import { formatPath } from './problem.ts';
import { slipInName, slipOfHidden, withoutHidden } from './slips.ts';
import { nearest, suggestion } from './suggest.ts';

/** @returns the settings that are meant by what is there */
export function refuseUnknownSettings(map: MapNode, fields: Settings, spot: Spot): ReadonlySet<string> {
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
