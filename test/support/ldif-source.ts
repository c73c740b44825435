/** An LDIF source as routes.yaml makes it, of a text instead of a file. */

import type { LdifSourceSettings } from '../../src/directory/ldif/settings.ts';
import { LdifSource } from '../../src/directory/ldif/source.ts';
import { ldifDirectory } from '../../src/directory/ldif/users.ts';

export const ldifSource = (text: string, changed: Partial<LdifSourceSettings> = {}): LdifSource => {
  const contents = ldifDirectory(text, 'users.ldif');
  const named = { file: '/users.ldif', named: 'users.ldif', digest: text };
  return new LdifSource({ ...named, contents, isCutOff: false, maxLoss: 0.1, ...changed });
};
