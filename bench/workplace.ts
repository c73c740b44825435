/** A folder for one run of a bench, with certificates, that is gone when the run is over, however it ends. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Workplace {
  readonly folder: string;
  /** Made by certs/make-dev-certs.sh. */
  readonly certificates: string;
}

/** Runs a bench as the whole work of this process: measured programs end with it, and a failure is told in words. */
export async function atWork(bench: (at: Workplace) => Promise<void>, usage: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pif-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const certificates = join(folder, 'certs');
  try {
    execFileSync(join(import.meta.dirname, '../certs/make-dev-certs.sh'), [certificates], { stdio: 'ignore' });
    await bench({ folder, certificates });
  } catch (error) {
    console.error((error as Error).message);
    if ((error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS')) console.error(usage);
    process.exit(1);
  }
}
