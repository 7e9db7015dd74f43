/** Times of a run, by what took them, for people. */
export class Figures {
  readonly #title: string;
  readonly #times = new Map<string, number[]>();

  constructor(title: string) {
    this.#title = title;
  }

  add(kind: string, ms: number): void {
    this.#times.set(kind, [...(this.#times.get(kind) ?? []), ms]);
  }

  /** Prints them: number, median and most of each kind, and other counts of the run. */
  print(counts: Readonly<Record<string, number>>): void {
    const lines = [...this.#times].map(([kind, times]) => {
      const sorted = times.toSorted((a, b) => a - b);
      const [median = 0, most = 0] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
      return `  ${kind.padEnd(12)} ${times.length} times, longest stall ${median.toFixed(0)} ms (median), ${most.toFixed(0)} ms (most)`;
    });
    const more = Object.entries(counts).map(([what, count]) => `${count} ${what}`);
    console.log([`${this.#title}: ${more.join(", ")}`, ...lines].join("\n"));
  }
}
