import { defineConfig } from 'vitest/config';
import { nodeOptions } from '../src/cli/node-options.ts';
import { CountReporter } from './count-reporter.ts';

/** Tests start threads from sources too. */
const execArgv = nodeOptions.filter((option) => option.startsWith('--wasm-'));

/** Tests that start real programs run after the others. */
const realPrograms = [
  'test/conformance/**/*.test.ts',
  'test/doctor/**/*.test.ts',
  'test/fuzz/**/*.test.ts',
  'test/interop/**/*.test.ts',
  'test/marathon/**/*.test.ts',
  'test/next-hops/**/*.test.ts',
  'test/packaging/**/*.test.ts',
  'test/peer-faults/**/*.test.ts',
  'test/scenarios/**/*.test.ts',
  'test/torture/wire*.test.ts',
];

/**
 * Of these, the ones that send load, or say how soon or with how much memory something is done, or listen on all addresses: each
 * has the machine for itself.
 */
const alone = [
  'test/**/*-under-load.test.ts',
  'test/conformance/timeouts.test.ts',
  'test/peer-faults/memory.test.ts',
  'test/fuzz/fuzz.test.ts',
  'test/interop/moving-user.test.ts',
  'test/scenarios/admin-network.test.ts',
  'test/scenarios/workers*.test.ts',
];

const withPrograms = {
  globalSetup: 'test/setup/certificates.ts',
  setupFiles: 'test/setup/tell-failures.ts',
  testTimeout: 60_000,
  hookTimeout: 120_000,
};

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
          ...withPrograms,
          name: 'real-programs',
          include: realPrograms,
          exclude: alone,
          // They mostly wait for protocol timers, each file on a loopback network of its own.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          ...withPrograms,
          name: 'real-programs-alone',
          include: alone,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
