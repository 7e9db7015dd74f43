import type { Width } from "@portrait/tracer";
import type { PortOperation, PortTarget } from "./port-target.ts";

const SUFFIX: Readonly<Record<Width, string>> = { 8: "b", 16: "w", 32: "l" };

/** One operation in the words of QEMU's qtest protocol: `outb 0x20 0x11`, `inw 0x1ce`. */
export function scriptLine(operation: PortOperation): string {
  const port = `0x${operation.port.toString(16)}`;
  const suffix = SUFFIX[operation.width];
  return operation.direction === "in"
    ? `in${suffix} ${port}`
    : `out${suffix} ${port} 0x${operation.value.toString(16)}`;
}

/** A port target that writes a qtest script instead of touching a machine. Every read gives 0, so a drain asks once. */
export class ScriptTarget implements PortTarget {
  readonly name: string;
  readonly blind = true;
  readonly #write: (text: string) => Promise<void>;

  /** `write` takes the script's text as it comes. */
  constructor(name: string, write: (text: string) => Promise<void>) {
    this.name = name;
    this.#write = write;
  }

  async perform(operations: readonly PortOperation[]): Promise<readonly number[]> {
    await this.#write(operations.map((operation) => `${scriptLine(operation)}\n`).join(""));
    return operations.map(() => 0);
  }
}
