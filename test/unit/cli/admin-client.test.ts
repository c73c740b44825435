/** What the commands say whose certificates for the way to the router are in another form, before a handshake says less. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { status } from '../../../src/cli/administer.ts';
import { createAuthority } from '../../support/certificates.ts';
import { folderWith } from '../../support/configuration.ts';
import { run } from '../../support/run-command.ts';

const authority = createAuthority('Test CA');
afterAll(() => authority.remove());
const der = execFileSync('openssl', ['x509', '-outform', 'DER', '-in', authority.certificateFile]);
const files = { 'ca.cer': der, 'ca.crt': authority.certificate, 'ca.key': authority.key };

test.each<[string[], string]>([
  [
    ['--ca', 'ca.cer'],
    'ca.cer: this file holds a certificate in DER, and not in PEM; openssl x509 -inform DER -in ca.cer',
  ],
  [['--ca', 'ca.key'], 'ca.key: this file holds a private key, not the certificate of a CA; it belongs into key'],
  [['--cert', 'ca.key'], 'ca.key: this file holds a private key, not a certificate; it belongs into key'],
  [['--cert', 'ca.crt', '--key', 'ca.crt'], 'ca.crt: this file holds a certificate, not a private key; '],
  [['--ca', 'nobody.crt'], 'nobody.crt: there is no such file; is the path right?'],
])('%j', async (options, said) => {
  const folder = folderWith(files);
  const named = options.map((word) => (word.startsWith('--') ? word : join(folder, word)));
  const { code, err } = await run(status, ['--admin', 'https://127.0.0.1:1', ...named]);
  expect(code).toBe(1);
  expect(err.map((line) => line.replaceAll(`${folder}/`, ''))).toEqual([expect.stringContaining(said)]);
});
