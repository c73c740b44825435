/** Metrics as text, as Prometheus reads them (exposition format 0.0.4). */
import { expect, test } from 'vitest';
import { exposition } from '../../../src/observe/exposition.ts';

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
