/** Gathers lines of a log as octets, and passes on many at once. */
import { printableJson } from '../printable.ts';

/** Takes whole lines, as UTF-8; they are its own from then on. */
export interface LineSink {
  write(lines: Uint8Array<ArrayBuffer>): unknown;
}

/**
 * One write for some four hundred lines: waking the thread that writes costs more than what it writes. A quiet router shows a
 * line within a quarter of a second.
 */
export const batchBytes = 256 * 1024;
const flushEveryMs = 250;

/** The most octets that one UTF-16 unit becomes in UTF-8. */
const mostOctets = 3;

/**
 * Each line becomes octets at once: as text it would keep alive the messages that its values were cut from, and the garbage
 * collector copies whatever lives for a quarter of a second.
 */
export class Batch {
  #gathered = Buffer.allocUnsafeSlow(batchBytes);
  #length = 0;
  #timer: NodeJS.Timeout | undefined;
  #sink: LineSink;

  constructor(sink: LineSink) {
    this.#sink = sink;
  }

  /** Escapes invisible characters, here because all lines pass here. @param line JSON with its end */
  write(line: string): void {
    if (line.includes('\x7f')) return this.write(printableJson(line));
    const room = line.length * mostOctets;
    if (room > batchBytes - this.#length) this.handOn();
    if (room > batchBytes) return void this.#sink.write(octetsOf(printableJson(line)));
    const octets = this.#gathered.write(line, this.#length);
    // Nearly all lines are ASCII: there is nothing to look for.
    if (octets !== line.length) {
      const seen = printableJson(line);
      if (seen !== line) return this.write(seen);
    }
    this.#length += octets;
    this.#timer ??= setTimeout(() => this.handOn(), flushEveryMs).unref();
  }

  handOn(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#length === 0) return;
    const lines = this.#gathered.subarray(0, this.#length);
    this.#gathered = Buffer.allocUnsafeSlow(batchBytes);
    this.#length = 0;
    this.#sink.write(lines);
  }

  /** What was gathered before goes to the former destination. */
  use(sink: LineSink): void {
    this.handOn();
    this.#sink = sink;
  }
}

/** Not from the pool that small buffers share: only such a buffer can be transferred. */
const octetsOf = (line: string): Uint8Array<ArrayBuffer> => {
  const octets = Buffer.allocUnsafeSlow(Buffer.byteLength(line));
  octets.write(line);
  return octets;
};
