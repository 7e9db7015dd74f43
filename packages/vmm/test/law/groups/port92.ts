import fc from "fast-check";
import { out, read } from "../../../src/fuzz/accesses.ts";
import { avoid, byte, difference, plainGroup, type DeviceGroup } from "../device-group.ts";

/** The chipset's control ports; of port 61h v86 keeps nothing that could be compared. */
export const port92: DeviceGroup = {
  ...plainGroup,
  name: "port 92h",
  fields: ["port92.*"],
  ports: [0x61, 0x92],
  pieces: fc.oneof(
    byte.map((value) => [out(0x92, value & 0xfe)]),
    byte.map((value) => [out(0x61, value)]),
    fc.constant([read(0x92), read(0x61)]),
  ),
  avoided: [avoid(difference("out", 0x92, 0x01, 0x01))],
};
