/** The manual's tables of codes say what the catalogues of the code say. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { refusals } from '../../../src/proxy/own-answers.ts';
import { checks } from '../../../src/routing/decide.ts';
import { reasons } from '../../../src/routing/reasons.ts';
import { discards, strayResponses, transportErrors, undeliveredAnswers } from '../../../src/sip/reasons.ts';

/** Relative to the root of the project. */
const page = 'docs/reasons.md';

const root = join(import.meta.dirname, '../../..');
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8');

interface Row {
  readonly codes: readonly string[];
  readonly statuses: readonly number[];
  readonly cure: string;
}

/** Of the table whose columns are these. */
const rows: readonly Row[] = (
  /^\| code +\| status +\| what to do +\|\n\|[ |-]+\|\n((?:\|.*\n)+)/m.exec(textOf(page))?.[1] ?? ''
)
  .trimEnd()
  .split('\n')
  .map((line) => {
    const [codes = '', statuses = '', cure = ''] = line.slice(1, -1).split('|');
    return {
      codes: [...codes.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code),
      statuses: statuses.split(',').map(Number),
      cure: cure.trim(),
    };
  });

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];

describe(`the reasons in ${page}`, () => {
  test('every code with which the router refuses stands there once, and no other', () => {
    expect(rows.flatMap(({ codes }) => codes).sort()).toEqual(Object.keys(refusals).sort());
  });

  test.each(rows)('$codes: status and cure are those of the catalogue', ({ codes, statuses, cure }) => {
    const known = codes.map((code) => refusals[code as keyof typeof refusals]);
    expect(known.map((refusal) => refusal?.cure)).toEqual(codes.map(() => cure));
    const ofCodes = known.flatMap((refusal) => refusal?.status ?? []);
    expect(statuses).toEqual(statuses.length === codes.length ? ofCodes : unique(ofCodes));
  });
});

describe(`what ${page} says of messages that are dropped, or cannot be sent`, () => {
  /** Of the table whose first column has this title: code, meaning and cure of each row. */
  const rowsOf = (title: string): readonly (readonly string[])[] => {
    const [, table = ''] = textOf(page).split(`| ${title} |`);
    const [, , ...lines] = (table.split('\n\n')[0] ?? '').trimEnd().split('\n');
    return lines.flatMap((line) => {
      const [codes = '', meaning = '', cure = ''] = line.slice(2, -2).split(' | ');
      return [...codes.matchAll(/`([^`]+)`/g)].map(([, code = '']) => [code, meaning, cure]);
    });
  };

  test.each([
    ['`stray-response`, `code`', strayResponses],
    ['`discarded`, `what`', discards],
    ['`outcome`, `code`', transportErrors],
    ['`undelivered`, `code`', undeliveredAnswers],
  ])('%s: every code with the words of its catalogue', (title, catalogue) => {
    expect(rowsOf(title)).toEqual(Object.entries(catalogue).map(([code, { meaning, cure }]) => [code, meaning, cure]));
  });
});

describe('each check', () => {
  const headOf = (name: string): string => {
    const source = readFileSync(join(root, `src/routing/checks/${name.replaceAll(' ', '-')}.ts`), 'utf8');
    return source.slice(0, source.indexOf('*/')).replace(/\n \* ?/g, ' ');
  };
  const names = ['access', ...checks.map(({ name }) => name), 'route table'];

  test.each(names)('%s: quotes the words of the decision table', (name) => {
    const [, words] = new RegExp(`^\\| ${name} +\\| (.*?) +\\|$`, 'm').exec(textOf('README.md')) ?? [];
    const [, quoted] = /the README: "([^"]+)"/.exec(headOf(name)) ?? [];
    expect(words?.startsWith(quoted ?? '?')).toBe(true);
  });

  test('every reason code is named by a check that gives it, or by the list itself', () => {
    const given = names.flatMap((name) => (/Gives ([^.]+)\./.exec(headOf(name))?.[1] ?? '').split(/, */));
    expect(given.filter((code) => !(code in reasons))).toEqual([]);
    expect(Object.keys(reasons).filter((code) => !given.includes(code))).toEqual(['draining', 'basic-other-side']);
  });
});
