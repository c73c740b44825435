/** How lines reach the file: in batches, whole, in order, and all of them. Another thread writes, so each test waits for them. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Batch, batchBytes } from '../../../src/observe/batch.ts';
import { openLog } from '../../../src/observe/log.ts';
import type { LogSettings } from '../../../src/observe/settings.ts';
import { anyText, everyUnit, hasUnseen } from '../../support/any-text.ts';
import { until } from '../../support/until.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pif-log-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const settings = (name = 'router.log'): LogSettings => ({
  level: 'info',
  file: join(folder, name),
  decisions: 'all',
  format: 'auto',
});
const linesOf = (name = 'router.log'): Record<string, unknown>[] =>
  readFileSync(join(folder, name), 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
const untilWritten = (count: number, name?: string): Promise<unknown> => until(() => linesOf(name).length >= count);

describe('the log', () => {
  test('has records and other lines in the order in which they were written, also those of many batches', async () => {
    const { log, writeRecord } = openLog(settings());
    const pad = 'ü"\\'.repeat(500);
    const count = Math.ceil((3 * batchBytes) / pad.length);
    for (let at = 0; at < count; at += 1) {
      if (at % 7 === 0) log.info({ at, pad });
      else writeRecord(JSON.stringify({ at, pad }).slice(1, -1));
    }
    await untilWritten(count);
    expect(linesOf().map(({ at }) => at)).toEqual(Array.from({ length: count }, (_, at) => at));
    expect(linesOf().every(({ level, pad: kept }) => level === 'info' && kept === pad)).toBe(true);
  });

  test('gives each record the time in UTC, to the millisecond', async () => {
    const { writeRecord, close } = openLog(settings());
    const before = Date.now();
    for (let at = 0; at < 2_000; at += 1) writeRecord('"event":"request"');
    const after = Date.now();
    await close();
    await untilWritten(2_000);
    const times = linesOf().map(({ time }) => String(time));
    for (const time of times) expect(new Date(time).toISOString()).toBe(time);
    const all = times.map((time) => Date.parse(time));
    expect(all).toEqual(all.toSorted((a, b) => a - b));
    expect(all[0]).toBeGreaterThanOrEqual(before);
    expect(all.at(-1)).toBeLessThanOrEqual(after);
  });

  test('has a record soon that nothing follows', async () => {
    const { writeRecord } = openLog(settings());
    writeRecord('"event":"request"');
    await untilWritten(1);
    expect(linesOf()).toMatchObject([{ level: 'info', event: 'request' }]);
  });

  test('has no records above level info', async () => {
    const { log, writeRecord, close } = openLog({ ...settings(), level: 'warn' });
    writeRecord('"event":"request"');
    log.warn('something');
    await close();
    await untilWritten(1);
    expect(linesOf()).toMatchObject([{ level: 'warn', msg: 'something' }]);
  });

  test('has records or none from a reload on, as its level says', async () => {
    const { writeRecord, prepare, close } = openLog(settings());
    const reload = async (level: LogSettings['level']) => (await prepare({ log: { ...settings(), level } })).commit();
    writeRecord('"at":1');
    await reload('warn');
    writeRecord('"at":2');
    await reload('debug');
    writeRecord('"at":3');
    await close();
    // Each reload opens the file anew: the former one may be the last to be written.
    await untilWritten(2);
    expect(new Set(linesOf().map(({ at }) => at))).toEqual(new Set([1, 3]));
  });

  test('goes on in another file from a reload on, and what was written before stands in the former one', async () => {
    const { writeRecord, prepare } = openLog(settings());
    writeRecord('"at":1');
    const change = await prepare({ log: settings('next.log') });
    writeRecord('"at":2');
    change.commit();
    writeRecord('"at":3');
    await untilWritten(1, 'next.log');
    expect(linesOf('next.log').map(({ at }) => at)).toEqual([3]);
    await untilWritten(2);
    expect(linesOf().map(({ at }) => at)).toEqual([1, 2]);
  });

  test('takes a line that is longer than a batch', async () => {
    const { writeRecord } = openLog(settings());
    const pad = 'ä'.repeat(batchBytes);
    writeRecord('"at":1');
    writeRecord(`"at":2,"pad":"${pad}"`);
    writeRecord('"at":3');
    await untilWritten(3);
    expect(linesOf().map(({ at }) => at)).toEqual([1, 2, 3]);
    expect(linesOf()[1]?.pad).toBe(pad);
  });
});

describe('text of others in the log', () => {
  /** As `writeRecord` has it of `recordText`. */
  const membersOf = (text: string): string => JSON.stringify({ text }).slice(1, -1);

  test('stays the same value in one line each, and nothing in it acts on a terminal', async () => {
    const { log, writeRecord, close } = openLog(settings());
    const texts = [...everyUnit, ...fc.sample(anyText, 300), 'x'.repeat(batchBytes) + everyUnit.slice(0, 3).join('')];
    for (const text of texts) {
      writeRecord(membersOf(text));
      log.warn({ text }, text);
    }
    expect(await close()).toBe(true);
    const raw = readFileSync(join(folder, 'router.log'), 'utf8');
    expect(hasUnseen(raw.replaceAll('\n', ''))).toBe(false);
    expect(linesOf().map(({ text }) => text)).toEqual(texts.flatMap((text) => [text, text]));
    expect(linesOf().flatMap(({ msg }) => msg ?? [])).toEqual(texts);
  });

  test('that is seen is written as it is', async () => {
    const { writeRecord, close } = openLog(settings());
    writeRecord(membersOf('J\u00fcrgen \u{1f600} \u65e5\u672c'));
    await close();
    expect(readFileSync(join(folder, 'router.log'), 'utf8')).toContain('J\u00fcrgen \u{1f600} \u65e5\u672c');
  });
});

describe('a log whose reader is slow', () => {
  const fifo = (): string => join(folder, 'fifo');
  const kept = (): string => join(folder, 'kept');

  /** Who reads nothing until it is told to, and then all. */
  const openReader = () => {
    execFileSync('mkfifo', [fifo()]);
    writeFileSync(kept(), '');
    const reader = spawn('sh', ['-c', `exec 3<"$0"; read -r _; exec cat <&3 >"$1"`, fifo(), kept()]);
    const ended = once(reader, 'exit');
    return {
      read: () => reader.stdin.end('go\n'),
      ended: () => ended,
    };
  };

  test('has each line whole and in order, also those that were written as it was closed', async () => {
    const reader = openReader();
    const { writeRecord, close } = openLog({ level: 'info', file: fifo(), decisions: 'all', format: 'auto' });
    const pad = '.'.repeat(1_000);
    const count = Math.ceil((3.5 * batchBytes) / 1_000);
    for (let at = 0; at < count; at += 1) writeRecord(`"at":${at},"pad":"${pad}"`);
    const closed = close();
    reader.read();
    await Promise.all([closed, reader.ended()]);
    expect(linesOf('kept').map(({ at }) => at)).toEqual(Array.from({ length: count }, (_, at) => at));
  });

  test('keeps 64 MiB for it, and then tells how many lines it has lost', async () => {
    const keptOctets = 64 * 2 ** 20;
    const reader = openReader();
    const { writeRecord, writeLines, close } = openLog({
      level: 'info',
      file: fifo(),
      decisions: 'all',
      format: 'auto',
    });
    const lines = Buffer.alloc(batchBytes, `${'.'.repeat(1_023)}\n`);
    for (let at = 0; at < 260; at += 1) writeLines(lines);
    reader.read();
    await until(() => statSync(kept()).size > keptOctets);
    writeRecord('"at":1');
    await Promise.all([close(), reader.ended()]);
    const last = readFileSync(kept(), 'latin1').slice(keptOctets).trimEnd().split('\n');
    expect(last.map((line) => JSON.parse(line))).toMatchObject([
      { level: 'error', event: 'log-lines-lost', lines: (260 - 256) * 256 },
      { at: 1 },
    ]);
  });
});

describe('a log whose reader has gone', () => {
  const isOpen = (file: string): boolean =>
    readdirSync('/proc/self/fd').some((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === file;
      } catch {
        return false;
      }
    });

  test.each(['before', 'as'])(
    'is closed at once, and its file too, when that is found %s it is closed',
    async (when) => {
      const fifo = join(folder, 'fifo');
      execFileSync('mkfifo', [fifo]);
      const onStandardError = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
      const reader = spawn('head', ['-c', '1', fifo]);
      const gone = once(reader, 'exit');
      const { writeLines, close } = openLog({ level: 'info', file: fifo, decisions: 'all', format: 'auto' });
      writeLines(Buffer.from('{}\n'));
      await gone;
      writeLines(Buffer.from('{}\n'));
      if (when === 'before') await until(() => onStandardError.mock.calls.length > 0);
      // The time that it has for its last lines does not pass.
      vi.useFakeTimers({ toFake: ['setTimeout'] });
      try {
        await close();
      } finally {
        vi.useRealTimers();
      }
      onStandardError.mockRestore();
      expect(isOpen(fifo)).toBe(false);
    },
  );
});

describe('the format', () => {
  /** What a process says on standard error, which is a terminal (of script, bsdutils) or not. */
  const said = (
    format: LogSettings['format'],
    isTerminal: boolean,
    env: Readonly<Record<string, string>> = {},
  ): string => {
    const program = join(folder, 'write.ts');
    const log = JSON.stringify(join(import.meta.dirname, '../../../src/observe/log.ts'));
    writeFileSync(
      program,
      `import { openLog } from ${log};
const { log, close } = openLog({ level: 'info', file: undefined, format: '${format}' });
log.warn({ event: 'reload', from: '\\u009b31m' }, 'hello');
await close();`,
    );
    const [command, ...args] = isTerminal
      ? ['script', '-qec', `${process.execPath} ${program}`, '/dev/null']
      : ['sh', '-c', `${process.execPath} ${program} 2>&1`];
    const usual = { PATH: process.env.PATH, TERM: 'xterm-256color', ...env };
    return execFileSync(command!, args, { encoding: 'utf8', env: usual, stdio: ['ignore', 'pipe', 'pipe'] }).trimEnd();
  };

  test('auto is for eyes on a terminal, with colours unless NO_COLOR is set, and JSON everywhere else', () => {
    const line = /^\d\d:\d\d:\d\d\.\d{3} WARN {2}reload {9}hello {2}from: \\u009b31m$/;
    expect(stripVTControlCharacters(said('auto', true))).toMatch(line);
    expect(said('auto', true)).toContain('\x1b[33mWARN');
    expect(said('auto', true, { NO_COLOR: '1' })).toMatch(line);
    expect(JSON.parse(said('auto', false))).toMatchObject({ level: 'warn', event: 'reload', msg: 'hello' });
  });

  test('json and pretty hold wherever it is written, and there are colours on a terminal only', () => {
    expect(JSON.parse(said('json', true))).toMatchObject({ event: 'reload' });
    expect(said('pretty', false)).toMatch(/^\d\d:\S+ WARN {2}reload {9}hello/);
  });

  test('changes with a reload, for lines that come then', async () => {
    const { log, prepare, close } = openLog(settings());
    log.info({ event: 'one' }, 'json');
    (await prepare({ log: { ...settings(), format: 'pretty' } })).commit();
    log.info({ event: 'two' }, 'words');
    await close();
    const [one = '', two = ''] = readFileSync(join(folder, 'router.log'), 'utf8').split('\n');
    expect(JSON.parse(one)).toMatchObject({ event: 'one' });
    expect(two).toMatch(/ INFO {2}two {12}words$/);
  });
});

test('a log that cannot be written says so once on standard error, and ends nothing', async () => {
  const told: string[] = [];
  const onStandardError = vi.spyOn(process.stderr, 'write').mockImplementation((text) => told.push(String(text)) > 0);
  const { writeLines, close } = openLog({ level: 'info', file: '/dev/full', decisions: 'all', format: 'auto' });
  writeLines(Buffer.from('{}\n'));
  await until(() => told.length > 0);
  writeLines(Buffer.from('{}\n'));
  await close();
  onStandardError.mockRestore();
  expect(told).toEqual([expect.stringContaining('log.file /dev/full cannot be written: ENOSPC')]);
});

test('a batch hands on whole lines, which are not touched by what is written afterwards', () => {
  const taken: Uint8Array[] = [];
  const batch = new Batch({ write: (lines) => taken.push(lines) });
  const line = (at: number): string => `${String(at).padStart(999, '.')}\n`;
  const count = Math.ceil((2.5 * batchBytes) / 1_000);
  for (let at = 0; at < count; at += 1) batch.write(line(at));
  batch.handOn();
  expect(taken.length).toBeGreaterThan(2);
  for (const lines of taken) expect(Buffer.from(lines).at(-1)).toBe('\n'.charCodeAt(0));
  expect(Buffer.concat(taken).toString()).toBe(Array.from({ length: count }, (_, at) => line(at)).join(''));
});
