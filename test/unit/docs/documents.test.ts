/** What the documents name is there: files, headings, commands, options, settings and codes. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { problemsOf } from '../../support/configuration.ts';
import {
  anchorsOf,
  code,
  codeSpans,
  documents,
  linesOf,
  links,
  type Named,
  root,
  textOf,
  tracked,
} from './documents.ts';

/** Places whose text is not good, for a message that says which. */
const wrong = (named: readonly Named[], isGood: (text: string, at: string) => boolean): readonly string[] =>
  named.filter(({ text, at }) => !isGood(text, at)).map(({ text, at }) => `${at}: ${text}`);

const fileOf = (at: string): string => at.replace(/:\d+$/, '');

const manual = textOf('routes.yaml');
const sources = tracked.filter((file) => /^src\/.*\.c?ts$/.test(file)).map(textOf);
const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };

describe('form', () => {
  test('there are a README and pages', () => {
    expect(documents).toEqual(expect.arrayContaining(['README.md', 'docs/operate.md', 'test/README.md']));
    expect(links.length).toBeGreaterThan(50);
    expect(codeSpans.length).toBeGreaterThan(200);
  });

  test('the README has no more than 130 lines', () => expect(textOf('README.md').split('\n').length).toBeLessThan(132));

  test('no line of the README and the pages has more than 120 characters, but in tables', () => {
    const pages = documents.filter((file) => file === 'README.md' || /^(docs|test)\//.test(file));
    const lines = pages.flatMap(linesOf).filter(({ text }) => !text.startsWith('|'));
    expect(wrong(lines, (text) => text.length <= 120)).toEqual([]);
  });

  test('each page begins with whom it is for, and the README names it', () => {
    const pages = tracked.filter((file) => /^docs\/.*\.md$/.test(file));
    expect(pages.filter((file) => !/^# .+\n\nFor /.test(textOf(file)))).toEqual([]);
    expect(pages.filter((file) => !textOf('README.md').includes(`(${file})`))).toEqual([]);
  });
});

describe('files', () => {
  test('every link leads to a file that is tracked, or a folder of such, and to a heading in it', () => {
    const isThere = (target: string, at: string): boolean => {
      if (/^https?:/.test(target)) return true;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? fileOf(at) : join(dirname(fileOf(at)), path);
      if (!tracked.some((one) => one === file || one.startsWith(`${file.replace(/\/$/, '')}/`))) return false;
      return anchor === undefined || anchorsOf(file).includes(anchor);
    };
    expect(wrong(links, isThere)).toEqual([]);
  });

  /** A path from the root or from the document's folder; `NAME` in it is the reader's to choose. */
  test('every path of the tree in code style is there', () => {
    const paths = code.flatMap(({ at, text }) =>
      [...text.matchAll(/(?<![\w./~-])(?:\.\/)?(?:src|test|bench|docs|certs|\.config)\/[\w./*-]+/g)].map(([path]) => ({
        at,
        text: path.replace(/[.]$/, ''),
      })),
    );
    expect(paths.length).toBeGreaterThan(30);
    // Made by certs/make-dev-certs.sh, and not tracked.
    const isMade = (path: string): boolean => /^certs\/.*\.(crt|key|crl|csr)$/.test(path);
    const isThere = (path: string, at: string): boolean =>
      /NAME|\*/.test(path) ||
      isMade(path) ||
      existsSync(join(root, path)) ||
      existsSync(join(root, dirname(fileOf(at)), path));
    expect(wrong(paths, isThere)).toEqual([]);
  });

  test('so is every file that is named alone, in its folder or a room', () => {
    const files = codeSpans.filter(({ text }) => /^[\w-]+(\.[\w-]+)*\.(ts|sh|yaml|md|xml|cfg|svg)$/.test(text));
    const isThere = (name: string): boolean => tracked.some((file) => file === name || file.endsWith(`/${name}`));
    // The reader's own file, in examples.
    expect(wrong(files, (name) => name === 'other.yaml' || isThere(name))).toEqual([]);
  });
});

describe('commands', () => {
  const npmCommands = code.flatMap(({ at, text }) =>
    [...text.matchAll(/\bnpm (?:run (?:--silent )?([\w:-]+)|(start|test)\b)/g)].map(([, run, short]) => ({
      at,
      text: run ?? short ?? '',
    })),
  );

  test('every npm script is one of package.json', () => {
    expect(npmCommands.length).toBeGreaterThan(20);
    expect(wrong(npmCommands, (name) => name in scripts)).toEqual([]);
  });

  test('every bench is one of bench/start.ts', () => {
    const benches = code.flatMap(({ at, text }) =>
      [...text.matchAll(/\bnpm run bench -- ([a-z]+)/g)].map(([, name = '']) => ({ at, text: name })),
    );
    const known = textOf('bench/start.ts');
    expect(benches.length).toBeGreaterThan(10);
    expect(wrong(benches, (name) => new RegExp(`'${name}',`).test(known))).toEqual([]);
  });

  const help = execFileSync(process.execPath, [join(root, 'src/main.ts'), 'help'], { encoding: 'utf8' });

  test('every command of pif-router is one that it has', () => {
    const words = code.flatMap(({ at, text }) =>
      [...text.matchAll(/\bpif-router (?:-- )?([a-z]+(?: (?:check|refresh|confirm|show|new|rotate)\b)?)/g)].map(
        ([, words = '']) => ({
          at,
          text: words,
        }),
      ),
    );
    expect(words.length).toBeGreaterThan(10);
    const isKnown = (command: string): boolean =>
      command.split(' ').every((word) => new RegExp(`(^|[ |])${word}($|[ |])`, 'm').test(help));
    expect(wrong(words, isKnown)).toEqual([]);
  });

  test('every option of a command stands in the code of the commands', () => {
    const commands = tracked.filter((file) => /^src\/(cli\/|main)/.test(file)).map(textOf);
    const ownScripts = Object.entries(scripts)
      .filter(([, run]) => run.includes('src/main.ts'))
      .map(([name]) => name);
    const own = new RegExp(`\\bpif-router (-- )?[a-z]|\\bnpm (run (--silent )?)?(${ownScripts.join('|')})( |$)`);
    const options = code
      .filter(({ text }) => own.test(text))
      .flatMap(({ at, text }) =>
        [...text.replace('--silent', '').matchAll(/ (--[a-z][a-z-]+)/g)].map(([, option = '']) => ({
          at,
          text: option,
        })),
      );
    expect(options.length).toBeGreaterThan(5);
    const isKnown = (option: string): boolean =>
      commands.some((text) => text.includes(option) || new RegExp(`['\\s]${option.slice(2)}'?: \\{`).test(text));
    expect(wrong(options, isKnown)).toEqual([]);
  });
});

/** By the reader of routes.yaml, which says of each name that it does not know that there is no such setting. */
function isSetting(path: string): boolean {
  const yaml = path
    .split('.')
    .map((name, depth) => `${'  '.repeat(depth)}${name}:`)
    .join('\n');
  return !problemsOf(`${yaml} 1\n`).some((line) => line.includes('there is no such setting'));
}

/** As a test of the shipped routes.yaml looks for it, which holds the manual and the reader together. */
const isInManual = (name: string): boolean => new RegExp(`^[ #-]*(.*[{,] )?${name}(:|  )`, 'm').test(manual);

describe('settings and codes', () => {
  const sections = [...manual.matchAll(/^(?:# )?([a-z]+):/gm)].map(([, name = '']) => name);

  test('the reader refuses what is no setting', () => {
    expect(isSetting('timers.idle')).toBe(true);
    expect(isSetting('directory.cache.stale')).toBe(true);
    expect(isSetting('timers.idel')).toBe(false);
    expect(isSetting('directory.cache.idle')).toBe(false);
    expect(sections).toContain('signing');
  });

  test('`section.setting` is a setting', () => {
    const dotted = new RegExp(`^(${sections.join('|')})(\\.[a-z][a-z0-9-]*)+$`);
    const paths = codeSpans
      .map(({ at, text }) => ({ at, text: text.replace(/: .*$/, '') }))
      .filter(({ text }) => dotted.test(text) && !/\.(ts|yaml|md)$/.test(text));
    expect(paths.length).toBeGreaterThan(20);
    expect(wrong(paths, isSetting)).toEqual([]);
  });

  test('`setting: value` stands in the manual', () => {
    const pairs = codeSpans
      .filter(({ text, at }) => /^(?!ms-)[a-z][a-z0-9-]*: [^:]+$/.test(text) && /^(README|docs)/.test(at))
      .map(({ at, text }) => ({ at, text: text.replace(/: .*$/, '') }));
    expect(pairs.length).toBeGreaterThan(10);
    // A field of the log, whose events are codes.
    expect(wrong(pairs, (name) => name === 'event' || isInManual(name))).toEqual([]);
  });

  const isCode = (word: string): boolean => sources.some((text) => text.includes(`'${word}'`));

  test('a word with a hyphen is a setting, or a code that the program knows', () => {
    const words = codeSpans.filter(({ text, at }) => /^[a-z]+(-[a-z0-9]+)+$/.test(text) && /^(README|docs)/.test(at));
    expect(words.length).toBeGreaterThan(100);
    const isElse = (word: string): boolean => existsSync(join(root, 'src', word)) || /^(systemd|ms)-/.test(word);
    expect(wrong(words, (word) => isInManual(word) || isCode(word) || isElse(word))).toEqual([]);
  });

  test('each code of the tables of reasons, of TLS and of the doctor is one that the program knows', () => {
    const rows = ['docs/reasons.md', 'docs/tls.md'].flatMap(linesOf).filter(({ text }) => text.startsWith('| `'));
    const codes = rows.flatMap(({ at, text }) =>
      [...(text.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, one = '']) => ({ at, text: one })),
    );
    expect(codes.length).toBeGreaterThan(60);
    expect(
      wrong(
        codes,
        (one) => isCode(one) || ['stray-response', 'discarded', 'undelivered', 'outcome', 'code', 'what'].includes(one),
      ),
    ).toEqual([]);
  });
});

/** `  room: ['other', 'another'],` in the test that keeps the walls. */
const walls = new Map(
  [...textOf('test/unit/project/walls.test.ts').matchAll(/^ {2}'?([\w-]+)'?: \[(.*)\],$/gm)].map(
    ([, room = '', list = '']) => [
      room,
      list === '' ? ['nothing'] : list.split(', ').map((name) => name.replaceAll("'", '')),
    ],
  ),
);

test('the rooms and walls of contributing.md are those of src and of the test that keeps them', () => {
  const rows = linesOf('docs/contributing.md')
    .filter(({ text }) => text.startsWith('| `src/'))
    .map(({ text }) => text.split(/ +\| +|\| +| +\|/).slice(1));
  const told = rows.map(([room = '', , imports = '']) => [
    room.replace(/`src\/|`/g, ''),
    imports.replaceAll('`', '').split(', ').toSorted(),
  ]);
  const rooms = [
    ...new Set(tracked.map((file) => /^src\/([\w-]+)\//.exec(file)?.[1]).filter((room) => room !== undefined)),
  ];
  const kept = rooms.map((room) => [room, (walls.get(room) ?? ['all']).toSorted()]);
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(kept));
});
