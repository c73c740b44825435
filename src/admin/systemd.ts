/**
 * Tells systemd how the service is (sd_notify(3)). Node cannot open a datagram socket of AF_UNIX, so Debian's
 * `systemd-notify` does, one short process for each message; without NOTIFY_SOCKET nothing is started.
 */
import { spawn } from 'node:child_process';
import type { Log } from '../log.ts';

export interface Systemd {
  /** In service; systemctl shows `status`. It also ends a reload. */
  ready(status: string): void;
  /** A reload has begun: `ready` must follow. */
  reloading(): void;
  /** @param withinMs until then the process will have ended */
  stopping(withinMs: number): void;
  /** Resolves when all has been said. */
  close(): Promise<void>;
}

const microseconds = (ms: number): string => String(Math.round(ms * 1_000));

/** CLOCK_MONOTONIC, as `Type=notify-reload` of systemd 253 asks. */
const monotonicUsec = (): string => String(process.hrtime.bigint() / 1_000n);

/**
 * @param environment of which NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID are read
 * @param isAlive whether all threads still do their work: asked before the watchdog is told
 */
export const createSystemd = (environment: NodeJS.ProcessEnv, log: Log, isAlive: () => boolean): Systemd => {
  const isAsked = environment.NOTIFY_SOCKET !== undefined;
  let said: Promise<void> = Promise.resolve();
  const say = (...variables: readonly string[]): void => {
    if (isAsked) said = said.then(() => notify(variables, log));
  };
  const watch = (): void => {
    if (isAlive()) say('WATCHDOG=1');
  };
  const watchdog = setInterval(watch, watchdogMs(environment) ?? neverMs).unref();
  return {
    ready: (status) => say('READY=1', `STATUS=${status}`),
    reloading: () => say('RELOADING=1', `MONOTONIC_USEC=${monotonicUsec()}`),
    stopping: (withinMs) => say('STOPPING=1', 'STATUS=draining', `EXTEND_TIMEOUT_USEC=${microseconds(withinMs)}`),
    async close() {
      clearInterval(watchdog);
      await said;
    },
  };
};

/** The longest interval of Node. */
const neverMs = 2 ** 31 - 1;

/** Half the time that systemd waits (sd_watchdog_enabled(3)). An event loop that hangs sends nothing. */
const watchdogMs = ({ NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID }: NodeJS.ProcessEnv): number | undefined => {
  const isForUs = WATCHDOG_PID === undefined || WATCHDOG_PID === String(process.pid);
  const usec = Number(WATCHDOG_USEC);
  return NOTIFY_SOCKET !== undefined && isForUs && usec > 0 ? usec / 2_000 : undefined;
};

/** `systemd-notify` ends only when systemd has read the message: systemd finds the service by the process that sent it. */
const notify = (variables: readonly string[], log: Log): Promise<void> =>
  new Promise((resolve) => {
    const fail = (why: string) => log.warn({ event: 'systemd', variables, why }, 'systemd could not be told');
    const program = spawn('systemd-notify', variables, { stdio: 'ignore' });
    program.once('error', ({ message }) => {
      fail(message);
      resolve();
    });
    program.once('close', (code) => {
      if (code !== 0 && code !== null) fail(`systemd-notify ended with ${code}`);
      resolve();
    });
  });
