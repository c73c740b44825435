/** The manual (routes.yaml), the JSON Schema and the reader say the same. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { routesSchema } from '../../../src/config/schema.ts';
import { routesFile } from '../../../src/config/shape.ts';
import { readYaml } from '../../../src/settings/document.ts';
import { Problems } from '../../../src/settings/problem.ts';
import { routesYaml } from '../../support/configuration.ts';

const root = join(import.meta.dirname, '../../..');
const shipped = readFileSync(join(root, 'routes.yaml'), 'utf8');
const schema = routesSchema(shipped);
const validate = new Ajv2020({ allErrors: true, allowUnionTypes: true, strict: false }).compile(schema);

interface Setting {
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Setting>>;
  readonly items?: Setting;
  readonly additionalProperties?: Setting | false;
  readonly oneOf?: readonly Setting[];
}

/** Every setting by its path: `health.probe.every`, `routes[].port`. */
function settingsIn(of: Setting, path = ''): readonly (readonly [path: string, Setting])[] {
  const below = Object.entries(of.properties ?? {}).flatMap(([name, setting]) => {
    const at = path === '' ? name : `${path}.${name}`;
    return [[at, setting] as const, ...settingsIn(setting, at)];
  });
  const inner = [of.items, of.additionalProperties || undefined, ...(of.oneOf ?? [])].filter(
    (each) => each !== undefined,
  );
  return [...below, ...inner.flatMap((each) => settingsIn(each, `${path}[]`))];
}

const settings = settingsIn(schema);

/** Whether the reader takes a file, as far as single settings are concerned. */
const isRead = (yaml: string): boolean => {
  const problems = new Problems('routes.yaml');
  const tree = readYaml(yaml, problems);
  if (tree !== undefined) routesFile(tree, { path: [], problems });
  return problems.all().every(({ severity }) => severity !== 'error');
};

describe('the schema that is shipped', () => {
  test('is the one that is generated', () => {
    expect(JSON.parse(readFileSync(join(root, 'docs/routes.schema.json'), 'utf8'))).toEqual(schema);
  });

  test('is what the first line of routes.yaml names', () => {
    expect(shipped.split('\n')[0]).toBe('# yaml-language-server: $schema=docs/routes.schema.json');
  });

  test('takes the shipped file, whole and with what stands in comments', () => {
    expect(validate(parse(shipped))).toBe(true);
    const uncommented = shipped.replace(
      /^( *)# ((?:memory|file|listen|token-file|tls|cisco-users|signing): )/gm,
      '$1$2',
    );
    expect(validate(parse(uncommented)) ? [] : validate.errors).toEqual([]);
  });
});

describe('what the manual says of a setting', () => {
  /** Told where they stand, by their names or in one line. */
  const untold =
    /^(?:node|listen|routing|routes|health\.probe|log|stop|signing\.keys-file|pins\[\]\..*|tls\[\]\.extends|directory\.sources\[\]\[\]\.kind)$/;

  test('there are all', () => expect(settings.length).toBeGreaterThan(120));

  test.each(settings.filter(([path]) => !untold.test(path)))('%s is told', (_, { description }) =>
    expect(description).toMatch(/\w{3}/),
  );

  const withDefault = settings.filter(
    ([, each]) => each.default !== undefined && /Default: /.test(each.description ?? ''),
  );
  test('many state a default', () => expect(withDefault.length).toBeGreaterThan(70));

  test.each(withDefault)('%s: its default', (_, { description = '', default: implied }) => {
    const stated = parse(/Default: ("[^"]*"|\[[^\]]*\]|[^\s,;]+?)(?=[.,;]?(?:\s|$))/.exec(description)?.[1] ?? '');
    expect(inMilliseconds(stated)).toEqual(inMilliseconds(implied));
  });

  const numbers = settings.filter(
    ([, { type, description }]) => type === 'integer' && /\d\.\.\d/.test(description ?? ''),
  );
  test('many state a range', () => expect(numbers.length).toBeGreaterThan(10));

  test.each(numbers)('%s: its range', (_, { description = '', minimum, maximum }) =>
    expect(/(\d+)\.\.(\d+)/.exec(description)?.slice(1).map(Number)).toEqual([minimum, maximum]),
  );
});

/** `60s` and `1m` are the same. */
function inMilliseconds(value: unknown): unknown {
  const [, count, unit = ''] = /^(\d+)(h|m|s|ms)$/.exec(String(value)) ?? [];
  return count === undefined ? value : Number(count) * { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 }[unit]!;
}

describe('the schema and the reader', () => {
  test.each([
    'workers: auto',
    'workers: 65',
    'workers: many',
    'timers: { t1: 500ms }',
    'timers: { t1: 500 }',
    'timers: { t1: half a second }',
    'timers: { t9: 1s }',
    'limits: { body: 2MiB, header: 65536 }',
    'limits: { body: 2MB }',
    'limits: { connections: 0 }',
    'limits: { connections: 1.5 }',
    'health: { probe: { enabled: false, good: [200, 503] } }',
    'health: { probe: { enabled: "no" } }',
    'health: { probe: { good: [100] } }',
    'log: { level: debug, format: pretty }',
    'log: { level: loud }',
    'dns: { servers: [192.0.2.53, "192.0.2.54:5353"] }',
    'pins: [{ user: sip:bob@example.com, side: cisco }]',
    'pins: [{ user: sip:bob@example.com, side: avaya }]',
    'pins: [{ side: cisco }]',
    'pins: { user: sip:bob@example.com, side: cisco }',
    'tls: { default: { certificate: a.crt, key: a.key, ca: ca.crt, peers: fe1.example.com } }',
    'tls: { default: { certificate: a.crt, colour: red } }',
    'directory: { sources: [{ kind: ldif, file: a.ldif, max-loss: 5% }] }',
    'directory: { sources: [{ kind: ldif, file: a.ldif, max-loss: 0.05 }] }',
    'directory: { sources: [{ kind: csv, file: a.csv }] }',
    'directory: { sources: [{ kind: ldif, urls: [ldaps://dc1.example.com] }] }',
    'directory: { sources: [{ kind: ldap, urls: [ldaps://dc1.example.com], bind-dn: CN=a, base: ["DC=example,DC=com"], snapshot: { sweep: daily 03:30 } }] }',
    'signing: { keys-file: a.keys }',
    'colour: red',
  ])('agree on %s', (text) => {
    const yaml = routesYaml({ x: text });
    expect(validate(parse(yaml))).toBe(isRead(yaml));
  });

  test('agree that nothing may be missing', () => {
    for (const name of ['node', 'domains', 'listen', 'access', 'routes']) {
      const { [name]: _, ...rest } = parse(routesYaml({})) as Record<string, unknown>;
      expect([name, validate(rest)]).toEqual([name, false]);
    }
  });
});
