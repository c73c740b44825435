/** A node of the file as the kind that a setting must have, or what is said of another kind, and what was probably meant. */

import { type Settings, type Spot, wrong } from './declared.ts';
import type { MapNode, ScalarNode, YamlNode } from './document.ts';
import { quote } from './problem.ts';

export function asMap(node: YamlNode, spot: Spot, fields: Settings = {}): MapNode | undefined {
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

/** As YAML writes that there is no value. */
export const noValues: ReadonlySet<string> = new Set(['', '~', 'null']);

export function asScalar(node: YamlNode, spot: Spot): ScalarNode | undefined {
  if (node.kind === 'broken') return undefined;
  if (node.kind !== 'scalar') return wrongKind(oneValue, node, spot);
  const hasValue = node.isQuoted ? node.text !== '' : !noValues.has(node.text);
  return hasValue ? node : wrongKind(oneValue, node, spot);
}

export function wrongKind(expected: string, node: YamlNode, spot: Spot, hint = hintForKind(node, expected)): undefined {
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

function describe(node: YamlNode): string {
  if (node.kind === 'scalar') return noValues.has(node.text) ? 'nothing' : quote(node.text);
  return node.kind === 'list' ? 'a list' : 'a block of settings';
}
