/** The project's development certificates, made by its own script: for tests that start real programs. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** In the shape that node:tls takes. */
export interface Credentials {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer;
}

export type DevelopmentCertificate = 'router' | 'imp1' | 'fe1' | 'fe2';

const script = join(import.meta.dirname, '../../certs/make-dev-certs.sh');

/** Makes them in `folder`, or adds what is missing there, and returns it: about two seconds, the second time nothing. */
export function makeDevelopmentCertificates(folder: string): string {
  execFileSync(script, [folder], { stdio: ['ignore', 'ignore', 'inherit'] });
  return folder;
}

export const credentials = (folder: string, name: DevelopmentCertificate): Credentials => ({
  cert: readFileSync(join(folder, `${name}.crt`)),
  key: readFileSync(join(folder, `${name}.key`)),
  ca: readFileSync(join(folder, 'ca.crt')),
});
