/** Reads the import lines of `src` and keeps the walls between its rooms. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

/** Room -> rooms that it may import. What joins them all (app, main, cli, admin) is not listed. */
const walls: Readonly<Record<string, readonly string[]>> = {
  hash: [],
  net: [],
  'sip-parser': ['net'],
  routing: ['hash', 'net'],
  certificates: ['net'],
  settings: ['net', 'certificates'],
  sip: ['settings', 'net', 'sip-parser', 'certificates', 'hash'],
  health: ['settings', 'sip-parser', 'sip', 'routing', 'hash'],
  proxy: ['settings', 'net', 'sip-parser', 'sip', 'routing', 'health', 'hash'],
  directory: ['settings', 'net', 'certificates', 'routing', 'hash'],
  // Each room declares its settings; here they become one file.
  config: ['settings', 'net', 'routing', 'certificates', 'sip', 'proxy', 'health', 'directory', 'observe'],
  // It writes down what engine and proxy report, and knows their reports for that.
  observe: ['settings', 'certificates', 'sip', 'proxy', 'routing', 'health', 'engine'],
  engine: ['settings', 'net', 'sip-parser', 'sip', 'proxy', 'routing', 'health', 'hash'],
  doctor: ['net', 'sip-parser', 'certificates', 'sip', 'routing', 'settings', 'config', 'engine'],
};
const joiners = ['admission', 'app', 'router', 'main', 'cli', 'admin', 'workers'];
/** Rooms that import nothing but rooms: no file beside app.ts. */
const innermost = ['hash', 'net', 'sip-parser', 'routing', 'certificates'];
/** Files beside app.ts that every other room may use. */
const ground = ['clock', 'log', 'router-error', 'own-files', 'printable', 'shell-word'];

const importedOnce = ['lru-cache', 'drachtio-srf', 'yaml', 'pino'];
/** Messages in one file and the values of controls in the other: whatever else speaks LDAP speaks it through them. */
const importersOfLdapts = ['directory/ldap/controls.ts', 'directory/ldap/wire.ts'];
/** The parser's own, and the one that is compatible with npm `sip`. */
const publicDoors = ['sip-parser/index.ts', 'sip-parser/sipjs.ts'];

const src = join(import.meta.dirname, '../../../src');
const importLine = /^(?:import|export)\s(?:[^;']*?\sfrom\s)?'([^']+)'|\bimport\('([^']+)'\)/gm;

interface SourceFile {
  /** Relative to `src`. */
  readonly path: string;
  readonly text: string;
  /** Files of `src` that it imports, relative to `src`. */
  readonly files: readonly string[];
  readonly packages: readonly string[];
}

function read(path: string): SourceFile {
  const text = readFileSync(join(src, path), 'utf8');
  const specifiers = [...text.matchAll(importLine)].map((match) => match[1] ?? match[2] ?? '');
  const isFile = (specifier: string): boolean => specifier.startsWith('.');
  return {
    path,
    text,
    files: specifiers.filter(isFile).map((specifier) => relative(src, join(src, dirname(path), specifier))),
    packages: specifiers.filter((specifier) => !isFile(specifier)),
  };
}

const sources = globSync('**/*.ts', { cwd: src }).map(read);
const roomOf = (path: string): string => path.split('/')[0]?.replace(/\.ts$/, '') ?? '';

/** The first cycle found by following imports from `start`, as a path that ends where it began. */
function cycleFrom(
  start: string,
  graph: ReadonlyMap<string, readonly string[]>,
  done: Set<string>,
): string[] | undefined {
  const trail: string[] = [];
  const visit = (path: string): string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return undefined;
    trail.push(path);
    for (const next of graph.get(path) ?? []) {
      const cycle = visit(next);
      if (cycle) return cycle;
    }
    trail.pop();
    done.add(path);
    return undefined;
  };
  return visit(start);
}

describe('walls between rooms', () => {
  test('there is something to judge', () => expect(sources.length).toBeGreaterThan(3));

  test('every room is known here', () => {
    const rooms = new Set(sources.map(({ path }) => roomOf(path)));
    expect([...rooms].filter((room) => !(room in walls) && !joiners.includes(room) && !ground.includes(room))).toEqual(
      [],
    );
  });

  test.each(Object.entries(walls))('%s imports no other room than %j', (room, allowed) => {
    const open = new Set([room, ...allowed, ...(innermost.includes(room) ? [] : ground)]);
    const breaches = sources
      .filter(({ path }) => roomOf(path) === room)
      .flatMap(({ path, files }) =>
        files.filter((file) => !open.has(roomOf(file))).map((file) => `${path} -> ${file}`),
      );
    expect(breaches).toEqual([]);
  });

  test('routing imports no package and nothing of Node', () => {
    const foreign = sources.filter(({ path }) => roomOf(path) === 'routing').flatMap(({ packages }) => packages);
    expect(foreign).toEqual([]);
  });

  test('from outside, the parser is entered by its public doors only', () => {
    const sideDoors = sources
      .filter(({ path }) => roomOf(path) !== 'sip-parser')
      .flatMap(({ path, files }) =>
        files
          .filter((file) => roomOf(file) === 'sip-parser' && !publicDoors.includes(file))
          .map((file) => `${path} -> ${file}`),
      );
    expect(sideDoors).toEqual([]);
  });

  test.each(importedOnce)('%s is imported in one file at most', (name) => {
    const importers = sources.filter(({ packages }) => packages.some((it) => it === name || it.startsWith(`${name}/`)));
    expect(importers.map(({ path }) => path).slice(1)).toEqual([]);
  });

  test('ldapts is imported only where LDAP becomes octets', () => {
    const importers = sources.filter(({ packages }) => packages.includes('ldapts')).map(({ path }) => path);
    expect(importers.filter((path) => !importersOfLdapts.includes(path))).toEqual([]);
  });

  test('imports make no cycle', () => {
    const graph = new Map(sources.map(({ path, files }) => [path, files]));
    const done = new Set<string>();
    const cycles = sources.flatMap(({ path }) => cycleFrom(path, graph, done)?.join(' -> ') ?? []);
    expect(cycles).toEqual([]);
  });
});

test('nothing in src imports what is outside of it', () =>
  expect(sources.filter(({ files }) => files.some((file) => file.startsWith('..')))).toEqual([]));

describe('files', () => {
  test('nothing is exported a second time but by the public doors of the parser', () => {
    const reExports = ({ text }: SourceFile): boolean => /^export\s+(?:type\s+)?(?:\*|\{[^}]*\})\s*from\s/m.test(text);
    expect(
      sources
        .filter(reExports)
        .map(({ path }) => path)
        .filter((path) => !publicDoors.includes(path)),
    ).toEqual([]);
  });

  test('no file is named for a heap of things', () => {
    const heap = /\b(utils?|helpers?|misc|common|shared|manager|service|base)\b/;
    expect(sources.map(({ path }) => path).filter((path) => heap.test(path))).toEqual([]);
  });
});
