import type { Command } from "commander";

/** Adds worked examples to a command's help. */
export function examples(command: Command, lines: readonly (readonly [command: string, what: string])[]): void {
  const shown = lines.map(([text, what]) => `  ${text}\n      ${what}`);
  command.addHelpText("after", `\nExamples:\n${shown.join("\n")}`);
}
