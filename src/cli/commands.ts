/** All commands, in the order of the usage. Each is loaded when it is called: to add one, write a file, and name it here. */
import type { Command } from './command.ts';

type Load = () => Promise<Command>;

export const commands: ReadonlyMap<string, Load> = new Map<string, Load>([
  ['start', async () => (await import('./start.ts')).command],
  ['status', async () => (await import('./administer.ts')).status],
  ['reload', async () => (await import('./administer.ts')).reload],
  ['drain', async () => (await import('./administer.ts')).drain],
  ['undrain', async () => (await import('./administer.ts')).undrain],
  ['check', async () => (await import('./check.ts')).command],
  ['explain', async () => (await import('./explain.ts')).command],
  ['doctor', async () => (await import('./doctor.ts')).command],
  ['directory check', async () => (await import('./directory.ts')).command],
  ['directory show', async () => (await import('./directory-orders.ts')).show],
  ['directory refresh', async () => (await import('./directory-orders.ts')).refresh],
  ['directory confirm', async () => (await import('./directory-orders.ts')).confirm],
  ['keys new', async () => (await import('./keys.ts')).newKeys],
  ['keys rotate', async () => (await import('./keys.ts')).rotateKeys],
  ['unit', async () => (await import('./unit.ts')).command],
  ['gen schema', async () => (await import('./generate.ts')).genSchema],
  ['gen completion', async () => (await import('./generate.ts')).genCompletion],
  ['gen man', async () => (await import('./generate.ts')).genMan],
]);

export const loadAll = (): Promise<readonly Command[]> => Promise.all([...commands.values()].map((load) => load()));
