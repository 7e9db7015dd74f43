import { Classifier } from "@portrait/classifier";
import { expect, test } from "vitest";
import { need } from "../../../test-support/available.ts";
import { debianMemtest } from "../../../test-support/debian-linux.ts";
import { program } from "../../../test-support/program.ts";
import { captured, moveCaptured, startCaptured, type CapturedGuest } from "./support/captured-guest.ts";
import { control, library } from "./support/watched-qemu.ts";

const LIMIT_MS = 180_000;
const WAIT_MS = 60_000;

test(
  "memtest86+ goes on with its tests on two other machines, and finds every byte as it wrote it",
  { timeout: LIMIT_MS },
  async (context) => {
    const memtest = need(context, debianMemtest());
    const command = need(context, program("qemu-system-x86_64"));
    const start = (...more: readonly string[]) =>
      startCaptured(command, [
        ...["-machine", "pc,kernel-irqchip=off", "-cpu", "qemu64", "-nodefaults", "-m", "64"],
        ...["-kernel", memtest, "-append", "console=ttyS0,115200", ...more],
      ]);
    const machine = await start();
    const classifier = new Classifier(library, { fromReset: true });
    let guest: CapturedGuest = { machine, before: "", ...(await captured(machine, classifier)) };
    await control(machine, (qmp) => qmp.execute("cont"));

    for (const how of ["stopped", "running"] as const) {
      await guest.machine.console.untilMatch(/#[1-7] +\[/, WAIT_MS);
      const { guest: moved, report } = await moveCaptured(guest, await start("-incoming", "defer"), how);
      expect([report.plan.unknown, report.result.comparison.different]).toEqual([[], []]);
      guest = moved;
    }
    await guest.machine.console.until("#10 ", WAIT_MS);
    await guest.machine.console.until("Errors: ", WAIT_MS);
    expect(guest.before + guest.machine.console.text).not.toMatch(/Errors: *[1-9]/);
  },
);
