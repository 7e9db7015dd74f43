import type { PortOperation, PortTarget } from "@portrait/replayer";
import { QemuError } from "./errors.ts";
import type { QmpClient } from "./qmp.ts";

/** Commands under way before answers are waited for. */
const AHEAD = 64;
/** Letters of the monitor's `i` and `o` commands: byte, half word, word. */
const LETTERS = { 8: "b", 16: "h", 32: "w" } as const;

/** The ports of a QEMU through its monitor: slower than qtest, but every QEMU has them without having been started for it. */
export class MonitorPorts implements PortTarget {
  readonly name: string;
  readonly #qmp: QmpClient;

  constructor(qmp: QmpClient) {
    this.name = `qemu:${qmp.path}`;
    this.#qmp = qmp;
  }

  async perform(operations: readonly PortOperation[]): Promise<readonly number[]> {
    const values: number[] = [];
    for (let from = 0; from < operations.length; from += AHEAD) {
      const piece = operations.slice(from, from + AHEAD);
      values.push(...(await Promise.all(piece.map((operation) => this.#perform(operation)))));
    }
    return values;
  }

  async #perform(operation: PortOperation): Promise<number> {
    const line = commandLine(operation);
    const answer = await this.#qmp.monitor(line);
    const value = /^port\w\[0x[0-9a-f]+\] = (0x[0-9a-f]+)\s*$/.exec(answer)?.[1];
    if (operation.direction === "out" ? answer === "" : value !== undefined) return Number(value ?? 0);
    throw new QemuError("COMMAND", `${this.name}: "${line}" was answered with "${answer.trim()}"`);
  }
}

function commandLine(operation: PortOperation): string {
  const letter = LETTERS[operation.width];
  return operation.direction === "in"
    ? `i /${letter} ${operation.port}`
    : `o /${letter} ${operation.port} ${operation.value}`;
}
