/** Metrics as text, as Prometheus reads them (exposition format 0.0.4). */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exposition } from '../../../src/observe/exposition.ts';
import { printable } from '../../../src/printable.ts';
import { anyText, everyUnit } from '../../support/any-text.ts';

test('a family stands together: help, type, then its samples, each line ended', () => {
  const samples = [
    { labels: {}, value: 3 },
    { labels: { side: 'cisco', state: 'up' }, value: 0.5 },
  ];
  expect(exposition([{ name: 'pif_router_things', help: 'Things.', type: 'gauge', samples }])).toBe(
    '# HELP pif_router_things Things.\n# TYPE pif_router_things gauge\npif_router_things 3\npif_router_things{side="cisco",state="up"} 0.5\n',
  );
});

test('backslashes, quotes and line ends in labels are escaped; in help quotes stay', () => {
  const samples = [{ labels: { subject: 'CN=a\\b "c"\nd' }, value: 1 }];
  const text = exposition([{ name: 'pif_router_x', help: 'a "b"\\c\nd', type: 'counter', samples }]);
  expect(text.split('\n')).toEqual([
    '# HELP pif_router_x a "b"\\\\c\\nd',
    '# TYPE pif_router_x counter',
    'pif_router_x{subject="CN=a\\\\b \\"c\\"\\nd"} 1',
    '',
  ]);
});

/** A reader of one sample that goes by the format, and by the wider notion that others have of a line end. */
function labelIn(text: string): string {
  const lines = text.split(/\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/);
  expect(lines).toHaveLength(4);
  const [, value = ''] = /^pif_router_x\{subject="((?:[^"\\]|\\["\\n])*)"\} 1$/.exec(lines[2]!) ?? [];
  return value.replace(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped));
}

const shown = (subject: string): string =>
  labelIn(
    exposition([{ name: 'pif_router_x', help: 'X.', type: 'gauge', samples: [{ labels: { subject }, value: 1 }] }]),
  );

test('whatever stands in a label is one value in one line, without what is not seen', () => {
  const expected = (text: string): string => text.split('\n').map(printable).join('\n');
  fc.assert(fc.property(anyText, (text) => void expect(shown(text)).toBe(expected(text))));
  for (const text of everyUnit) expect(shown(text)).toBe(expected(text));
  expect(shown('CN=a\u009b31m\r\u202e')).toBe('CN=a\\u009b31m\\u000d\\u202e');
});
