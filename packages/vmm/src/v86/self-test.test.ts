import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { guestSettings } from "./guest.ts";
import { V86Engine } from "./engine.ts";
import type { V86Cpu } from "./internals.ts";
import { checkVersion } from "./library.ts";
import { assertCpu } from "./self-test.ts";

let engine: V86Engine;

beforeAll(async () => {
  engine = await V86Engine.boot({
    guest: guestSettings(undefined, 1 << 20),
    memorySize: 1 << 20,
    deterministic: true,
    onSerialByte: () => undefined,
  });
});

afterAll(() => engine.destroy());

/** The CPU with some properties hidden behind others. */
function changed(change: object): V86Cpu {
  return Object.assign(Object.create(engine.cpu), change);
}

function changedDevice(device: string, change: object): V86Cpu {
  const original = engine.cpu.devices[device];
  const copy = Object.assign(Object.create(Object(original)), change);
  return changed({ devices: { ...engine.cpu.devices, [device]: copy } });
}

describe("the check of what v86 is made of", () => {
  test("passes for the version this is written for", () => {
    expect(() => assertCpu(engine.cpu)).not.toThrow();
  });

  test.each<[string, () => V86Cpu, RegExp]>([
    ["a function is gone", () => changed({ main_loop: undefined }), /main_loop is undefined, expected function/],
    [
      "a register file has another length",
      () => changed({ reg32: new Int32Array(16) }),
      /reg32 has length 16, expected 8/,
    ],
    ["a device is gone", () => changed({ devices: { ...engine.cpu.devices, pit: undefined } }), /devices\.pit\./],
    [
      "a device's property is gone",
      () => changedDevice("rtc", { cmos_b: undefined }),
      /devices\.rtc\.cmos_b is missing/,
    ],
    [
      "the PIC has more fields",
      () => changed({ get_state_pic: () => new Array(14).fill(0) }),
      /pic has length 14, expected 13/,
    ],
    [
      "the slave PIC has fewer",
      () => changed({ get_state_pic: () => [0, 0, 0, 0, 0, [0], 0, 0, 0, 0, 0, 0, 0] }),
      /pic\.5 has length 1/,
    ],
    [
      "the function table has another size",
      () => changed({ wm: { wasm_table: { length: 10, set: () => undefined } } }),
      /length 10, expected 1924/,
    ],
  ])("fails when %s", (_, cpu, message) => {
    expect(() => assertCpu(cpu())).toThrow(
      expect.objectContaining({ code: "V86_VERSION", message: expect.stringMatching(message) }),
    );
  });

  test("names the version that is needed and the one that is there", () => {
    expect(() => checkVersion('{"version": "0.5.462+g5f9a90f"}')).not.toThrow();
    expect(() => checkVersion('{"version": "0.5.463+gabc"}')).toThrow(
      expect.objectContaining({
        code: "V86_VERSION",
        message: expect.stringMatching(/0\.5\.463 is installed, expected 0\.5\.462/),
      }),
    );
    expect(() => checkVersion("{}")).toThrow(/without a version/);
  });
});
