import { expect, test } from "vitest";
import { guestName } from "./guests.ts";
import { portFilter } from "./port-filter.ts";

test.each([
  ["qemu-system-x86_64 -name web -m 512", "web"],
  ["qemu-system-x86_64 -name guest=web,debug-threads=on", "web"],
  ["qemu-system-x86_64 -name web,process=x", "web"],
  ["firecracker --id web --api-sock s", "web"],
  ["crosvm run --name web", "web"],
  ["qemu-system-x86_64 -m 512", undefined],
  ["qemu-system-x86_64 -name", undefined],
])("the guest's name in %j is %s", (command, name) => {
  expect(guestName(command.split(" "))).toBe(name);
});

test("the kernel is asked for ports and ranges of ports; without any, for all", () => {
  expect(
    portFilter([
      [0x70, 0x70],
      [0x20, 0x21],
    ]),
  ).toBe("port == 112 || (port >= 32 && port <= 33)");
  expect(portFilter([])).toBe("0");
});
