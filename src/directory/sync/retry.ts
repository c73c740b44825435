/** How long to wait after a sweep or a session that failed: doubled with each further one. */
const firstRetryMs = 1_000;
const longestRetryMs = 5 * 60_000;

/** @param failures before this one, in a row */
export const retryMs = (failures: number): number => Math.min(longestRetryMs, firstRetryMs * 2 ** failures);
