/** The order in which the servers of an SRV name are tried (RFC 2782). Pure. */

export interface Weighted {
  readonly priority: number;
  readonly weight: number;
}

/**
 * Lower priority first; inside a priority by chance, in proportion to weight.
 * @param random gives numbers from 0 (included) to 1 (not included)
 */
export function orderServers<Server extends Weighted>(servers: readonly Server[], random: () => number): Server[] {
  const priorities = [...new Set(servers.map(({ priority }) => priority))].sort((a, b) => a - b);
  return priorities.flatMap((priority) =>
    drawAll(
      servers.filter((server) => server.priority === priority),
      random,
    ),
  );
}

function drawAll<Server extends Weighted>(servers: readonly Server[], random: () => number): Server[] {
  // RFC 2782: those of weight 0 stand first, so that they are drawn rarely but not never.
  const left = [...servers].sort((a, b) => Number(a.weight > 0) - Number(b.weight > 0));
  const order: Server[] = [];
  while (left.length > 0) order.push(...left.splice(draw(left, random), 1));
  return order;
}

/** Place of the first server whose running sum of weights reaches a number drawn from 0 to the whole sum, both included. */
function draw(servers: readonly Weighted[], random: () => number): number {
  const total = servers.reduce((sum, { weight }) => sum + weight, 0);
  const drawn = Math.floor(random() * (total + 1));
  let sum = 0;
  return servers.findIndex(({ weight }) => {
    sum += weight;
    return sum >= drawn;
  });
}
