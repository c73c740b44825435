/** Where the lines of a log are kept: one file or standard error, written to in order by one write at a time. */
import { openSync } from 'node:fs';
import { pino } from 'pino';
import { RouterError } from '../router-error.ts';
import { batchBytes, type LineSink } from './batch.ts';

/**
 * Octets that may wait for a disk that is full, or for a reader of standard error that does not read: some 130,000 lines. What
 * comes then is counted and let go, for a router without a log is better than one without memory.
 */
const mostWaiting = 64 * 1024 * 1024;

const standardErrorFd = 2;

export interface LogDestination extends LineSink {
  /** Takes no more lines, writes those that wait, and closes the file (standard error stays open). Call it once. */
  end(): void;
  /** Ends, and resolves when all is written or `withinMs` are over: then the rest is lost. */
  ended(withinMs: number): Promise<void>;
}

let standardError: LogDestination | undefined;

/**
 * @param file to append to; undefined: standard error, of which there is only one, however often it is opened
 * @throws RouterError when the file cannot be opened
 */
export const openDestination = (file: string | undefined): LogDestination => {
  if (file !== undefined) return destinationAt(openFile(file), `log.file ${file}`);
  standardError ??= destinationAt(standardErrorFd, 'standard error');
  return standardError;
};

export const isStandardError = (destination: LogDestination): boolean => destination === standardError;

const openFile = (file: string): number => {
  try {
    return openSync(file, 'a', 0o640);
  } catch (cause) {
    throw new RouterError('log-file', `log.file ${file} cannot be opened: ${(cause as Error).message}`, { cause });
  }
};

const destinationAt = (fd: number, name: string): LogDestination => {
  // By itself it would cut a batch into pieces of 16 KiB, and take text to measure it.
  const stream = pino.destination({
    dest: fd,
    sync: false,
    maxWrite: 2 * batchBytes,
    maxLength: mostWaiting,
    contentMode: 'buffer',
  });
  // Its types know text only.
  const write = (lines: Uint8Array) => void stream.write(lines as Uint8Array & string);
  let lost = 0;
  let failing = false;
  stream.on('drop', (lines) => {
    lost += countLines(lines as unknown as Uint8Array);
  });
  stream.on('drain', () => {
    failing = false;
    if (lost === 0) return;
    const told = lost;
    lost = 0;
    write(Buffer.from(lostLine(told, name)));
  });
  // What could not be written waits, and is tried again with the next batch.
  stream.on('error', ({ message }: Error) => {
    if (!failing && fd !== standardErrorFd) process.stderr.write(`${name} cannot be written: ${message}\n`);
    failing = true;
  });
  return {
    write,
    end: () => stream.end(),
    ended(withinMs) {
      return new Promise((resolve) => {
        const giveUp = setTimeout(() => stream.destroy(), withinMs);
        stream.once('close', () => {
          clearTimeout(giveUp);
          resolve();
        });
        stream.once('error', () => stream.destroy());
        stream.end();
      });
    },
  };
};

const countLines = (lines: Uint8Array): number => {
  let count = 0;
  for (let at = lines.indexOf(lineEnd); at >= 0; at = lines.indexOf(lineEnd, at + 1)) count += 1;
  return count;
};
const lineEnd = '\n'.charCodeAt(0);

const lostLine = (lines: number, name: string): string =>
  `${JSON.stringify({
    level: 'error',
    time: new Date().toISOString(),
    event: 'log-lines-lost',
    lines,
    msg: `${lines} lines of this log are lost: ${name} was not written for too long`,
  })}\n`;
