/** The documents as a reader sees them: lines, links and what stands in code style, each with its place. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../../..');

export const tracked: readonly string[] = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
  .split('\0')
  .filter(Boolean);

/** README.md, docs and the READMEs of folders. */
export const documents: readonly string[] = tracked.filter((file) => file.endsWith('.md'));

export const textOf = (file: string): string => readFileSync(join(root, file), 'utf8');

/** Something that a document names. */
export interface Named {
  /** `docs/access.md:12`. */
  readonly at: string;
  readonly text: string;
}

const isCodeLine = (line: string): boolean => /^ {4}/.test(line);

interface Line extends Named {
  readonly isCode: boolean;
}

/** Lines between fences are code, too. */
export function linesOf(file: string): readonly Line[] {
  let isFenced = false;
  return textOf(file)
    .split('\n')
    .map((text, index) => {
      const isFence = text.startsWith('```');
      if (isFence) isFenced = !isFenced;
      return { at: `${file}:${index + 1}`, text, isCode: isFence || isFenced || isCodeLine(text) };
    });
}

const everyLine = documents.flatMap(linesOf);

/** The targets of links, as they are written. */
export const links: readonly Named[] = everyLine
  .filter(({ isCode }) => !isCode)
  .flatMap(({ at, text }) => [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => ({ at, text: target })));

/** What stands between backticks. */
export const codeSpans: readonly Named[] = everyLine
  .filter(({ isCode }) => !isCode)
  .flatMap(({ at, text }) => [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => ({ at, text: code })));

/** Code spans, and lines of code without their comments; what a `\` continues is one. */
export const code: readonly Named[] = [
  ...codeSpans,
  ...everyLine
    .filter(({ isCode }) => isCode)
    .map(({ at, text }) => ({ at, text: text.replace(/(^|\s)#\s.*$/, '').trim() }))
    .filter(({ text }) => text !== ''),
];

/** The anchor that GitHub makes of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-');

export const anchorsOf = (file: string): readonly string[] =>
  linesOf(file)
    .filter(({ isCode, text }) => !isCode && /^#+ /.test(text))
    .map(({ text }) => anchorOf(text.replace(/^#+ /, '')));
