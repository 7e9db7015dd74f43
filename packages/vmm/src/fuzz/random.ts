/** Random numbers that a seed fixes: the same on every machine (mulberry32). */
export class Random {
  #state: number;

  /** Different `stream`s of one seed have nothing in common. */
  constructor(seed: number, stream = 0) {
    this.#state = seed >>> 0;
    this.#state = (this.#next() ^ Math.imul(stream + 1, 0x9e3779b1)) >>> 0;
  }

  /** 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor((this.#next() / 2 ** 32) * limit);
  }

  /** True in so many of a hundred cases. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  /** One of the items; undefined where there is none. */
  pick<T>(items: readonly T[]): T | undefined {
    return items[this.below(items.length)];
  }

  /** Any value of so many bits. */
  bits(width: number): number {
    return (this.#next() & (2 ** width - 1)) >>> 0;
  }

  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }
}
