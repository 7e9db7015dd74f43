import type { FieldDescription, SectionDescription, StructureDescription } from "./description.ts";
import { DeviceLayout } from "./device-layout.ts";
import { readDeviceState } from "./device-state.ts";
import { PART, STREAM_MAGIC, STREAM_VERSION } from "./layout.ts";
import type { StreamSection } from "./section.ts";
import { readTail } from "./tail.ts";

/** Devices of the made-up QEMU; with these it has about as many fields as a PC. */
const DEVICES = 30;
/** Readings after which the code is as fast as it gets. */
const TIMES = 8;

/** What two made-up QEMUs have for sections. */
export interface RehearsedSections {
  readonly source: readonly StreamSection[];
  readonly destination: readonly StreamSection[];
}

/**
 * Reads the end of a stream and a device state that are made up, over and over: code that runs for the first time takes many times as long, and
 * a guest will stand still meanwhile. Every field of every second device differs.
 */
export function rehearseSections(): RehearsedSections {
  const devices = Array.from({ length: DEVICES }, (_, i) => device(`rehearsal${i}`));
  const tail = Buffer.concat([...devices.map((one) => sectionBytes(one, 0)), Buffer.of(PART.end), describing(devices)]);
  const head = Buffer.concat([number(4, STREAM_MAGIC), number(4, STREAM_VERSION)]);
  const state = Buffer.concat([head, ...devices.map((one, i) => sectionBytes(one, i % 2)), Buffer.of(PART.end)]);
  const read = (): RehearsedSections => {
    const { sections: source, description } = readTail(tail, 0);
    const layout = new DeviceLayout();
    layout.learn(description);
    const destination = readDeviceState(state, layout.sections ?? [], source);
    for (const { fields } of [...source, ...destination]) void fields;
    return { source, destination };
  };
  for (let i = 1; i < TIMES; i++) read();
  return read();
}

function device(name: string): SectionDescription {
  const channel: StructureDescription = {
    vmsd_name: "channel",
    version: 1,
    fields: [field("count", "uint16", 2), field("latched", "bool", 1), field("due", "timer", 8)],
  };
  return {
    ...{ name, instance_id: 0, version: 1 },
    fields: [
      field("level", "uint8", 1),
      field("time", "int64", 8),
      { ...field("lines", "int32", 4), array_len: 16 },
      field("memory[0]", "buffer", 128),
      field("image", "buffer", 1024),
      field("gap", "unused_buffer", 4),
      { ...field("channels", "struct", 11), array_len: 3, struct: channel },
    ],
    subsections: [{ vmsd_name: `${name}/more`, version: 1, fields: [field("mode", "uint32", 4)] }],
  };
}

const field = (name: string, type: string, size: number): FieldDescription => ({ name, type, size });

/** The section of a device each byte of which is `value`. */
function sectionBytes(one: SectionDescription, value: number): Buffer {
  const id = number(4, 1);
  const head = [Buffer.of(PART.sectionFull), id, text(one.name), number(4, one.instance_id), number(4, 1)];
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
