import { Chalk, type ChalkInstance, type ColorSupportLevel } from "chalk";

/** When to colour. */
export type ColorChoice = "auto" | "always" | "never";

/** What decides about colour on one stream. */
export interface ColorSituation {
  readonly choice: ColorChoice;
  readonly isTerminal: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Colours for one stream: `--color` decides, then NO_COLOR, then FORCE_COLOR, then whether it is a terminal. */
export function colorsFor(situation: ColorSituation): ChalkInstance {
  return new Chalk({ level: levelFor(situation) });
}

function levelFor({ choice, isTerminal, env }: ColorSituation): ColorSupportLevel {
  if (choice !== "auto") return choice === "always" ? 1 : 0;
  if ((env["NO_COLOR"] ?? "") !== "") return 0;
  const forced = env["FORCE_COLOR"];
  if (forced !== undefined) return forced === "0" || forced === "false" ? 0 : 1;
  return isTerminal && env["TERM"] !== "dumb" ? 1 : 0;
}
