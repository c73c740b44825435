/** A folder with a routes.yaml and the files that it names, for tests of the configuration; gone when the test is over. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Loaded, loadSnapshot, type Snapshot } from '../../src/config/snapshot.ts';
import { formatProblem } from '../../src/settings/problem.ts';

/** @param files by path in the folder; text as UTF-8 */
export function folderWith(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'pif-config-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content, { mode: 0o600 });
  }
  return folder;
}

export function load(
  yaml: string | Uint8Array,
  files: Readonly<Record<string, string | Uint8Array>> = {},
  now?: Date,
): Loaded {
  const folder = folderWith({ ...files, 'routes.yaml': yaml });
  const loaded = loadSnapshot(join(folder, 'routes.yaml'), 1, undefined, now);
  // The folder's name is another in each test.
  const problems = loaded.problems.map((problem) => ({
    ...problem,
    file: problem.file.replace(`${folder}/`, ''),
    hint: problem.hint?.replaceAll(`${folder}/`, ''),
  }));
  return { ...loaded, problems };
}

/** The lines that `check` would print. */
export const problemsOf = (
  yaml: string | Uint8Array,
  files: Readonly<Record<string, string | Uint8Array>> = {},
  now?: Date,
): readonly string[] => load(yaml, files, now).problems.map(formatProblem);

/** The snapshot of a file that has nothing wrong with it. */
export function snapshotOf(yaml: string, files: Readonly<Record<string, string | Uint8Array>> = {}): Snapshot {
  const { snapshot, problems } = load(yaml, files);
  if (snapshot === undefined || problems.length > 0) throw new Error(problems.map(formatProblem).join('\n'));
  return snapshot;
}

/** The sections of the smallest useful file; one line each, so that a test can say which line it means. */
const sections = {
  node: 'node: { name: router.example.com }',
  domains: 'domains: [example.com]',
  listen: 'listen: [{ transport: tcp, address: 127.0.0.1 }]',
  access: 'access: [{ side: cisco, from: 127.0.0.11 }, { side: microsoft, from: 127.0.0.21 }]',
  routes:
    'routes: [{ to: cisco, pattern: example.com, next-hop: 127.0.0.11 }, { to: microsoft, pattern: example.com, next-hop: 127.0.0.21 }]',
};

/** The smallest useful routes.yaml, with some sections put in place of its own (`''` leaves one out) and others behind. */
export const routesYaml = (changed: Readonly<Record<string, string>> = {}): string =>
  `${Object.values({ ...sections, ...changed })
    .filter((section) => section !== '')
    .join('\n')}\n`;
