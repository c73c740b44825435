/** Seeds that have shown a fault of the router, which is mended: `[seed, what it was]`. */
export const faultySeeds: readonly [seed: number, fault: string][] = [];
