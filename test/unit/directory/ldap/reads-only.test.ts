/** The router's LDAP client reads: no request that changes a directory can be made of it (RFC 4511 §4.6 to §4.9). */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as wire from '../../../../src/directory/ldap/wire.ts';

const src = join(import.meta.dirname, '../../../../src');

/** BER: the tag of protocolOp, behind the message's own tag and length, and the message ID of one octet. */
const operationTag = (message: Buffer): number => {
  const lengthOctets = message[1]! < 0x80 ? 1 : 1 + (message[1]! & 0x7f);
  return message[1 + lengthOctets + 3]!;
};

test('what can be written is bind, unbind, search, abandon and StartTLS', () => {
  const requests = {
    writeBind: wire.writeBind(1, 'cn=router', 'secret'),
    writeUnbind: wire.writeUnbind(1),
    writeSearch: wire.writeSearch(1, {
      baseDn: 'dc=example',
      filter: { present: 'cn' },
      attributes: ['cn'],
      onEntry: () => undefined,
    }),
    writeAbandon: wire.writeAbandon(1, 1),
    writeStartTls: wire.writeStartTls(1),
  };
  const writers = Object.keys(wire).filter((name) => name.startsWith('write'));
  expect(writers.sort()).toEqual(Object.keys(requests).sort());
  const tags = Object.values(requests).map(operationTag);
  expect(tags).toEqual([0x60, 0x42, 0x63, 0x50, 0x77]);
  expect(wire.writeStartTls(1).toString('latin1')).toContain('1.3.6.1.4.1.1466.20037');
});

test('of ldapts nothing is imported that could write, and never the whole', () => {
  const imports = globSync('**/*.ts', { cwd: src }).flatMap((path) =>
    [...readFileSync(join(src, path), 'utf8').matchAll(/^import\s([^;']*?)\sfrom\s'ldapts';/gm)].map(
      ([, what]) => what!,
    ),
  );
  expect(imports.length).toBeGreaterThan(0);
  expect(imports.filter((what) => !/^(?:type )?\{[^}]*\}$/.test(what))).toEqual([]);
  const names = imports.flatMap((what) => what.match(/\w+/g) ?? []);
  expect(names).toContain('SearchRequest');
  expect(names.filter((name) => name.endsWith('Request')).sort()).toEqual([
    'AbandonRequest',
    'BindRequest',
    'ExtendedRequest',
    'SearchRequest',
    'UnbindRequest',
  ]);
  expect(names.filter((name) => ['Client', 'Change'].includes(name))).toEqual([]);
});
