/**
 * What modules preloaded into a measured router (`--import`) have in common; a router that is not measured knows nothing of
 * them. A probe begins at SIGUSR2, which the file named by PIF_BENCH_PROBE confirms by being there; into that file goes, at
 * the end of the process, what it has found.
 */
import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

/** @param begin returns what tells the findings, as they are to be written in JSON */
export function probe(begin: () => () => object): void {
  // The router's other threads preload it too; requests are routed in the first one.
  if (!isMainThread) return;
  const file = process.env.PIF_BENCH_PROBE!;
  process.once('SIGUSR2', () => {
    const found = begin();
    process.once('exit', () => writeFileSync(file, JSON.stringify(found())));
    writeFileSync(file, '');
  });
}
