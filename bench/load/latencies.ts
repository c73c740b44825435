/** How long transactions took, in a histogram of fixed size, so that counting makes no garbage in the load generator. */

/** Each bucket is so much wider than the one before: quantiles are told to 1 in 100. */
const growth = 1.01;
const leastMs = 0.001;
const buckets = 2_000;

/** Milliseconds. */
export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export class Latencies {
  readonly #counts = new Uint32Array(buckets);
  #count = 0;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  add(ms: number): void {
    const bucket = Math.ceil(Math.log(Math.max(ms, leastMs) / leastMs) / Math.log(growth));
    this.#counts[Math.min(bucket, buckets - 1)]! += 1;
    this.#count += 1;
    if (ms > this.#max) this.#max = ms;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#count = 0;
    this.#max = 0;
  }

  quantiles(): Quantiles {
    return { p50: this.#at(0.5), p99: this.#at(0.99), p999: this.#at(0.999), max: this.#max };
  }

  #at(share: number): number {
    let left = share * this.#count;
    for (let bucket = 0; bucket < buckets; bucket += 1) {
      left -= this.#counts[bucket]!;
      if (left <= 0) return Math.min(leastMs * growth ** bucket, this.#max);
    }
    return this.#max;
  }
}
