import type { DeviceField } from "../../src/machine.ts";

/** Members of a C++ structure in their order: words, then bytes. */
interface Layout {
  readonly words: readonly string[];
  readonly bytes: readonly string[];
}

/** `DBOPL::Operator` of the package's `dbopl.h`; what is called `-` follows from other members. */
const operator: Layout = {
  words: [
    ...["-", "-", "waveBase", "waveMask", "waveStart", "waveIndex", "waveAdd", "-", "chanData", "freqMul", "vibrato"],
    ...["sustainLevel", "totalLevel", "-", "volume", "attackAdd", "decayAdd", "releaseAdd", "rateIndex"],
  ],
  bytes: [
    ...["rateZero", "keyOn", "reg20", "reg40", "reg60", "reg80", "regE0", "state", "tremoloMask", "vibStrength", "ksr"],
  ],
};
/** `DBOPL::Channel`, after its two operators. */
const channel: Layout = {
  words: ["synthHandler", "-", "chanData", "old0", "old1"],
  bytes: ["feedback", "regB0", "regC0", "fourMask", "maskLeft", "maskRight"],
};
/** `DBOPL::Chip`, after its tables and channels. */
const chip: Layout = {
  words: [],
  bytes: [
    ...["reg104", "reg08", "reg04", "regBD", "vibratoIndex", "tremoloIndex", "vibratoSign", "vibratoShift"],
    ...["tremoloValue", "vibratoStrength", "tremoloStrength", "waveFormMask", "opl3Active"],
  ],
};
/** Counters, and tables that follow from the rate. */
const TABLES = 4 * (5 + 16 + 76 + 76);
/** An OPL3's; an OPL2 has the first half. */
const CHANNELS = 18;
const OPL2_CHANNELS = 9;

function sizeOf({ words, bytes }: Layout): number {
  return 4 * words.length + 4 * Math.ceil(bytes.length / 4);
}

const channelSize = 2 * sizeOf(operator) + sizeOf(channel);
/** Bytes of a `DBOPL::Chip`. */
export const CHIP_SIZE = TABLES + CHANNELS * channelSize + sizeOf(chip);

/** The fields of the chip that an OPL2 has, in `memory` from its first byte on. */
export function chipFields(memory: Uint8Array, path: string): DeviceField[] {
  const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  const read = ({ words, bytes }: Layout, at: number, prefix: string): DeviceField[] => [
    ...words.map((name, i) => ({ path: `${prefix}.${name}`, value: view.getUint32(at + 4 * i, true) })),
    ...bytes.map((name, i) => ({ path: `${prefix}.${name}`, value: view.getUint8(at + 4 * words.length + i) })),
  ];
  const channels = Array.from({ length: OPL2_CHANNELS }, (_, number) => {
    const [at, prefix] = [TABLES + number * channelSize, `${path}.chan[${number}]`];
    const operators = [0, 1].flatMap((i) => read(operator, at + i * sizeOf(operator), `${prefix}.op[${i}]`));
    return [...operators, ...read(channel, at + 2 * sizeOf(operator), prefix)];
  });
  const fields = [...channels.flat(), ...read(chip, TABLES + CHANNELS * channelSize, path)];
  return fields.filter((field) => !field.path.endsWith(".-"));
}
