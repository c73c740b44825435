/**
 * Runs the conformance checks and prints one table of them: check, RFC and section, level, what is asked, verdict:
 * `npm run conformance`. Ends with 1 when a check fails.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** As much of vitest's JSON as is read here. */
interface Report {
  readonly success: boolean;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly title: string; readonly status: string }[];
  }[];
}

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'pif-conformance-'));
const outputFile = join(folder, 'report.json');

/** `VIA-1 (RFC 3261 §16.6(8), MUST): own Via on top` in its parts. */
const titleForm = /^(\S+) \((?:RFC )?(.+), (\w+)\): (.+)$/;

function run(): Report {
  const args = ['run', '--config', '.config/vitest.config.ts', '--reporter=json', `--outputFile=${outputFile}`];
  spawnSync(join(root, 'node_modules/.bin/vitest'), [...args, 'test/conformance'], { cwd: root, stdio: 'ignore' });
  return JSON.parse(readFileSync(outputFile, 'utf8')) as Report;
}

try {
  const { success, testResults } = run();
  console.log('| check | RFC, section | level | what is asked | verdict |\n| --- | --- | --- | --- | --- |');
  for (const { title, status } of testResults.flatMap(({ assertionResults }) => assertionResults)) {
    const [, id = '?', place = '?', level = '?', asked = title] = titleForm.exec(title) ?? [];
    console.log(`| ${id} | ${place} | ${level} | ${asked.replaceAll('|', '\\|')} | ${status} |`);
  }
  process.exitCode = success ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true });
}
