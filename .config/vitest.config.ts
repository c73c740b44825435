import { defineConfig } from 'vitest/config';
import { nodeOptions } from '../src/cli/node-options.ts';
import { CountReporter } from './count-reporter.ts';

/** Tests start threads from sources too. */
const execArgv = nodeOptions.filter((option) => option.startsWith('--wasm-'));

/** Tests that start real programs run one file at a time and after the others: they share two cores and many ports. */
const realPrograms = [
  'test/availability/**/*.test.ts',
  'test/conformance/**/*.test.ts',
  'test/doctor/**/*.test.ts',
  'test/faults/**/*.test.ts',
  'test/fuzz/**/*.test.ts',
  'test/interop/**/*.test.ts',
  'test/packaging/**/*.test.ts',
  'test/scenarios/**/*.test.ts',
  'test/torture/wire*.test.ts',
];

export default defineConfig({
  test: {
    reporters: ['default', new CountReporter()],
    execArgv,
    projects: [
      {
        extends: true,
        test: {
          name: 'in-process',
          include: ['test/**/*.test.ts'],
          exclude: realPrograms,
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'real-programs',
          include: realPrograms,
          globalSetup: 'test/setup/certificates.ts',
          setupFiles: 'test/setup/tell-failures.ts',
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
