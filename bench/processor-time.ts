/**
 * Preloaded into the measured router (`--import`): tells its processor time when asked over IPC. That is getrusage of the
 * whole process, all its threads, user and system; it costs nothing while nobody asks, and does not keep the process alive.
 */
process.on('message', (question) => {
  if (question !== 'processor-time') return;
  const { user, system } = process.cpuUsage();
  const { maxRSS } = process.resourceUsage();
  process.send?.({ user, system, maxRssKib: maxRSS } satisfies ProcessorTime);
});
process.channel?.unref();

/** Microseconds since the start of the process. */
export interface ProcessorTime {
  readonly user: number;
  readonly system: number;
  readonly maxRssKib: number;
}
