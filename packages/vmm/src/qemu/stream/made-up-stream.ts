import type { FieldDescription, SectionDescription, StructureDescription } from "./description.ts";
import { PAGE_BYTES, PAGE_FLAG, PART, STREAM_MAGIC, STREAM_VERSION } from "./layout.ts";

/** Devices of the made-up QEMU, for whose fields there are patterns; in this number it has about as many fields as a PC. */
const NAMES = ["0000:00:01.1/ide", "0000:00:01.3/piix4_pm", "dma", "fdc", "i8254", "i8259", "mc146818rtc", "pckbd"];
const INSTANCES = 4;
const MEMORY_NUMBER = 2;
const PAGES = 64;
/** One page in so many is empty. */
const EMPTY = 4;

/** The bytes of a QEMU that there is not. */
export interface MadeUpStream {
  /** A whole migration stream. */
  readonly stream: Buffer;
  /** Its end, from the first device section on. */
  readonly tail: Buffer;
  /** Another one's device state, in which every second device is as in the stream, and every byte of the others differs. */
  readonly state: Buffer;
}

/** Makes a stream up. */
export function madeUpStream(): MadeUpStream {
  const devices = NAMES.flatMap((name) => Array.from({ length: INSTANCES }, (_, i) => device(name, i)));
  const tail = Buffer.concat([...devices.map((one) => sectionBytes(one, 0)), Buffer.of(PART.end), describing(devices)]);
  const head = Buffer.concat([number(4, STREAM_MAGIC), number(4, STREAM_VERSION)]);
  const state = Buffer.concat([head, ...devices.map((one, i) => sectionBytes(one, i % 2)), Buffer.of(PART.end)]);
  return { stream: Buffer.concat([head, memory(), tail]), tail, state };
}

/** All of a memory's pages in one part, and some again in the last one. */
function memory(): Buffer {
  const id = number(4, MEMORY_NUMBER);
  const footer = Buffer.concat([Buffer.of(PART.footer), id]);
  const block = text("pc.ram");
  const start = [
    ...[Buffer.of(PART.sectionStart), id, text("ram"), number(4, 0), number(4, 4)],
    ...[word(PAGES, PAGE_FLAG.memorySize), block, word(PAGES, 0), word(0, PAGE_FLAG.endOfSection), footer],
  ];
  const part = (type: number) => [
    ...[Buffer.of(type), id, word(0, PAGE_FLAG.page), block, Buffer.alloc(PAGE_BYTES, 1)],
    ...Array.from({ length: PAGES - 1 }, (_, i) => continued(i + 1)),
    ...[word(0, PAGE_FLAG.endOfSection), footer],
  ];
  return Buffer.concat([...start, ...part(PART.sectionPart), ...part(PART.sectionEnd)]);
}

/** A page of the same block as the one before. */
function continued(page: number): Buffer {
  const [kind, content] =
    page % EMPTY === 0 ? [PAGE_FLAG.zero, Buffer.alloc(1)] : [PAGE_FLAG.page, Buffer.alloc(PAGE_BYTES, page)];
  return Buffer.concat([word(page, kind | PAGE_FLAG.continued), content]);
}

const word = (page: number, flags: number) => Buffer.concat([number(4, 0), number(4, page * PAGE_BYTES + flags)]);

/**
 * A device as QEMU describes one: with every type of field that a PC's have, and with the keys of each description in QEMU's order. Objects whose keys
 * come in another order would be new to the code that was made for these.
 */
function device(name: string, instance: number): SectionDescription {
  const drive = {
    vmsd_name: "drive",
    version: 1,
    fields: [field("nsector", "uint16", 2), field("status", "bool", 1), field("error", "timer", 8)],
  };
  const bus = {
    vmsd_name: "bus",
    version: 1,
    fields: [
      field("cmd", "uint8", 1),
      field("unit", "int32 equal", 4),
      { name: "ifs", array_len: 2, type: "struct", struct: drive, size: 11 },
    ],
  };
  const more = { vmsd_name: `${name}/more`, version: 1, fields: [field("mode", "uint32", 4)] };
  const fields: FieldDescription[] = [
    field("level", "uint8", 1),
    field("time", "int64", 8),
    field("start", "uint64", 8),
    { name: "lines", array_len: 16, type: "int32", size: 4 },
    field("memory[0]", "buffer", 64),
    field("config[0]", "pci config", 64),
    field("irqs", "pci irq state", 16),
    field("image", "buffer", 1024),
    field("gap", "unused_buffer", 4),
    { name: "drive", type: "struct", struct: drive, size: 11 },
    ...[0, 1].map((index) => ({ name: "bus", index, type: "struct", struct: bus, size: 27 })),
  ];
  const described = { name, instance_id: instance, vmsd_name: name, version: 1, fields };
  return { ...described, subsections: [more] };
}

const field = (name: string, type: string, size: number): FieldDescription => ({ name, type, size });

/** The section of a device each byte of which is `value`. */
function sectionBytes(one: SectionDescription, value: number): Buffer {
  const id = number(4, 1);
  const head = [
    Buffer.of(PART.sectionFull),
    id,
    text(one.name),
    number(4, one.instance_id),
    number(4, one.version ?? 1),
  ];
  const footer = [Buffer.of(PART.footer), id];
  return Buffer.concat([...head, ...contents(one, value), ...footer]);
}

function contents({ fields = [], subsections = [] }: StructureDescription, value: number): Buffer[] {
  const own = fields.map(({ size, array_len = 1 }) => Buffer.alloc(size * array_len, value));
  const more = subsections.flatMap((one) => [
    ...[Buffer.of(PART.subsection), text(one.vmsd_name ?? ""), number(4, one.version ?? 0)],
    ...contents(one, value),
  ]);
  return [...own, ...more];
}

function describing(devices: readonly SectionDescription[]): Buffer {
  const json = Buffer.from(JSON.stringify({ devices }));
  return Buffer.concat([Buffer.of(PART.description), number(4, json.length), json]);
}

function number(bytes: number, value: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}

function text(value: string): Buffer {
  return Buffer.concat([number(1, value.length), Buffer.from(value)]);
}
