/** What the shipped routes.yaml, the manual, says of each setting: the text that editors show beside it. */
import type { Schema } from '../settings/declared.ts';

/** `  timeout: 2s    # text`, also behind a `# ` of its own: a setting that the shipped file leaves out. */
const settingLine = /^( *)(# )?([a-z][a-z0-9-]*):(?: [^#]*?)?(?: *# (.*))?$/;
/** `#   port   text`: a row of the table above a list. */
const tableRow = /^ *# {3}( *)([a-z][a-z0-9-]*) {2,}(\S.*)$/;
/** A line that continues the text of the one above. */
const furtherLine = /^ *# {17,}(\S.*)$/;
const commentLine = /^ *# (\S.*)$/;

type Texts = Map<string, string>;

interface Manual {
  /** By path: `health.probe.every`. */
  readonly settings: Texts;
  /** By name; each table by itself. */
  readonly tables: readonly Texts[];
}

/** @param text of the shipped routes.yaml */
export function describeSchema(schema: Schema, text: string): Schema {
  return describe(schema, '', readManual(text));
}

function readManual(text: string): Manual {
  const settings: Texts = new Map();
  const tables: Texts[] = [];
  const sections: { readonly indent: number; readonly path: string }[] = [];
  let before: string[] = [];
  let further: ((text: string) => void) | undefined;
  for (const line of text.split('\n')) {
    const more = furtherLine.exec(line)?.[1];
    if (more !== undefined && further !== undefined) {
      further(more);
      continue;
    }
    const [, deeper = '', column, cell = ''] = tableRow.exec(line) ?? [];
    if (column !== undefined) {
      if (further === undefined || tables.length === 0 || before.length > 0) tables.push(new Map());
      further = adding(tables.at(-1)!, `${deeper}${column}`.trim(), cell);
      before = [];
      continue;
    }
    const [, indent = '', , name, beside] = settingLine.exec(line) ?? [];
    if (name !== undefined) {
      while ((sections.at(-1)?.indent ?? -1) >= indent.length) sections.pop();
      const path = [...sections.map((each) => each.path).slice(-1), name].filter(Boolean).join('.');
      sections.push({ indent: indent.length, path });
      further = adding(settings, path, [...before, ...((beside ?? '') ? [beside!] : [])].join(' '));
      before = [];
      continue;
    }
    further = undefined;
    const comment = commentLine.exec(line)?.[1];
    before = comment === undefined ? [] : [...before, comment];
  }
  return { settings, tables };
}

function adding(texts: Texts, name: string, first: string): (text: string) => void {
  texts.set(name, first);
  return (text) => void texts.set(name, `${texts.get(name)} ${text}`.trim());
}

function describe(schema: Schema, path: string, manual: Manual): Schema {
  const { properties, items, oneOf, anyOf, additionalProperties, ...rest } = schema as Record<string, never>;
  const inner = (each: Schema) => describe(each, path, manual);
  return {
    ...rest,
    ...(properties === undefined ? {} : { properties: describeProperties(properties, path, manual) }),
    ...(items === undefined ? {} : { items: inner(items) }),
    ...(oneOf === undefined ? {} : { oneOf: (oneOf as Schema[]).map(inner) }),
    ...(anyOf === undefined ? {} : { anyOf: (anyOf as Schema[]).map(inner) }),
    ...(additionalProperties === undefined || typeof additionalProperties === 'boolean'
      ? { ...(additionalProperties === undefined ? {} : { additionalProperties }) }
      : { additionalProperties: describe(additionalProperties, `${path}.default`, manual) }),
  };
}

function describeProperties(properties: Readonly<Record<string, Schema>>, path: string, manual: Manual): Schema {
  const names = Object.keys(properties);
  const table = tableOf(names, manual.tables);
  return Object.fromEntries(
    Object.entries(properties).map(([name, each]) => {
      const below = path === '' ? name : `${path}.${name}`;
      const description = manual.settings.get(below) || table?.get(name);
      const described = describe(each, below, manual);
      return [name, description === undefined ? described : { description, ...described }];
    }),
  );
}

/** The one that has most of these. */
function tableOf(names: readonly string[], tables: readonly Texts[]): Texts | undefined {
  const shared = (table: Texts): number => names.filter((name) => table.has(name)).length;
  return tables.filter((table) => shared(table) > names.length / 2).sort((a, b) => shared(b) - shared(a))[0];
}
