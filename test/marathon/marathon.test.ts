/** The marathon in short: `npm run directory:marathon` makes a thousand operations. */
import { expect, test } from 'vitest';
import { kinds, runMarathon } from './marathon.ts';

test('short form, two minutes with a fixed seed: after each kind of operation a Samba directory and the router are equal, by poll, notify and dirsync', {
  timeout: 300_000,
}, async () => {
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  const report = await runMarathon({ seed: 13, operations: kinds.length, isEven: true, net: 95, say });
  console.info(report.times.join('\n'));
  expect(report.difference, lines.join('\n')).toBeUndefined();
  expect(report.kinds).toEqual(kinds.toSorted());
});
