/** The bounded map of the SIP rooms. */
import { expect, test } from 'vitest';
import { RecentMap } from '../../../src/sip/recent-map.ts';

test('the latest keys are remembered, and never more than twice as many', () => {
  const map = new RecentMap<number>(10);
  for (let key = 0; key < 1_000; key += 1) {
    map.set(`${key}`, key);
    expect([...map.values()].length).toBeLessThanOrEqual(20);
  }
  for (let key = 991; key < 1_000; key += 1) expect(map.get(`${key}`)).toBe(key);
  expect(map.get('0')).toBeUndefined();
});

test('a key that is asked for is not forgotten', () => {
  const map = new RecentMap<string>(10);
  map.set('wanted', 'here');
  for (let key = 0; key < 1_000; key += 1) {
    map.set(`${key}`, '');
    expect(map.get('wanted')).toBe('here');
  }
});

test('a value that is set anew replaces the old one in both generations', () => {
  const map = new RecentMap<string>(2);
  map.set('a', 'old');
  map.set('b', '');
  map.set('a', 'new');
  expect(map.get('a')).toBe('new');
  expect([...map.values()]).toEqual(['new', '']);
});
