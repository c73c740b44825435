/** Which of its reasons refuses a request. */
import { expect, test } from 'vitest';
import { refusingReason } from '../../../src/routing/reasons.ts';

test('how old an answer of the directory was refuses nobody: what the answer said does', () => {
  const because = [
    { code: 'access-allowed', detail: '' },
    { code: 'home-is-the-sender', detail: 'ldif users.ldif has this user on microsoft' },
    { code: 'directory-stale', detail: '' },
  ] as const;
  expect(refusingReason(because)).toEqual({ ...because[1], status: 404 });
});
