import { expect, test } from "vitest";
import { outStep } from "../../test/support/out-step.ts";
import { dangerousWrites } from "./dangerous-writes.ts";

const dangers = (...writes: readonly (readonly [number, number])[]) =>
  dangerousWrites(writes.map(([port, value]) => outStep(port, value)));

test.each<[string, readonly (readonly [number, number])[]]>([
  ["an end of interrupt", [[0x20, 0x20]]],
  ["a byte to transmit", [[0x3f8, 0x41]]],
  ["one after DLAB was cleared", [[0x3fb, 0x83], [0x3f8, 0x01], [0x3fb, 0x03], [0x3f8, 0x41]]],
  ["FCR with a reset bit", [[0x3fa, 0xc3]]],
  ["8042 FEh", [[0x64, 0xfe]]],
  ["the output port's reset line", [[0x64, 0xd1], [0x60, 0xfe]]],
  ["port 92h bit 0", [[0x92, 0x01]]],
  ["CF9h", [[0xcf9, 0x06]]],
  ["SLP_EN", [[0xb005, 0x34]]],
  ["GBL_RLS", [[0xb004, 0x05]]],
  ["SLP_EN where the guest has put it", [[0xcf8, 0x8000f840], [0xcfc, 0xc001], [0xc005, 0x20]]],
  ["a message to firmware in SMM", [[0xcf8, 0x8000f840], [0xcfc, 0xc001], [0xc062, 0]]],
  ["a BLT's start", [[0x3ce, 0x31], [0x3cf, 0x02]]],
  ["a BLT's destination where it starts by itself", [[0x3ce, 0x31], [0x3cf, 0x80], [0x3ce, 0x2a], [0x3cf, 0]]],
  ["WRITE SECTORS", [[0x1f7, 0x30]]],
  ["FORMAT TRACK", [[0x3f5, 0x4d]]],
  ["WRITE DATA after a parameter that is 03h", [[0x3f5, 0x03], [0x3f5, 0x03], [0x3f5, 0x03], [0x3f5, 0xc5]]],
])("%s is dangerous", (_, writes) => expect(dangers(...writes)).toHaveLength(1)); // prettier-ignore

test.each<[string, readonly (readonly [number, number])[]]>([
  ["a divisor", [[0x3fb, 0x83], [0x3f8, 0x41]]],
  ["FCR", [[0x3fa, 0xc1]]],
  ["ICW1 and set priority", [[0x20, 0x31], [0x20, 0xc7]]],
  ["SET FEATURES, SET MULTIPLE, INITIALIZE DEVICE PARAMETERS", [[0x1f7, 0xef], [0x1f7, 0xc6], [0x177, 0x91]]],
  ["CHECK POWER MODE", [[0x1f7, 0xe5]]],
  ["SPECIFY with parameters that would be commands", [[0x3f5, 0x03], [0x3f5, 0x4d], [0x3f5, 0xc5], [0x3f5, 0x0e]]],
  ["the same port without power management there", [[0xcf8, 0x8000f844], [0xcfc, 0xc001], [0xc005, 0x20]]],
  ["a BLT's destination where it does not", [[0x3ce, 0x31], [0x3cf, 0x04], [0x3ce, 0x2a], [0x3cf, 2]]],
  ["CONFIGURE and PERPENDICULAR", [[0x3f5, 0x13], [0x3f5, 0x00], [0x3f5, 0x57], [0x3f5, 0x00], [0x3f5, 0x12], [0x3f5, 0x05]]],
])("%s is not", (_, writes) => expect(dangers(...writes)).toEqual([])); // prettier-ignore
