/** The table of RFC sections in docs/conformance.md is the one that the conformance checks give. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../../..');

test('docs/conformance.md says of the RFCs what the checks say (npm run coverage)', { timeout: 60_000 }, () => {
  const page = readFileSync(join(root, 'docs/conformance.md'), 'utf8');
  const table = /<!-- coverage -->\n([\s\S]*?)\n<!-- \/coverage -->/.exec(page)?.[1];
  const printed = execFileSync(process.execPath, [join(root, 'test/conformance/print-coverage.ts')], {
    encoding: 'utf8',
  });
  expect(table).toBe(printed.trim());
});
