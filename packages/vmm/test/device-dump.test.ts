import { join } from "node:path";
import type { PortOperation } from "@portrait/replayer";
import { describe, expect, test, type TestContext } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { QmpClient, QtestTarget } from "../src/index.ts";
import { dumpDevices, type DeviceDump } from "../src/qemu/device-dump.ts";
import { DeviceLayout } from "../src/qemu/stream/device-layout.ts";
import { startQemu } from "./support/qemu-process.ts";

const machines = {
  pc: ["-machine", "pc", "-vga", "std"],
  isapc: ["-machine", "isapc", "-cpu", "486"],
  "pc with a network card": ["-machine", "pc", "-nodefaults", "-device", "ne2k_pci"],
};

/** A machine that has not run. */
async function coldQemu(context: TestContext, options: readonly string[]) {
  const qtest = ["-qtest", "unix:FOLDER/qtest,server=on,wait=off", "-qtest-log", "none"];
  const command = need(context, program("qemu-system-i386"));
  const qemu = await startQemu(command, ["-S", "-m", "1", ...options, ...qtest]);
  const qmp = await QmpClient.connect(qemu.qmp);
  return { qmp, ports: await QtestTarget.connect(join(qemu.folder, "qtest")) };
}

const writes = (...all: readonly (readonly [number, number])[]): PortOperation[] =>
  all.map(([port, value]) => ({ direction: "out", port, width: 8, value }));

const fieldsOf = ({ sections }: DeviceDump) =>
  sections.filter(({ name }) => name !== "globalstate" && name !== "timer").flatMap(({ fields }) => fields);
const valueIn = (dump: DeviceDump, path: string) => fieldsOf(dump).find((field) => field.path === path)?.value;

/** What a cold machine's stream tells. */
async function layoutOf(context: TestContext, options: readonly string[]): Promise<DeviceLayout> {
  const layout = new DeviceLayout();
  expect((await dumpDevices((await coldQemu(context, options)).qmp, layout)).by).toBe("stream");
  return layout;
}

describe.each(Object.entries(machines))("a QEMU's device state, machine %s", (_, options) => {
  test("is read by the description of another's stream, and says what its own stream says", async (context) => {
    const layout = await layoutOf(context, options);
    const { qmp, ports } = await coldQemu(context, options);
    const cold = await dumpDevices(qmp, layout);
    await ports.perform(writes([0x20, 0x11], [0x21, 0x30], [0x21, 0x04], [0x21, 0x01], [0x21, 0xa5]));
    const state = await dumpDevices(qmp, layout, cold.sections);
    expect([cold.by, state.by]).toEqual(["state", "state"]);
    expect(valueIn(cold, "i8259[0].imr")).toBe(0);
    expect(valueIn(state, "i8259[0].irq_base")).toBe(0x30);
    expect(valueIn(state, "i8259[0].imr")).toBe(0xa5);
    expect(fieldsOf(state)).toEqual(fieldsOf(await dumpDevices(qmp, new DeviceLayout())));
  });

  test("is read from a whole stream where a subsection comes up, and by it from then on", async (context) => {
    const layout = await layoutOf(context, options);
    const { qmp, ports } = await coldQemu(context, options);
    // Keyboard lights: QEMU writes a subsection for them while one is on.
    const lights = (bits: number) => ports.perform(writes([0x60, 0xed], [0x60, bits]));
    await lights(2);
    const [unknown, known] = [await dumpDevices(qmp, layout), await dumpDevices(qmp, layout)];
    expect([unknown.by, known.by]).toEqual(["stream", "state"]);
    expect(fieldsOf(known)).toEqual(fieldsOf(unknown));
    const path = "ps2kbd[0]/ledstate.ledstate";
    expect(valueIn(known, path)).toBe(2);
    await lights(0);
    const without = await dumpDevices(qmp, layout);
    expect([without.by, valueIn(without, path)]).toEqual(["state", undefined]);
  });
});

test("a description of another machine is not used", async (context) => {
  const layout = await layoutOf(context, machines.isapc);
  const { qmp } = await coldQemu(context, machines.pc);
  expect((await dumpDevices(qmp, layout)).by).toBe("stream");
  expect((await dumpDevices(qmp, layout)).by).toBe("state");
});
