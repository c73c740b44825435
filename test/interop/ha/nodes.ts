/** The routers of the two nodes, and the keys that they share. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { makeKeysFile } from '../../../src/config/signing-keys.ts';
import { mainFile, RouterProcess } from '../../support/router-process.ts';
import { routesYaml } from '../../support/two-sides.ts';
import { addresses, type Network, type Node } from './network.ts';

/** One file of signing keys, and its copy on the other node. */
export class NodeKeys {
  readonly #folder = mkdtempSync(join(tmpdir(), 'pif-keys-'));

  constructor() {
    makeKeysFile(this.fileOf('a'));
    this.copy();
  }

  fileOf(node: Node): string {
    return join(this.#folder, `${node}.keys`);
  }

  /** What stands on the first node now, on the second one too. */
  copy(): void {
    copyFileSync(this.fileOf('a'), this.fileOf('b'));
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}

/**
 * Both nodes have one configuration but for what they listen on. Their name is the same, and so are their keys: what one
 * writes into Record-Route, the other knows for its own.
 */
export const startRouter = (network: Network, node: Node, listen: string, keys: NodeKeys): Promise<RouterProcess> => {
  const { cisco, microsoft } = addresses;
  const sides = { router: listen, cisco, microsoft, microsoft2: '192.0.2.22', stranger: '192.0.2.99' };
  const usual = routesYaml(sides, { certificates: inject('certificates'), transports: ['tcp'] });
  return RouterProcess.start({
    command: [...network.on(node), process.execPath, mainFile],
    routes: `${usual}log: { decisions: none }\nsigning: { keys-file: ${keys.fileOf(node)} }\n`,
  });
};
