/** `npm run bench -- [NAME] [OPTIONS]`: the benches, each in a process of its own. `npm run bench -- --help` names the options of the first. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

interface Bench {
  readonly file: string;
  /** Of Node. */
  readonly options?: readonly string[];
}

const beside: Bench = { file: 'run.ts' };

const benches: ReadonlyMap<string, Bench> = new Map([
  [
    'micro',
    { file: 'micro/run.ts', options: ['--expose-gc', '--max-semi-space-size=256', '--min-semi-space-size=256'] },
  ],
  ['growth', { file: 'growth.ts' }],
  ['pauses', { file: 'pauses.ts' }],
  ['profile', { file: 'profile.ts' }],
  ['way', { file: 'way.ts' }],
  ['access', { file: 'access.ts' }],
  ['workers', { file: 'workers.ts' }],
  ['directory', { file: 'directory.ts' }],
  ['cache', { file: 'cache-hit.ts' }],
]);

const [name = '', ...rest] = process.argv.slice(2);
const isOption = name === '' || name.startsWith('-');
const chosen = isOption ? beside : benches.get(name);
if (chosen === undefined) {
  console.error(
    `there is no bench "${name}": ${[...benches.keys()].join(', ')}, or none for this router beside Kamailio`,
  );
  process.exitCode = 2;
} else {
  const args = isOption ? process.argv.slice(2) : rest;
  const file = join(import.meta.dirname, chosen.file);
  const { status } = spawnSync(process.execPath, [...(chosen.options ?? []), file, ...args], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
