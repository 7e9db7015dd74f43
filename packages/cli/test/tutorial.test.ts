import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const TUTORIAL = new URL("../../../docs/tutorial-qemu.md", import.meta.url);
/** The set-up of a fresh clone; tests run after it. */
const SETUP = "npm run --silent setup";

/** The commands of the tutorial, in order, as one script; whatever happens, its QEMUs end. */
function script(): string {
  const blocks = [...readFileSync(TUTORIAL, "utf8").matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block ?? "");
  const commands = blocks.join("\n").replace(SETUP, ":");
  return `set -e -m\ntrap 'kill -INT $(jobs -p) 2>/dev/null || :; wait; rm -rf "$T"' EXIT\n${commands}`;
}

test("every command of the QEMU tutorial does what it says", { timeout: 120_000 }, (context) => {
  need(context, program("qemu-system-i386"));
  expect(script()).not.toContain(SETUP);
  const { status, stdout, stderr } = spawnSync("bash", ["-c", script()], {
    cwd: ROOT,
    encoding: "utf8",
    timeout: 110_000,
  });
  expect([status, stderr]).toEqual([0, expect.stringContaining("a.pio: ")]);
  expect(stdout).toMatch(/pic1\.ICW1 <= 0x11/);
  expect(stdout).toMatch(/accesses, \d+ still matter, \d+ steps/);
  expect(stdout).toMatch(/nothing differs without a reason/);
  const [last, ...first] = [...stdout.matchAll(/^tick (\d+)\r?$/gm)].map(([, number]) => Number(number));
  // A line may be half printed when the guest stops; the rest of it comes on the second machine.
  expect([(last ?? 0) + 1, (last ?? 0) + 2]).toContain(first.at(-2));
});
