import { expect, test } from "vitest";
import { guestName } from "./guest-name.ts";

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
