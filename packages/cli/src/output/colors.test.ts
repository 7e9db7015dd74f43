import { expect, test } from "vitest";
import { colorsFor, type ColorSituation } from "./colors.ts";

const situation: ColorSituation = { choice: "auto", isTerminal: true, env: {} };
const level = (change: Partial<ColorSituation>) => colorsFor({ ...situation, ...change }).level;

test.each<[string, Partial<ColorSituation>, number]>([
  ["a terminal has colours", {}, 1],
  ["a pipe has none", { isTerminal: false }, 0],
  ["a dumb terminal has none", { env: { TERM: "dumb" } }, 0],
  ["NO_COLOR takes them away", { env: { NO_COLOR: "1" } }, 0],
  ["an empty NO_COLOR does nothing", { env: { NO_COLOR: "" } }, 1],
  ["FORCE_COLOR gives them to a pipe", { isTerminal: false, env: { FORCE_COLOR: "1" } }, 1],
  ["FORCE_COLOR=0 takes them away", { env: { FORCE_COLOR: "0" } }, 0],
  ["NO_COLOR is stronger than FORCE_COLOR", { env: { NO_COLOR: "1", FORCE_COLOR: "1" } }, 0],
  ["--color always is stronger than NO_COLOR", { choice: "always", isTerminal: false, env: { NO_COLOR: "1" } }, 1],
  ["--color never is stronger than FORCE_COLOR", { choice: "never", env: { FORCE_COLOR: "1" } }, 0],
])("%s", (_, change, expected) => {
  expect(level(change)).toBe(expected);
});
