import type { EchoPeer } from "./echo-peer.ts";

/** The longest stalls that a peer saw while its guest was moved, by the way it was moved, for people. */
export class Figures {
  readonly #title: string;
  readonly #stalls = new Map<string, number[]>();

  constructor(title: string) {
    this.#title = title;
  }

  /** Takes down the longest stall while `use` moves the guest. */
  async stall<T>(how: string, peer: EchoPeer, use: () => Promise<T>): Promise<T> {
    peer.longestMs();
    const moved = await use();
    this.#stalls.set(how, [...(this.#stalls.get(how) ?? []), peer.longestMs()]);
    return moved;
  }

  /** Prints number, median and most for each way, and remarks. */
  print(remarks: readonly string[]): void {
    const lines = [...this.#stalls].map(([how, stalls]) => {
      const sorted = stalls.toSorted((a, b) => a - b);
      const [median = 0, most = 0] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
      return `${how.padEnd(12)} ${stalls.length} moves, longest stall ${median.toFixed(0)} ms (median), ${most.toFixed(0)} ms (most)`;
    });
    console.log([this.#title, ...remarks, ...lines].join("\n  "));
  }
}
