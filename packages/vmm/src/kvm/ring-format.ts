import { KvmError } from "./errors.ts";

/** Where a number stands, in bytes. */
export interface Field {
  readonly offset: number;
  readonly size: number;
}

/** How this kernel lays out a page of its ring buffer and the entries on it. */
export interface RingFormat {
  readonly timestamp: Field;
  /** Bytes of entries, and flags above them. */
  readonly commit: Field;
  readonly data: Field;
  /** Low bits of an entry's first word, which say its type or its length; the time since the entry before stands above them. */
  readonly typeBits: number;
  readonly padding: number;
  readonly timeExtend: number;
  readonly timeStamp: number;
  /** The highest type that is a length, in words. */
  readonly longest: number;
}

/** Where `kvm_pio` has what an access is. */
export interface PioFormat {
  readonly id: number;
  /** Bytes up to the end of the last field. */
  readonly length: number;
  readonly type: Field;
  readonly pid: Field;
  readonly rw: Field;
  readonly port: Field;
  readonly size: Field;
  readonly count: Field;
  readonly value: Field;
}

/** Reads tracefs' `events/header_page` and `events/header_event`. @throws KvmError `EVENT` */
export function parseRingFormat(headerPage: string, headerEvent: string): RingFormat {
  const fields = parseFields(headerPage);
  const number = (pattern: RegExp) => {
    const found = pattern.exec(headerEvent)?.[1];
    if (found === undefined) throw unreadable("events/header_event", `nothing like ${pattern.source}`);
    return Number(found);
  };
  const typeBits = number(/type_len\s*:\s*(\d+) bits/);
  if (number(/time_delta\s*:\s*(\d+) bits/) + typeBits !== 32)
    throw unreadable("events/header_event", "an entry does not begin with one word");
  return {
    timestamp: fieldOf(fields, "timestamp", "events/header_page", [8]),
    commit: fieldOf(fields, "commit", "events/header_page", [4, 8]),
    data: fieldOf(fields, "data", "events/header_page"),
    typeBits,
    padding: number(/padding\s*:\s*type\s*==\s*(\d+)/),
    timeExtend: number(/time_extend\s*:\s*type\s*==\s*(\d+)/),
    timeStamp: number(/time_stamp\s*:\s*type\s*==\s*(\d+)/),
    longest: number(/data max type_len\s*==\s*(\d+)/),
  };
}

/** Reads tracefs' `events/kvm/kvm_pio/format`. @throws KvmError `EVENT` */
export function parsePioFormat(text: string): PioFormat {
  const fields = parseFields(text);
  const field = (name: string) => fieldOf(fields, name, "events/kvm/kvm_pio/format", [1, 2, 4]);
  const id = /^ID:\s*(\d+)/m.exec(text)?.[1];
  if (id === undefined) throw unreadable("events/kvm/kvm_pio/format", "no ID");
  const all = {
    type: field("common_type"),
    pid: field("common_pid"),
    rw: field("rw"),
    port: field("port"),
    size: field("size"),
    count: field("count"),
    value: field("val"),
  };
  return { id: Number(id), length: Math.max(...Object.values(all).map(({ offset, size }) => offset + size)), ...all };
}

function parseFields(text: string): ReadonlyMap<string, Field> {
  const pattern = /field:.*?(\w+)(?:\[\d*\])?;\s*offset:(\d+);\s*size:(\d+);/g;
  return new Map(
    [...text.matchAll(pattern)].map(([, name = "", offset, size]) => [
      name,
      { offset: Number(offset), size: Number(size) },
    ]),
  );
}

function fieldOf(fields: ReadonlyMap<string, Field>, name: string, file: string, sizes?: readonly number[]): Field {
  const field = fields.get(name);
  if (field === undefined) throw unreadable(file, `no field ${name}`);
  if (sizes?.includes(field.size) === false) throw unreadable(file, `${field.size} bytes for ${name}`);
  return field;
}

function unreadable(file: string, what: string): KvmError {
  return new KvmError("EVENT", `this kernel's ${file} is not as portrait knows it (${what}), so it cannot be captured`);
}
