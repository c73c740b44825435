/** Writes lines to the file or stream of a log: a bounded queue, a count of lost lines, and reports of failures. */
import { printableJson } from '../printable.ts';
import type { LineSink } from './batch.ts';
import type { Layout } from './pretty.ts';

/**
 * Octets that may wait for a disk that is full, or for a reader of standard error that does not read: some 130,000 lines. What
 * comes then is counted and dropped: a router without a log is better than one without memory.
 */
export const mostWaiting = 64 * 1024 * 1024;

/**
 * Writes what it is given in order, one write at a time; keeps it when a write fails, and tries again with the next. Once its
 * reader has gone (EPIPE), it writes nothing more and never ends: it can only be destroyed.
 */
export interface OctetStream {
  write(octets: Uint8Array): unknown;
  end(): void;
  destroy(): void;
  on(event: 'drop', listener: (octets: Uint8Array) => void): unknown;
  on(event: 'drain', listener: () => void): unknown;
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
  once(event: 'close' | 'error', listener: () => void): unknown;
}

export interface LogDestination extends LineSink {
  /** The format of lines from now on. Default: unchanged. */
  setLayout(layout: Layout): void;
  /** Takes no more lines, writes those that wait, and closes the file (standard error stays open). Call it once. */
  end(): void;
  /** Ends. @returns whether that took no longer than `withinMs`; else the rest is lost, and a write still under way */
  ended(withinMs: number): Promise<boolean>;
}

/**
 * @param name for people: which log it is
 * @param tell reports, by another channel, what the log itself cannot
 */
export const createDestination = (stream: OctetStream, name: string, tell: (what: string) => void): LogDestination => {
  let lost = 0;
  let failing = false;
  let hasReader = true;
  let layout: Layout = asTheyAre;
  const end = () => (hasReader ? stream.end() : stream.destroy());
  stream.on('drop', (lines) => {
    lost += countLines(lines);
  });
  stream.on('drain', () => {
    failing = false;
    if (lost === 0) return;
    const told = lost;
    lost = 0;
    stream.write(layout(Buffer.from(lostLine(told, name))));
  });
  stream.on('error', ({ message, code }) => {
    if (code === 'EPIPE') hasReader = false;
    if (!failing) tell(`${name} cannot be written: ${message}`);
    failing = true;
  });
  return {
    write: (lines) => stream.write(layout(lines)),
    setLayout(next) {
      layout = next;
    },
    end,
    ended(withinMs) {
      return new Promise((resolve) => {
        const giveUp = setTimeout(() => {
          stream.destroy();
          resolve(false);
        }, withinMs);
        stream.once('close', () => {
          clearTimeout(giveUp);
          resolve(true);
        });
        stream.once('error', () => stream.destroy());
        end();
      });
    },
  };
};

export const asTheyAre: Layout = (lines) => lines;

const countLines = (lines: Uint8Array): number => {
  let count = 0;
  for (let at = lines.indexOf(lineEnd); at >= 0; at = lines.indexOf(lineEnd, at + 1)) count += 1;
  return count;
};
const lineEnd = '\n'.charCodeAt(0);

const lostLine = (lines: number, name: string): string =>
  `${printableJson(
    JSON.stringify({
      level: 'error',
      time: new Date().toISOString(),
      event: 'log-lines-lost',
      lines,
      msg: `${lines} lines of this log are lost: ${name} was not written for too long`,
    }),
  )}\n`;
