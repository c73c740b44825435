/** The folder `results`: what was measured, with date, commit and machine, to compare with later. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join, relative } from 'node:path';

/** Of the machine and the checkout; no path and no host name. */
interface Circumstances {
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
  writeFileSync(`${stem}.json`, `${inRows(JSON.parse(JSON.stringify({ ...at, ...result }, rounded)))}\n`);
  if (svg !== undefined) writeFileSync(`${stem}.svg`, svg);
  return [`${stem}.json`, ...(svg === undefined ? [] : [`${stem}.svg`])].map((file) => relative('.', file));
}

/** JSON with one row a line, so that a difference between two runs is read row by row: a row is what fits in it. */
export function inRows(value: unknown, indent = ''): string {
  const compact = JSON.stringify(value);
  if (typeof value !== 'object' || value === null || compact.length <= longestRow || isFlat(value)) return compact;
  const deeper = `${indent} `;
  const rows = Array.isArray(value)
    ? value.map((item) => `${deeper}${inRows(item, deeper)}`)
    : Object.entries(value).map(([name, item]) => `${deeper}${JSON.stringify(name)}: ${inRows(item, deeper)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}\n${rows.join(',\n')}\n${indent}${close}`;
}

const longestRow = 300;

/** A series of numbers. */
const isFlat = (value: object): boolean => Array.isArray(value) && value.every((item) => typeof item !== 'object');

const rounded = (_: string, value: unknown): unknown =>
  typeof value === 'number' ? Number(value.toPrecision(4)) : value;
