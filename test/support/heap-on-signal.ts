/** Loaded before a program that runs with --expose-gc: on SIGUSR2 it collects all garbage and says what is left. */
process.on('SIGUSR2', () => {
  globalThis.gc?.();
  process.stderr.write(`heap ${process.memoryUsage().heapUsed}\n`);
});
