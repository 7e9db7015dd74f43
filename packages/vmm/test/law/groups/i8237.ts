import fc from "fast-check";
import { out, read } from "../../../src/fuzz/accesses.ts";
import { avoid, byte, difference, plainGroup, type DeviceGroup } from "../device-group.ts";

const channel = fc.integer({ min: 0, max: 3 });

/** One of the two controllers with its page registers; `at` gives a register's port, `pages` the pages of channels 0 to 3. */
function controller(name: string, at: (register: number) => number, pages: readonly number[]): DeviceGroup {
  const pagePorts = pages.flatMap((page) => [page, page + 0x400]).filter((port) => port !== 0x48f);
  return {
    ...plainGroup,
    name,
    fields: ["dma.*"],
    ports: [...Array.from({ length: 16 }, (_, register) => at(register)), ...pagePorts],
    pieces: fc.oneof(
      fc
        .tuple(channel, byte, byte, byte, byte, fc.boolean())
        .map(([c, a0, a1, c0, c1, clears]) => [
          ...(clears ? [out(at(12), 0)] : []),
          out(at(2 * c), a0),
          out(at(2 * c), a1),
          out(at(2 * c + 1), c0),
          out(at(2 * c + 1), c1),
        ]),
      fc.tuple(channel, byte).map(([c, value]) => [out(at(2 * c), value)]),
      fc.constant([out(at(12), 0)]),
      byte.map((mode) => [out(at(11), mode)]),
      byte.map((mask) => [out(at(10), mask)]),
      fc
        .tuple(byte, fc.shuffledSubarray([0, 1, 2, 3]), byte)
        .map(([all, channels, mask]) => [
          out(at(15), all),
          ...channels.map((c) => out(at(10), c | (((mask >> c) & 1) << 2))),
        ]),
      fc.tuple(fc.constantFrom(...pagePorts), byte).map(([port, page]) => [out(port, page)]),
      channel.map((c) => [read(at(2 * c))]),
    ),
    avoided: [avoid(difference("out", at(13), 0, 0))],
    heldInFull: ["dma.lsb_msb_flipflop"],
    idle: ["dma.channel_addr[]", "dma.channel_count[]"],
  };
}

/** Both DMA controllers, one at a time, because v86 gives them one flip-flop. */
export const i8237: readonly DeviceGroup[] = [
  controller("8237A, channels 0-3", (register) => register, [0x87, 0x83, 0x81, 0x82]),
  controller("8237A, channels 4-7", (register) => 0xc0 + 2 * register, [0x8f, 0x8b, 0x89, 0x8a]),
];
