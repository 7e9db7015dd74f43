import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { Workplace } from "./support/portrait.ts";

const TICKER = fileURLToPath(new URL("../../../fixtures/guests/ticker.bin", import.meta.url));
const place = new Workplace();
afterAll(() => place.remove());
const TIMEOUT_MS = 60_000;

const port92 = (keep: string) => `id: port92
title: Port 92h
source: made for tests
presence: always
ports: { PORT92: 0 }
instances: { port92: { base: 0x92 } }
slots: { PORT92: { reset: 0, read: PORT92, compare: 0xfe } }
registers: { PORT92: { at: PORT92, access: RW, fill: PORT92, keep: ${keep} } }
`;

describe("portrait devices fuzz", () => {
  test("ends with 0 where nothing differs, and tells what was tried", { timeout: TIMEOUT_MS }, (context) => {
    need(context, program("qemu-system-i386"));
    const { status, stdout } = place.run("devices", "fuzz", "port92", "--cases", "30", "--seed", "7");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^port92, seed 7, QEMU \d+\.\d+.*\n {2}cases +30\n {2}failed +0\n/);
  });

  test("ends with 1 and a script where a description of one's own is wrong", { timeout: TIMEOUT_MS }, (context) => {
    need(context, program("qemu-system-i386"));
    place.shell("mkdir -p mine");
    writeFileSync(place.path("mine/port92.yaml"), port92("0xfc"));
    const args = ["devices", "fuzz", "port92", "--devices", "mine", "--cases", "30", "--seed", "7"];
    const { status, stdout } = place.run(...args);
    expect(status).toBe(1);
    expect(stdout).toMatch(/port92\[0\]\.outport: 2 by the accesses, 0 by their plan/);
    expect(stdout).toMatch(/^outb 0x92 0x2$/m);
    const report = place.json(...args) as { failures: { accesses: string[] }[] };
    expect(report).toMatchObject({ devices: ["port92"], seed: 7, cases: 30 });
    expect(report.failures[0]?.accesses).toEqual(["outb 0x92 0x2"]);
    writeFileSync(place.path("mine/port92.yaml"), port92("0xfe"));
    expect(place.run(...args)).toMatchObject({ status: 0 });
  });

  test(
    "ends with 1 where a description says of a device that is there that it is not",
    { timeout: TIMEOUT_MS },
    (context) => {
      need(context, program("qemu-system-i386"));
      place.shell("mkdir -p denied");
      const absent = (value: string) => `${port92("0xfe")}absent: { read: PORT92, values: [${value}] }\n`;
      const args = ["devices", "fuzz", "port92", "--devices", "denied", "--cases", "5", "--seed", "7"];
      writeFileSync(place.path("denied/port92.yaml"), absent("0x00"));
      expect(place.json(...args)).toMatchObject({ denied: ["port92"], failed: 0 });
      const { status, stdout } = place.run(...args);
      expect([status, stdout]).toEqual([
        1,
        expect.stringMatching(/^port92 is there, but by its description's absent: it is not$/m),
      ]);
      writeFileSync(place.path("denied/port92.yaml"), absent("0xff"));
      expect(place.run(...args)).toMatchObject({ status: 0 });
    },
  );

  test("takes a machine of one's own, and runs of a recording", { timeout: TIMEOUT_MS }, (context) => {
    const qemu = need(context, program("qemu-system-i386"));
    expect(place.run("record", "--guest", TICKER, "--until", "200 accesses", "-o", "t.pio").status).toBe(0);
    const machine = `${qemu} -machine isapc -cpu 486 -nodefaults -display none -m 1`;
    const report = place.json(
      "devices",
      "fuzz",
      "pit",
      "--cases",
      "20",
      "--seed",
      "7",
      "--trace",
      "t.pio",
      "--qemu",
      machine,
    );
    expect(report).toMatchObject({ devices: ["pit"], command: machine.split(" "), cases: 20 });
  });

  test.each([
    [["nothing"], /there is no device "nothing"/],
    [["pic1", "--qemu", "no-such-qemu"], /no-such-qemu cannot be used/],
    [["pic1", "--cases", "many"], /whole number/],
    [["pic1", "--board", "isapc"], /Allowed choices are pc, q35/],
  ])("%j is refused", (args, message) => {
    const { status, stderr } = place.run("devices", "fuzz", ...args);
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
  });
});
