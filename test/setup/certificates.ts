/** Makes one folder of development certificates for all tests of a run that start real programs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { makeDevelopmentCertificates } from '../support/development-certificates.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A folder made by certs/make-dev-certs.sh; it goes when the run ends. */
    certificates: string;
  }
}

export default function setup(project: TestProject): () => void {
  const folder = makeDevelopmentCertificates(mkdtempSync(join(tmpdir(), 'pif-certs-')));
  project.provide('certificates', folder);
  return () => rmSync(folder, { recursive: true });
}
