import fc from "fast-check";
import { out, read } from "../../../src/fuzz/accesses.ts";
import { byte, mostly, plainGroup, type DeviceGroup } from "../device-group.ts";

/** The clock with its RAM and the NMI mask. */
export const mc146818: DeviceGroup = {
  ...plainGroup,
  name: "MC146818",
  fields: ["rtc.*"],
  ports: [0x70, 0x71],
  pieces: fc.oneof(
    fc
      .tuple(fc.constantFrom(0x0a, 0x8a, 0x0b, 0x0b, 0x8b, 0x0e, 0x01, 0x03, 0x05, 0x0f, 0x32), byte)
      .map(([index, value]) => [out(0x70, index), out(0x71, value)]),
    mostly(0x26, 0x20, 0x2f, 0x76).map((rate) => [out(0x70, 0x0a), out(0x71, rate)]),
    mostly(0x02, 0x42, 0x12, 0x22, 0x82, 0x06).map((mode) => [out(0x70, 0x0b), out(0x71, mode)]),
    mostly(0x0c, 0x0d, 0x8c, 0x0b).map((index) => [out(0x70, index), read(0x71)]),
    byte.map((index) => [out(0x70, index)]),
  ),
  idle: ["cmos_c", "last_update", "next_interrupt", "next_interrupt_alarm", "rtc_time", "update_interrupt_time"].map(
    (field) => `rtc.${field}`,
  ),
};
