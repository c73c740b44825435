/** The folder `results`: what was measured, with date, commit and machine, to compare with later. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join, relative } from 'node:path';

/** Of the machine and the checkout; no path and no host name. */
export interface Circumstances {
  readonly date: string;
  readonly commit: string;
  /** False when `src` differs from the commit. */
  readonly isClean: boolean;
  readonly machine: object;
}

const git = (...args: string[]): string =>
  execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' }).trim();

export function circumstances(): Circumstances {
  return {
    date: new Date().toISOString(),
    commit: git('rev-parse', '--short', 'HEAD'),
    isClean: git('status', '--porcelain', '--untracked-files=no', '--', ':/src') === '',
    machine: {
      processor: cpus()[0]?.model,
      cores: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      kernel: release().replace(/-.*/, ''),
      node: process.version,
    },
  };
}

/**
 * Writes `results/<date>-<commit><name>.json` and a plot of the same name, if there is one.
 * @returns their paths, relative to the folder where one is
 */
export function keep(name: string, at: Circumstances, result: object, svg?: string): readonly string[] {
  const folder = join(import.meta.dirname, '../results');
  mkdirSync(folder, { recursive: true });
  const stem = join(folder, `${at.date.slice(0, 10)}-${at.commit}${at.isClean ? '' : '-changed'}${name}`);
  writeFileSync(`${stem}.json`, `${JSON.stringify({ ...at, ...result }, rounded, 1)}\n`);
  if (svg !== undefined) writeFileSync(`${stem}.svg`, svg);
  return [`${stem}.json`, ...(svg === undefined ? [] : [`${stem}.svg`])].map((file) => relative('.', file));
}

const rounded = (_: string, value: unknown): unknown =>
  typeof value === 'number' ? Number(value.toPrecision(4)) : value;
