/** What commands put on a terminal. */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createIo, type Io, printText } from '../../../src/cli/printing.ts';
import { anyText, everyUnit, hasUnseen } from '../../support/any-text.ts';
import { folderWith, routesYaml } from '../../support/configuration.ts';

const onTerminal = (print: (io: Io) => void): string => {
  const written: string[] = [];
  const output = { write: (text: string) => written.push(text) };
  print(createIo(output, output));
  return written.join('');
};

describe('a line', () => {
  const expectOneLine = (line: string): void => {
    for (const text of [onTerminal(({ out }) => out(line)), onTerminal(({ err }) => err(line))]) {
      expect(text.indexOf('\n')).toBe(text.length - 1);
      expect(hasUnseen(text.slice(0, -1))).toBe(false);
    }
  };

  test('is one line without what is not seen, whatever stands in it', () => {
    fc.assert(fc.property(anyText, expectOneLine));
    everyUnit.forEach(expectOneLine);
  });

  test('shows what it does not write', () =>
    expect(onTerminal(({ out }) => out('CN=fe1\x1b]0;OWNED\x07\u009b31m \u202egro\r\nerror: none'))).toBe(
      'CN=fe1\\u001b]0;OWNED\\u0007\\u009b31m \\u202egro\\u000d\\u000aerror: none\n',
    ));

  test('of JSON stays the same value, also in several lines', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(JSON.parse(onTerminal(({ out }) => out(JSON.stringify({ text }))))).toEqual({ text });
        const wide = JSON.stringify({ text }, undefined, 2);
        expect(JSON.parse(onTerminal(({ out }) => printText(wide, out)))).toEqual({ text });
      }),
    );
  });

  test('that is seen is printed as it is', () =>
    expect(onTerminal(({ out }) => out('J\u00fcrgen, C:\\certs, \u{1f600}'))).toBe(
      'J\u00fcrgen, C:\\certs, \u{1f600}\n',
    ));
});

describe('the program', () => {
  const main = join(import.meta.dirname, '../../../src/main.ts');
  const evil = 'a\x1b[2K\u009b31m\u202e\ngood: no problems';

  test.each([
    ['check', []],
    ['doctor', []],
    ['status', []],
    ['keys', ['rotate']],
    ['explain', ['MESSAGE', 'sip:bob@example.com', '--from-peer', '127.0.0.11']],
  ])('%s shows the name of a file in one line', (command, words) => {
    const file = join(folderWith({ [`${evil}.yaml`]: routesYaml({ node: 'node: {}' }) }), `${evil}.yaml`);
    const { stdout, stderr, status } = spawnSync(process.execPath, [main, command, ...words, file], {
      encoding: 'utf8',
    });
    expect(status).not.toBe(0);
    const printed = stdout + stderr;
    if (command !== 'status') expect(printed).toContain('a\\u001b[2K\\u009b31m\\u202e\\u000agood: no problems.yaml');
    expect(hasUnseen(printed.replaceAll('\n', ''))).toBe(false);
    expect(printed).not.toMatch(/^good/m);
  });

  test('help has its lines', () => {
    const help = execFileSync(process.execPath, [main, 'help'], { encoding: 'utf8' });
    expect(help.split('\n').length).toBeGreaterThan(10);
  });
});
