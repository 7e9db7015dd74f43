import { expect, test } from "vitest";
import { closest } from "./closest.ts";

test("gives the word that was probably meant, whatever its capitals", () => {
  expect(closest("icw3", ["ICW1", "ICW3", "OCW1"])).toBe("ICW3");
  expect(closest("prot", ["time", "port"])).toBe("port");
});

test("gives nothing where no word is near", () => {
  expect(closest("speaker", ["port", "time"])).toBeUndefined();
});
