import { expect, test } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { runGuide } from "./support/guide.ts";

test("every command of the QEMU tutorial does what it says", { timeout: 120_000 }, (context) => {
  need(context, program("qemu-system-i386"));
  const { status, stdout, stderr } = runGuide("tutorial-qemu.md", { timeout: 110_000 });
  expect([status, stderr]).toEqual([0, expect.stringContaining("a.pio: ")]);
  expect(stdout).toMatch(/pic1\.ICW1 <= 0x11/);
  expect(stdout).toMatch(/accesses, \d+ still matter, \d+ steps/);
  expect(stdout).toMatch(/nothing differs without a reason/);
  const [last, ...first] = [...stdout.matchAll(/^tick (\d+)\r?$/gm)].map(([, number]) => Number(number));
  // A line may be half printed when the guest stops; the rest of it comes on the second machine.
  expect([(last ?? 0) + 1, (last ?? 0) + 2]).toContain(first.at(-2));
});

test("every command of the guide to descriptions does what it says", { timeout: 120_000 }, (context) => {
  need(context, program("qemu-system-i386"));
  const { status, stdout, stderr } = runGuide("describe-a-device.md", { timeout: 110_000 });
  expect([status, stderr]).toEqual([0, expect.stringContaining("boot.pio: 3 accesses")]);
  const said = [
    /ib700\.yaml: good; watchdog at 0x441, ports 0x441 to 0x443$/m,
    /watchdog\.STOP <= 0x0 .* command +port$/m,
    /^out 0x0443 0x05 +watchdog\.START +care +from 1 /m,
    /^ {2}ib700_wdt\[0\]\.timer: -1 by the accesses, 30000000000 by their plan$/m,
    /^outb 0x443 0x0\noutb 0x441 0x0\n# The other: their plan\.\noutb 0x443 0x0 # watchdog\.START: a timer that runs/m,
    /^ {2}failed +0$/m,
    /^out 0x0441 0x00 +watchdog\.STOP +care +from 2 /m,
    /pair\.yaml:4:\d+ ports\.DATA: a write of 0x00 with index = 0 reaches LEVEL and MODE; tell them apart by match or when$/m,
    /pair\.yaml: good; pair at 0x310, ports 0x310 to 0x311$/m,
  ];
  let rest = stdout;
  for (const what of said) {
    const found = what.exec(rest);
    expect(found, `${what.source} in ${rest}`).not.toBeNull();
    rest = rest.slice((found?.index ?? 0) + (found?.[0].length ?? 0));
  }
});
