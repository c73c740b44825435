/** The log for eyes: one line each, with what matters, and nothing in it that a terminal would obey. */
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { prettyLayout } from '../../../src/observe/pretty.ts';

const laidOut = (text: string, hasColours = false): string =>
  Buffer.from(prettyLayout(hasColours)(Buffer.from(text))).toString();
const lineOf = (entry: object, hasColours = false): string => laidOut(`${JSON.stringify(entry)}\n`, hasColours);

const time = new Date(2026, 2, 1, 9, 8, 7, 65).toISOString();

describe('a line', () => {
  test('has time, level, event, message, and the facts that the message does not tell', () => {
    const entry = {
      level: 'warn',
      time,
      event: 'target-health',
      target: 'tcp:192.0.2.21:5060',
      hops: ['microsoft fe1:5060/tcp'],
      from: 'up',
      msg: 'tcp:192.0.2.21:5060 is down, it was up',
    };
    expect(lineOf(entry)).toBe(
      '09:08:07.065 WARN  target-health  tcp:192.0.2.21:5060 is down, it was up  hops: microsoft fe1:5060/tcp\n',
    );
  });

  test('of a request says who, whereto, how it ended and by which hops', () => {
    const entry = {
      level: 'info',
      time,
      event: 'request',
      id: 'a@b 1',
      method: 'MESSAGE',
      uri: 'sip:bob@example.com',
      from: 'sip:alice@example.com',
      peer: 'tcp:192.0.2.11:5060',
      fromSide: 'cisco',
      toSide: 'microsoft',
      decision: 'forward',
      because: ['access-allowed: x', 'route-matched: y'],
      hops: [{ hop: 'fe1', address: 'tls:192.0.2.21:5061', outcome: 'answered', ms: 3.5 }],
      status: 200,
      ms: 4,
    };
    expect(lineOf(entry)).toBe(
      '09:08:07.065 INFO  request        MESSAGE sip:bob@example.com cisco > microsoft 200 in 4 ms  ' +
        'hops: tls:192.0.2.21:5061 answered 3.5 ms, peer: tcp:192.0.2.11:5060, from: sip:alice@example.com, id: a@b 1\n',
    );
    const refused = {
      ...entry,
      status: 404,
      code: 'no-route',
      because: ['access-allowed: x', 'no-route: why'],
      hops: [],
    };
    expect(lineOf(refused)).toContain('404 no-route in 4 ms  why: no-route: why, peer: ');
    expect(lineOf({ ...entry, status: 0 })).toContain('no answer in 4 ms');
  });

  test('of a bug shows where it is', () => {
    const err = { type: 'Error', message: 'x', stack: 'Error: x\n    at f (file.ts:1:1)' };
    expect(lineOf({ level: 'error', time, event: 'bug', err, msg: 'broken' })).toBe(
      '09:08:07.065 ERROR bug            broken\n    Error: x\n        at f (file.ts:1:1)\n',
    );
  });

  test('that is none of the log stays as it is', () => expect(laidOut('hello\n[1]\n')).toBe('hello\n[1]\n'));

  test('has colours only where they are wanted', () => {
    const entry = { level: 'error', time, event: 'reload', msg: 'refused' };
    expect(lineOf(entry)).not.toContain('\x1b');
    expect(lineOf(entry, true)).toContain('\x1b[31m');
    expect(stripVTControlCharacters(lineOf(entry, true))).toBe(lineOf(entry));
  });
});

test('whatever others have written, each stays one line, and speaks to no terminal', () => {
  const text = fc.string({ unit: 'binary', maxLength: 30 });
  const level = fc.constantFrom('info', 'warn', 'toString', '\x1b[2J');
  const entries = fc.array(
    fc.record({
      level,
      time: text,
      event: fc.oneof(text, fc.constant('request')),
      msg: text,
      uri: text,
      because: fc.array(text),
      hops: fc.array(fc.record({ address: text })),
      more: fc.dictionary(text, text),
    }),
    { minLength: 1, maxLength: 4 },
  );
  fc.assert(
    fc.property(entries, (written) => {
      const lines = laidOut(`${written.map((entry) => JSON.stringify(entry)).join('\n')}\n`).split('\n');
      expect(lines).toHaveLength(written.length + 1);
      for (const line of lines) expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    }),
  );
});
