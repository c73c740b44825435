/** Preloaded into the router under fuzz (with --expose-gc): on SIGUSR2 it collects all garbage and writes what is left to stderr. */
process.on('SIGUSR2', () => {
  globalThis.gc?.();
  globalThis.gc?.();
  process.stderr.write(`heap ${process.memoryUsage().heapUsed}\n`);
});
