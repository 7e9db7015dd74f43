import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import load, { type OplChip } from "@malvineous/opl/lib/opl.js";
import type { PortOperation } from "@portrait/replayer";
import { out } from "../../src/fuzz/accesses.ts";
import { bytesOf, withoutBytes } from "../../src/fuzz/exclusion.ts";
import type { PortAccess } from "../../src/fuzz/accesses.ts";
import type { Bench, Engine } from "../../src/index.ts";
import { StreamSection } from "../../src/qemu/stream/section.ts";
import { chipFields, CHIP_SIZE } from "./dbopl-layout.ts";

const SECTION = "opl2";
const [ADDRESS, DATA] = [0x388, 0x389];
const RATE = 49716;

/** DOSBox's OPL2 behind the ports of an AdLib card. No time passes between accesses. */
export const dbopl: Engine = {
  name: "dbopl",
  command: ["@malvineous/opl"],
  sections: [SECTION],
  // Drivers switch wave select on before they use it.
  prefix: [out(ADDRESS, 0x01), out(DATA, 0x20)],
  runs: [...Array(0xf6).keys()].flatMap((register) => [out(ADDRESS, register), out(DATA, (register * 37) & 0xff)]),
  absent: [],
  deviations: [
    {
      path: `${SECTION}[0].chan[*].regB0`,
      mask: 0xdf,
      why: "DBOPL keeps of a channel's key register what it was when the key last changed; the frequency it has elsewhere",
    },
  ],
  exclusions: () => [
    {
      why: "DBOPL looks at wave select enable and note select when a wave or a frequency is written, at a drum's connection while there are no drums; a chip at all times",
      without: withoutLateSelects,
    },
  ],
  excuses: () => [],
  sectionsOf: () => [SECTION],
  start,
};

function withoutLateSelects(accesses: readonly PortAccess[]): readonly PortAccess[] {
  // As the prefix leaves it.
  let [index, tuned, drums] = [0x01, false, false];
  return withoutBytes(accesses, ({ direction, port, value }) => {
    if (direction === "in") return false;
    if (port === ADDRESS) index = value;
    if (port !== DATA) return false;
    if (index >= 0xa0 && index <= 0xb8) tuned = true;
    if (index === 0xbd) drums = (value & 0x20) !== 0;
    const drum = index === 0xc7 || index === 0xc8;
    return (index === 0x01 && (value & 0x20) === 0) || (index === 0x08 && tuned) || (drum && drums);
  });
}

async function start(): Promise<Bench> {
  const file = createRequire(import.meta.url).resolve("@malvineous/opl/lib/opl.wasm");
  // The module is thenable and gives itself: it must not be awaited.
  const chip = await new Promise<OplChip>((resolve) => {
    load({ wasmBinary: readFileSync(file) }).then(({ OPL }) => resolve(new OPL(RATE, 1, 512)));
  });
  const memory = new Uint8Array(chip.getBuffer().buffer);
  const powerOnMemory = memory.slice();
  // The object begins with the pointer to its virtual functions.
  const own = () => memory.slice(chip.$$.ptr + 4, chip.$$.ptr + 4 + CHIP_SIZE);
  const powerOn = [sectionOf(own())];
  let index = 0;
  const write = (operation: PortOperation) => {
    for (const { direction, port, value } of bytesOf([{ value: 0, ...operation }])) {
      if (direction === "in") continue;
      if (port === ADDRESS) index = value;
      else if (port === DATA) chip.write(index, value);
    }
    return 0;
  };
  return {
    version: "DOSBox DBOPL",
    ports: { name: "DBOPL", perform: async (operations) => Promise.resolve(operations.map(write)) },
    powerOn,
    machineEvents: [],
    reset: async () => {
      memory.set(powerOnMemory);
      index = 0;
      return Promise.resolve();
    },
    dump: async () => Promise.resolve([sectionOf(own())]),
    end: async () => Promise.resolve(),
  };
}

function sectionOf(bytes: Uint8Array): StreamSection {
  const decode = () => chipFields(bytes, `${SECTION}[0]`);
  return new StreamSection({ name: SECTION, instance: 0, bytes, fieldCount: decode().length, decode });
}
