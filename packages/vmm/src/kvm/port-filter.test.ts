import { expect, test } from "vitest";
import { portFilter } from "./port-filter.ts";

test("the kernel is asked for ports and ranges of ports; without any, for all", () => {
  expect(
    portFilter([
      [0x70, 0x70],
      [0x20, 0x21],
    ]),
  ).toBe("port == 112 || (port >= 32 && port <= 33)");
  expect(portFilter([])).toBe("0");
});
