import fc from "fast-check";
import { type PortAccess } from "../../../src/fuzz/accesses.ts";
import { byte, plainGroup, type DeviceGroup } from "../device-group.ts";

const ADDRESS = 0xcf8;
const DATA = 0xcfc;
/** Device and function of what v86 has on bus 0 (host bridge, ISA bridge, VGA, IDE), and of one that it has not. */
const FUNCTIONS = [0x00, 0x08, 0x90, 0xf0, 0x18];
const COMMAND_STATUS = 1;
const BIST = 3;

const wide = (port: number, width: 8 | 16 | 32, value: number): PortAccess => ({
  direction: "out",
  port,
  width,
  value: (value & (width === 32 ? -1 : 2 ** width - 1)) >>> 0,
});
const dword = fc.integer({ min: 0, max: 0xffffffff });
const address = fc
  .tuple(fc.constantFrom(...FUNCTIONS), fc.oneof(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 0, max: 63 })))
  .map(([fn, register]) => wide(ADDRESS, 32, 0x80000000 | (fn << 8) | (register << 2)));

/** The writes v86 judges: those on which its configuration space does what PCI's does. */
function judged(accesses: readonly PortAccess[]): readonly PortAccess[] {
  let register = 0;
  let enabled = false;
  return accesses.filter(({ direction, port, width, value }) => {
    if (direction === "in") return true;
    if (port < DATA) {
      if (port !== ADDRESS || width !== 32 || (value & 0x700) !== 0) return false;
      register = (value >> 2) & 63;
      enabled = value >= 0x80000000;
      return true;
    }
    if (!enabled) return false;
    if (register >= 4 && register <= 12) return width === 32;
    const top = port - DATA + width / 8 === 4;
    if (register === COMMAND_STATUS) return width !== 32 && port < DATA + 2 && !(port === DATA + 1 && width === 16);
    return register !== BIST || !top;
  });
}

/** The configuration spaces behind mechanism 1. */
export const pci: DeviceGroup = {
  ...plainGroup,
  name: "PCI configuration",
  fields: ["pci.*"],
  ports: [DATA, DATA + 1, DATA + 2, DATA + 3],
  // v86 looks a configuration register up when its address is written, and comes up without having done so.
  prefix: [wide(ADDRESS, 32, 0)],
  pieces: fc.oneof(
    { weight: 2, arbitrary: fc.tuple(address, dword).map(([to, value]) => [to, wide(DATA, 32, value)]) },
    fc.tuple(address, fc.constantFrom(0, 2), dword).map(([to, offset, value]) => [to, wide(DATA + offset, 16, value)]),
    fc
      .tuple(address, fc.integer({ min: 0, max: 3 }), byte)
      .map(([to, offset, value]) => [to, wide(DATA + offset, 8, value)]),
    fc
      .tuple(fc.constantFrom(...FUNCTIONS), fc.constantFrom(0, 1), byte, byte)
      .map(([fn, offset, low, high]) => [
        wide(ADDRESS, 32, 0x80000000 | (fn << 8) | (COMMAND_STATUS << 2)),
        wide(DATA, 16, low | (high << 8)),
        wide(DATA + offset, 8, high),
      ]),
    // How firmware sizes a base address register.
    fc
      .tuple(fc.constantFrom(...FUNCTIONS), fc.integer({ min: 4, max: 9 }), dword, fc.boolean())
      .map(([fn, register, value, assigned]) => [
        wide(ADDRESS, 32, 0x80000000 | (fn << 8) | (register << 2)),
        wide(DATA, 32, 0xffffffff),
        { direction: "in" as const, port: DATA, width: 32 as const, value: 0 },
        ...(assigned ? [wide(DATA, 32, value)] : []),
      ]),
    dword.map((value) => [wide(ADDRESS, 32, value & ~0x700)]),
    address.map((to) => [to]),
  ),
  idle: ["pci.pci_response[]", "pci.pci_value[]"],
  avoided: [
    {
      why: "bytes at CF8h-CFBh are no access to the address, v86 takes them for one; a doubleword that changes bits 10:9 from 1 to 3 resets v86's CPU. v86 writes without bit 31, drops doublewords to Command, wants them for base addresses, and keeps what is written to Status and BIST",
      without: judged,
    },
  ],
};
