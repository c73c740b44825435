/** Where a router that was started with a file can be spoken to, also when the file has been spoilt since. */
import { dirname, resolve } from 'node:path';
import { readYaml } from '../settings/document.ts';
import { resolvePath } from '../settings/named-file.ts';
import { Problems } from '../settings/problem.ts';
import { readTextFile } from '../settings/text-file.ts';
import { routesFile, usualAdminSocket } from './shape.ts';

/** Absolute. The usual place when the file cannot be read: what is wrong with it is the business of `check`. */
export function adminSocketOf(file: string): string {
  const read = readTextFile(file);
  const nobody = new Problems(file);
  const root = read.kind === 'text' ? readYaml(read.text, nobody) : undefined;
  const settings = root && routesFile(root, { path: [], problems: nobody });
  return resolvePath(settings?.admin.socket ?? usualAdminSocket, dirname(resolve(file)));
}
