/** How a URI stands in reasons and logs. */
import { expect, test } from 'vitest';
import { describeUri } from '../../../src/routing/checks/check.ts';
import { parsePattern } from '../../../src/routing/routes/route-pattern.ts';
import type { UriFacts } from '../../../src/routing/types.ts';
import { cisco, factsOf } from '../../support/routing.ts';

const facts = factsOf(cisco, 'sip:bob@example.com').requestUri;

const whole: Partial<UriFacts> = { scheme: 'sip', user: 'bob', maddr: undefined };

test.each<[string, Partial<UriFacts>]>([
  ['sip:bob@example.com', { host: 'example.com', port: undefined }],
  ['sip:bob@example.com:5060', { host: 'example.com', port: 5060 }],
  ['sip:bob@[2001:db8::1]:5060', { host: '2001:db8::1', port: 5060 }],
  ['sip:bob@[2001:db8::1]', { host: '2001:db8::1', port: undefined }],
  [
    'sip:example.com;maddr=[2001:db8::1]',
    { user: undefined, host: 'example.com', port: undefined, maddr: '2001:db8::1' },
  ],
])('%s', (text, parts) => expect(describeUri({ ...facts, ...whole, ...parts })).toBe(text));

test.each(['1.2', '123', '.2.1', `${'a'.repeat(64)}.example.com`])('no route leads to the domain %s', (pattern) => {
  expect(parsePattern(pattern, 'domain').problem).toContain(`"${pattern}" is not a domain`);
});
