import fc from "fast-check";
import { out, read, type PortAccess } from "../../../src/fuzz/accesses.ts";
import { avoid, byte, difference, plainGroup, type DeviceGroup } from "../device-group.ts";

const WORD = 3;
const channel = fc.integer({ min: 0, max: 2 });

/** What a sequence did to a counter, as far as v86 and the datasheet part over it. */
interface Counter {
  /** RW of the last control word. */
  rw: number;
  /** A count was completed since. */
  counted: boolean;
  /** The next byte completes a count of two. */
  half: boolean;
  mode3Read: boolean;
  latches: number;
  controlAfterLatch: boolean;
}

function follow(accesses: readonly PortAccess[], index: number): Counter {
  const counter = { rw: 0, counted: false, half: false, mode3Read: false, latches: 0, controlAfterLatch: false };
  let mode = 0;
  for (const { direction, port, value } of accesses) {
    if (port === 0x40 + index && direction === "in") counter.mode3Read ||= mode === 3;
    else if (port === 0x40 + index) {
      counter.counted ||= counter.rw !== WORD || counter.half;
      counter.half = counter.rw === WORD && !counter.half;
    } else if (port === 0x43 && direction === "out" && value >> 6 === index) {
      if ((value & 0x30) === 0) counter.latches++;
      else {
        mode = (value >> 1) & 3;
        counter.controlAfterLatch ||= counter.latches > 0;
        Object.assign(counter, { rw: (value >> 4) & 3, counted: false, half: false, mode3Read: false });
      }
    }
  }
  return counter;
}

const perCounter = (field: string, when: (counter: Counter) => boolean) => (accesses: readonly PortAccess[]) =>
  [0, 1, 2].filter((index) => when(follow(accesses, index))).map((index) => `pit.${field}[${index}]`);

/** The three counters. */
export const i8254: DeviceGroup = {
  ...plainGroup,
  name: "8254",
  fields: ["pit.*"],
  ports: [0x40, 0x41, 0x42, 0x43],
  // Before its first control word a counter has no mode on hardware and takes counts on v86.
  prefix: [0x34, 0x74, 0xb4].map((control) => out(0x43, control)),
  pieces: fc.oneof(
    fc
      .tuple(channel, fc.integer({ min: 0, max: 7 }), fc.constantFrom(1, 2, 3, 3, 3), byte, byte)
      .map(([c, mode, rw, low, high]) => [
        out(0x43, (c << 6) | (rw << 4) | (mode << 1)),
        out(0x40 + c, low),
        ...(rw === WORD ? [out(0x40 + c, high)] : []),
      ]),
    fc.tuple(channel, byte, byte).map(([c, low, high]) => [out(0x40 + c, low), out(0x40 + c, high)]),
    fc
      .tuple(channel, fc.integer({ min: 0, max: 2 }))
      .map(([c, reads]) => [out(0x43, c << 6), ...new Array<PortAccess>(reads).fill(read(0x40 + c))]),
    channel.map((c) => [read(0x40 + c)]),
  ),
  avoided: [avoid(difference("out", 0x43, 0xc0, 0xc0))],
  excuses: [
    {
      why: "a control word stops the counter until the count is written; v86's runs on with the old one",
      fields: perCounter("counter_reload", ({ counted }) => !counted),
    },
    {
      why: "a count of one byte has 0 for the other; v86's keeps it",
      fields: perCounter("counter_reload", ({ rw }) => rw !== WORD),
    },
    {
      why: "reads and writes have flip-flops of their own; v86 has one, moved by reads in mode 3",
      fields: (accesses) =>
        ["counter_next_low", "counter_reload"].flatMap((field) =>
          perCounter(field, ({ mode3Read }) => mode3Read)(accesses),
        ),
    },
    {
      why: "a latched count stays latched until read or reprogrammed, one byte in RW 1 and 2; v86 latches anew, always two bytes",
      fields: perCounter(
        "counter_latch",
        ({ rw, latches, controlAfterLatch }) => rw !== WORD || latches > 1 || controlAfterLatch,
      ),
    },
  ],
  idle: ["counter_enabled", "counter_latch_value", "counter_start_time", "counter_start_value"].map(
    (field) => `pit.${field}[]`,
  ),
};
