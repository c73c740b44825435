/** What `start` suggests to try is let in and routed, whatever the first rules of `access` ask for. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { command as explain } from '../../../src/cli/explain.ts';
import { wordsToTry } from '../../../src/cli/line-to-try.ts';
import { loadSnapshot } from '../../../src/config/snapshot.ts';
import { folderWith, routesYaml } from '../../support/configuration.ts';
import { run } from '../../support/run-command.ts';

const ldif = (...names: readonly string[]): string =>
  names
    .map((name) => `dn: CN=${name}\nmsRTCSIP-PrimaryUserAddress: sip:${name}@example.com\nmsRTCSIP-UserEnabled: TRUE\n`)
    .join('\n');

const advanced = (...more: readonly string[]): string =>
  [
    `routing: { mode: advanced${more.map((each) => `, ${each}`).join('')} }`,
    'directory: { sources: [{ kind: ldif, file: users.ldif }] }',
  ].join('\n');

const rules = (...rows: readonly string[]) => ({ access: `access: [${rows.map((row) => `{ ${row} }`).join(', ')}]` });

const cases: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'an address': {},
  'a name': rules('side: cisco, from: imp1.example.com'),
  'a partial name': rules('side: microsoft, from: .example.com'),
  "a line of Cisco's list": rules('side: cisco, from: Allow from company.com'),
  'a name at an address': rules('side: cisco, from: 192.0.2.0/24, tls-name: imp1.example.com'),
  'a name anywhere': rules('side: cisco, tls-name: .example.com'),
  'a network': rules('side: cisco, from: 10.1.'),
  'one address as a network': rules('side: cisco, from: 192.0.2.4/32'),
  'a network of IPv6': rules('side: microsoft, from: 2001:db8:0:1::/64'),
  'an address of IPv6': rules('side: microsoft, from: "2001:db8::ffff"'),
  everybody: rules('side: cisco, from: all'),
  'a transport': rules('side: cisco, from: 192.0.2.1, transport: udp'),
  'TLS by address': rules('side: cisco, from: 192.0.2.1, transport: tls'),
  'domains in From': rules('side: cisco, from: 192.0.2.1, from-domains: [.example.net]'),
  methods: rules('side: cisco, from: 192.0.2.1, methods: [INVITE, BYE]'),
  'a part that is denied first': rules('deny: true, from: 192.0.2.9', 'side: cisco, from: 192.0.2.0/24'),
  'a rule whose part is denied': rules(
    'side: cisco, from: 192.0.2.0/30',
    'deny: true, from: 192.0.2.1',
    'side: cisco, from: 10.1.1.1',
  ),
  'one side without routes': {
    ...rules('side: microsoft, from: 192.0.2.1', 'side: cisco, from: 192.0.2.2'),
    routes: 'routes: [{ to: microsoft, pattern: example.com, next-hop: 127.0.0.21 }]',
  },
  'a directory': { ...rules('side: microsoft, from: 192.0.2.1', 'side: cisco, from: 192.0.2.2'), x: advanced() },
  'a list of Cisco users': {
    ...rules('side: microsoft, from: 192.0.2.1'),
    x: advanced('cisco-users: users.txt'),
  },
  'a pin only': {
    ...rules('side: cisco, from: 192.0.2.1'),
    x: `${advanced().replace('users.ldif', 'nobody.ldif')}\npins: [{ user: sip:ceo@example.com, side: microsoft }]`,
  },
};

const files = { 'users.ldif': ldif('bob'), 'nobody.ldif': ldif('nobody'), 'users.txt': 'carol@example.com\n' };

test.each(Object.entries(cases))('%s', async (_, changed) => {
  const file = join(folderWith({ ...files, 'routes.yaml': routesYaml(changed) }), 'routes.yaml');
  const { snapshot, problems } = loadSnapshot(file, 1);
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  const { code, out } = await run(explain, wordsToTry(snapshot!) ?? []);
  expect(out.find((line) => line.startsWith('forward') || line.startsWith('reject'))).toMatch(/^forward from /);
  expect(out.join('\n')).not.toContain('not even read');
  expect(code).toBe(0);
});

test('nothing is suggested where all would be refused', () => {
  const yaml = routesYaml(rules('deny: true, from: all'));
  const { snapshot } = loadSnapshot(join(folderWith({ 'routes.yaml': yaml }), 'routes.yaml'), 1);
  expect(wordsToTry(snapshot!)).toBeUndefined();
});
