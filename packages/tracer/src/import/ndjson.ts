import { opOf, type Direction, type Width } from "../access.ts";
import type { BatchBuilder } from "../batch.ts";
import { MAX_PAYLOAD_BYTES } from "../limits.ts";
import type { ImportFormat } from "./importer.ts";
import { lineImporter, type LineFormat } from "./lines/line-importer.ts";
import type { LineKind } from "./lines/line-reader.ts";
import { Numbering } from "./numbering.ts";

/** Bytes of a line: a payload in hexadecimal, and what stands around it. */
const LINE_LIMIT = 2 * MAX_PAYLOAD_BYTES + 0x10_0000;

type JsonObject = Readonly<Record<string, unknown>>;

/** A line that does not follow the form. */
class Unfit extends Error {}

/** Reads objects of the form `portrait inspect -o ndjson` prints, one a line. What else stands in them is passed over. */
class Ndjson implements LineFormat {
  readonly #builder: BatchBuilder;
  readonly #numbering: Numbering;
  #time = 0;

  constructor(builder: BatchBuilder) {
    this.#builder = builder;
    this.#numbering = new Numbering(builder);
  }

  line(text: string): LineKind {
    if (text.trim() === "") return "read";
    try {
      this.#object(objectOf(text));
      return "read";
    } catch (error) {
      if (error instanceof Unfit) return { bad: error.message };
      throw error;
    }
  }

  #object(object: JsonObject): void {
    const time = integer(object, "time", Number.MAX_SAFE_INTEGER) ?? this.#time;
    const { marker, gap } = object;
    if (typeof marker === "string") this.#builder.marker(time, marker);
    else if (isObject(gap)) {
      if (typeof gap["reason"] !== "string") throw new Unfit("gap.reason: expected a text");
      this.#builder.gap(time, gap["reason"], integer(gap, "lost", Number.MAX_SAFE_INTEGER));
    } else this.#access(object, time);
    this.#time = time;
  }

  #access(object: JsonObject, time: number): void {
    const direction = directionIn(object);
    const width = widthIn(object);
    const port = required("port", integer(object, "port", 0xffff));
    const vcpu = integer(object, "vcpu", 0xffff) ?? 0;
    const seq = integer(object, "seq", Number.MAX_SAFE_INTEGER - 1);
    const payload = payloadIn(object, width);
    const count = integer(object, "count", 0xffff_ffff) ?? (payload && (payload.length * 8) / width);
    const value = required("value", integer(object, "value", 2 ** width - 1));
    if (count === 0) throw new Unfit("count: expected at least 1");
    if (payload !== undefined && count !== (payload.length * 8) / width)
      throw new Unfit("count: the payload holds another");
    this.#numbering.next(seq, time);
    if (count === undefined) this.#builder.push(time, port, opOf(direction, width), value, vcpu);
    else this.#builder.pushString(time, port, direction, width, count, value, payload, vcpu);
  }
}

function objectOf(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Unfit("this is not JSON");
  }
  if (!isObject(value)) throw new Unfit("expected an object");
  return value;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A whole number from 0 to `most`, or a text such as `0x20`; undefined where the key is missing. */
function integer(object: JsonObject, key: string, most: number): number | undefined {
  const given = object[key];
  if (given === undefined) return undefined;
  const value = typeof given === "string" && /^0x[0-9a-f]+$/i.test(given) ? Number(given) : given;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > most) {
    throw new Unfit(`${key}: expected a whole number up to ${most}, or a text such as "0x20"`);
  }
  return value;
}

function required<T>(key: string, value: T | undefined): T {
  if (value === undefined) throw new Unfit(`${key}: missing`);
  return value;
}

function directionIn({ direction }: JsonObject): Direction {
  if (direction === "in" || direction === "out") return direction;
  throw new Unfit('direction: expected "in" or "out"');
}

function widthIn({ width }: JsonObject): Width {
  if (width === 8 || width === 16 || width === 32) return width;
  throw new Unfit("width: expected 8, 16 or 32");
}

function payloadIn({ payload }: JsonObject, width: Width): Uint8Array | undefined {
  if (payload === undefined) return undefined;
  const bytes = width / 8;
  if (typeof payload === "string" && /^([0-9a-f]{2})+$/i.test(payload) && (payload.length / 2) % bytes === 0) {
    return Buffer.from(payload, "hex");
  }
  throw new Unfit("payload: expected whole elements as hexadecimal digits");
}

/** NDJSON: an object a line, as `portrait inspect -o ndjson` prints them. */
export const ndjson: ImportFormat = {
  name: "ndjson",
  title: "NDJSON",
  engine: "",
  decodesAliases: false,
  recognise: (line) => {
    if (!/^\s*\{.*"(?:port|marker|gap)"\s*:/s.test(line)) return undefined;
    return { clock: /"time"\s*:/.test(line) ? "ns" : "none" };
  },
  open: (builder, options) => lineImporter(new Ndjson(builder), options, LINE_LIMIT),
};
