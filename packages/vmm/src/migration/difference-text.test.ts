import { expect, test } from "vitest";
import { differenceText } from "./difference-text.ts";

test("both values of a difference are shown, a long one by its beginning and a missing one as none", () => {
  const long = "0123456789abcdef".repeat(6_000);
  expect(differenceText({ source: 0, destination: long })).toBe("0 → 0123456789abcdef0123456789abcdef…");
  expect(differenceText({ destination: "aa" })).toBe("none → aa");
});
