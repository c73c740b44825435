/** The routers of the two nodes. */
import { inject } from 'vitest';
import { mainFile, RouterProcess } from '../../support/router-process.ts';
import { routesYaml } from '../../support/two-sides.ts';
import { addresses, type Network, type Node } from './network.ts';

/**
 * Both nodes have one configuration but for what they listen on. Their name is the same: what one writes into Record-Route,
 * the other knows for its own.
 */
export const startRouter = (network: Network, node: Node, listen: string): Promise<RouterProcess> => {
  const { cisco, microsoft } = addresses;
  const sides = { router: listen, cisco, microsoft, microsoft2: '192.0.2.22', stranger: '192.0.2.99' };
  return RouterProcess.start({
    command: [...network.on(node), process.execPath, mainFile],
    routes: `${routesYaml(sides, { certificates: inject('certificates'), transports: ['tcp'] })}log: { decisions: none }\n`,
  });
};
