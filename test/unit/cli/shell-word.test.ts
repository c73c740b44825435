/** Words of commands that people are told to run. */
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { powershellWord, shellWord } from '../../../src/shell-word.ts';
import { anyText, everyUnit, hasUnseen } from '../../support/any-text.ts';

/** No argument of a program holds NUL or half a character. */
const asArgument = (text: string): string => text.replaceAll('\0', '').replace(/\p{Cs}/gu, '');

describe('for bash', () => {
  test('each is the one argument that it stands for, in one line that shows all', () => {
    const odd = ['', '-n', '~', '#', 'a b', "it's", '!x', '=(', 'a;b', '*', '$(id)'];
    const words = [...everyUnit, ...fc.sample(anyText, 500), ...odd].map(asArgument);
    const command = words.map(shellWord).join(' ');
    expect(hasUnseen(command)).toBe(false);
    // By standard input, for it is longer than an argument may be.
    const output = execFileSync('bash', ['--noprofile', '--norc'], {
      input: `printf '%s\\0' ${command}\n`,
      env: { LC_ALL: 'C.UTF-8', PATH: process.env.PATH ?? '' },
      maxBuffer: 2 ** 26,
    });
    expect(output.toString('utf8').split('\0').slice(0, -1)).toEqual(words);
  });

  test.each([
    ['routes.yaml', 'routes.yaml'],
    ['/etc/pif router/routes.yaml', "'/etc/pif router/routes.yaml'"],
    ["it's", "'it'\\''s'"],
    ['cost$HOME', "'cost$HOME'"],
    ['a\n\u009b', "$'a\\U0000000a\\U0000009b'"],
  ])('%j is %s', (word, written) => expect(shellWord(word)).toBe(written));
});

describe('for PowerShell', () => {
  /** about_Quoting_Rules: a verbatim string ends at any of five quotes that does not stand twice. */
  const verbatim = /^'((?:[^'\u2018-\u201b]|(['\u2018-\u201b])\2)*)'$/;
  const bare = /^\w[\w./:-]*$/;

  test('each is one word, in one line that shows all', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const word = powershellWord(text);
        expect(bare.test(word) || verbatim.test(word)).toBe(true);
        expect(hasUnseen(word)).toBe(false);
      }),
    );
  });

  test.each([
    ['router.example.com', 'router.example.com'],
    ["a'; Remove-Item x; '", "'a''; Remove-Item x; '''"],
    ['a\u2019; x', "'a\u2019\u2019; x'"],
    ['-Force', "'-Force'"],
    ['$env:PATH', "'$env:PATH'"],
  ])('%j is %s', (name, written) => expect(powershellWord(name)).toBe(written));
});
