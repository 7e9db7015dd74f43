import type { Direction, Width } from "../access.ts";
import type { BatchBuilder } from "../batch.ts";
import type { ImportFormat } from "./importer.ts";
import { lineImporter, type LineFormat } from "./lines/line-importer.ts";
import type { LineKind } from "./lines/line-reader.ts";
import { LONGEST_LINE, NumberedLog, type LoggedAccess } from "./numbered-log.ts";

type JsonObject = Readonly<Record<string, unknown>>;

/** A line that does not follow the form. */
class Unfit extends Error {}

/** Reads objects of the form `portrait inspect -o ndjson` prints, one a line. What else stands in them is passed over. */
class Ndjson implements LineFormat {
  readonly #builder: BatchBuilder;
  readonly #log: NumberedLog;
  #time = 0;

  constructor(builder: BatchBuilder) {
    this.#builder = builder;
    this.#log = new NumberedLog(builder);
  }

  line(text: string): LineKind {
    if (text.trim() === "") return "read";
    try {
      return this.#object(objectOf(text));
    } catch (error) {
      if (error instanceof Unfit) return { bad: error.message };
      throw error;
    }
  }

  #object(object: JsonObject): LineKind {
    const { marker, gap } = object;
    this.#time = integer(object, "time") ?? this.#time;
    if (typeof marker === "string") this.#builder.marker(this.#time, marker);
    else if (isObject(gap)) this.#builder.gap(this.#time, reasonIn(gap), integer(gap, "lost"));
    else return this.#log.access(accessIn(object, this.#time));
    return "read";
  }
}

function accessIn(object: JsonObject, time: number): LoggedAccess {
  const width = widthIn(object);
  const payload = payloadIn(object);
  return {
    seq: integer(object, "seq"),
    time,
    vcpu: integer(object, "vcpu") ?? 0,
    direction: directionIn(object),
    port: required("port", integer(object, "port")),
    width,
    value: required("value", integer(object, "value")),
    count: integer(object, "count") ?? (payload && Math.ceil((8 * payload.length) / width)),
    payload,
  };
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

/** A whole number, or a text such as `0x20`; undefined where the key is missing. */
function integer(object: JsonObject, key: string): number | undefined {
  const given = object[key];
  if (given === undefined) return undefined;
  const value = typeof given === "string" && /^0x[0-9a-f]+$/i.test(given) ? Number(given) : given;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Unfit(`${key}: expected a whole number, or a text such as "0x20"`);
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

function payloadIn({ payload }: JsonObject): Uint8Array | undefined {
  if (payload === undefined) return undefined;
  if (typeof payload === "string" && /^([0-9a-f]{2})+$/i.test(payload)) return Buffer.from(payload, "hex");
  throw new Unfit("payload: expected hexadecimal digits");
}

function reasonIn({ reason }: JsonObject): string {
  if (typeof reason === "string") return reason;
  throw new Unfit("gap.reason: expected a text");
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
  open: (builder, options) => lineImporter(new Ndjson(builder), options, LONGEST_LINE),
};
