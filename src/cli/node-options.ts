/** How Node is called to run the router: by the unit, by `npm start`, by the first line of main.ts, and in the bench. */

/**
 * MiB for what is young. At tens of thousands of messages a second the usual 16 MiB are full every few milliseconds, and what
 * lives for one transaction is copied before it is over: 64 MiB save a tenth of a MESSAGE's processor time (bench/README.md),
 * and cost up to three times as much memory. Node takes it at its start only.
 */
export const nodeOptions: readonly string[] = ['--max-semi-space-size=64'];
