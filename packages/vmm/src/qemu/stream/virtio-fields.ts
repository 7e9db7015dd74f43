import type { DeviceField } from "../../machine.ts";

const VERSION = 2;
const CONFIGURATION_BYTES = 256;
const PINS = 4;
const MSIX_ENTRY_BYTES = 16;
const MSIX_CAPABILITY = 0x11;
const QUEUE_LIMIT = 1024;

/**
 * The fields of a virtio device on a conventional PCI bus, which QEMU (7.2, virtio_save) describes as one run of bytes; what the kind of
 * device adds is hexadecimal text. Undefined where the bytes have another form.
 */
export function virtioFields(path: string, bytes: Buffer): readonly DeviceField[] | undefined {
  try {
    return fieldsOf(path, new Cursor(bytes));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function fieldsOf(path: string, cursor: Cursor): readonly DeviceField[] | undefined {
  const fields: DeviceField[] = [];
  const add = (name: string, value: DeviceField["value"]) => fields.push({ path: `${path}.${name}`, value });
  if (cursor.number(4) !== VERSION) return undefined;
  const configuration = cursor.take(CONFIGURATION_BYTES);
  configuration.forEach((value, i) => add(`config[${i}]`, value));
  for (let i = 0; i < PINS; i++) add(`irq_state[${i}]`, cursor.number(4));
  const vectors = vectorsIn(configuration);
  if (vectors > 0) {
    add("msix_table", cursor.text(vectors * MSIX_ENTRY_BYTES));
    add("msix_pba", cursor.text(Math.ceil(vectors / 8)));
    add("config_vector", cursor.number(2));
  }
  add("status", cursor.number(1));
  add("isr", cursor.number(1));
  add("queue_sel", cursor.number(2));
  add("guest_features", cursor.number(4));
  add("device_config", cursor.text(cursor.number(4)));
  const queues = cursor.number(4);
  if (queues > QUEUE_LIMIT) return undefined;
  for (let i = 0; i < queues; i++) {
    add(`queues[${i}].num`, cursor.number(4));
    add(`queues[${i}].desc`, cursor.text(8));
    add(`queues[${i}].last_avail_idx`, cursor.number(2));
    if (vectors > 0) add(`queues[${i}].vector`, cursor.number(2));
  }
  add("rest", cursor.rest());
  return fields;
}

/** MSI-X vectors that a configuration space tells of (PCI specification 3.0, 6.8.2). */
function vectorsIn(configuration: Buffer): number {
  if (((configuration[0x06] ?? 0) & 0x10) === 0) return 0;
  let at = configuration[0x34] ?? 0;
  for (let seen = 0; at >= 0x40 && seen < CONFIGURATION_BYTES / 4; seen++) {
    if (configuration[at] === MSIX_CAPABILITY) return (configuration.readUInt16LE(at + 2) & 0x7ff) + 1;
    at = configuration[at + 1] ?? 0;
  }
  return 0;
}

/** Takes big-endian numbers and runs of bytes one after another. @throws RangeError beyond the end */
class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  take(length: number): Buffer {
    const piece = this.#bytes.subarray(this.#at, this.#at + length);
    if (piece.length !== length) throw new RangeError(`no ${length} bytes at ${this.#at}`);
    this.#at += length;
    return piece;
  }

  number(length: number): number {
    return this.take(length).readUIntBE(0, length);
  }

  text(length: number): string {
    return this.take(length).toString("hex");
  }

  rest(): string {
    return this.text(this.#bytes.length - this.#at);
  }
}
