/**
 * Texts that are kept for a while and forgotten in the order in which they came, as octets in pages outside of the heap: a
 * hundred thousand strings would be copied twice and then marked by every full garbage collection.
 */
import { octetsOnly } from '../../sip-parser/index.ts';

const pageOctets = 2 ** 20;

/** Before each text stands its length. */
const lengthOctets = 4;

export class TextQueue {
  /** Those with texts in them, the oldest first. */
  readonly #pages: Buffer[] = [];
  /** Positions count from the first octet that was ever kept. */
  #firstPage = 0;
  #end = 0;
  /** The page that was emptied last: most of the time another one is wanted soon. */
  #spare: Buffer | undefined;

  /**
   * @param text latin1
   * @returns where it is
   */
  push(text: string): number {
    const size = lengthOctets + text.length;
    if (this.#endOfPages - this.#end < size) this.#addPages(Math.ceil(size / pageOctets));
    const position = this.#end;
    const page = this.#pageOf(position);
    const start = position % pageOctets;
    page.writeUInt32LE(text.length, start);
    page.write(octetsOnly(text), start + lengthOctets, 'latin1');
    this.#end += size;
    return position;
  }

  /** The text that `push` has put there, not yet forgotten. */
  at(position: number): string {
    const page = this.#pageOf(position);
    const start = (position % pageOctets) + lengthOctets;
    return page.toString('latin1', start, start + page.readUInt32LE(start - lengthOctets));
  }

  /** Where the next text will be, or behind it. */
  get end(): number {
    return this.#end;
  }

  /** Forgets what came before `position`. */
  forgetBefore(position: number): void {
    const page = Math.floor(position / pageOctets);
    for (; this.#firstPage < page; this.#firstPage += 1) this.#spare = this.#pages.shift();
  }

  get #endOfPages(): number {
    return (this.#firstPage + this.#pages.length) * pageOctets;
  }

  #pageOf(position: number): Buffer {
    return this.#pages[Math.floor(position / pageOctets) - this.#firstPage]!;
  }

  /** More than one for a text that is longer than a page: each of them goes on to the end of all. */
  #addPages(count: number): void {
    const octets = (count === 1 && this.#spare) || Buffer.allocUnsafeSlow(count * pageOctets);
    this.#spare = undefined;
    this.#end = this.#endOfPages;
    for (let page = 0; page < count; page += 1) this.#pages.push(octets.subarray(page * pageOctets));
  }
}
