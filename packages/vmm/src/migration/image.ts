import type { Plan } from "@portrait/replayer";
import { z } from "zod";
import type { BodyPiece, GuestSource } from "../machine.ts";
import { MigrationError } from "./errors.ts";
import { FRAME, type Frame, type FrameReader, type FrameWriter } from "./frames.ts";

/** Version of the image format. */
const IMAGE_VERSION = 2;
const PAGE = 4096;
const MEMORY_LIMIT = 2 ** 40;
/** How long the next frame of an image may take to come. */
export const FRAME_LIMIT_MS = 30_000;

const port = z.int().min(0).max(0xffff);
const word = z.int().min(0).max(0xffffffff);
const width = z.union([z.literal(8), z.literal(16), z.literal(32)]);
const reason = {
  device: z.string(),
  register: z.string(),
  from: z.array(z.int().min(0)),
  why: z.string(),
  risk: z.enum(["safe", "care", "danger"]),
};

const planSchema = z.object({
  steps: z.array(
    z.discriminatedUnion("op", [
      z.object({ op: z.literal("out"), port, width, value: word, ...reason }),
      z.object({
        op: z.literal("in"),
        port,
        width,
        expect: z.object({ mask: word, value: word }).optional(),
        ...reason,
      }),
      z.object({
        ...{ op: z.literal("drain"), status: port, mask: word, busy: word.default(0) },
        ...{ port, width: width.default(8), limit: z.int().min(1).max(256), ...reason },
      }),
    ]),
  ),
  interrupts: z.array(z.object({ irq: z.int().min(0).max(15), device: z.string(), why: z.string() })).default([]),
  unknown: z.array(z.object({ device: z.string(), register: z.string(), reason: z.string() })),
  unreachable: z.array(z.object({ device: z.string(), what: z.string(), reason: z.string() })),
  counts: z.object({ accesses: z.int().min(0), kept: z.int().min(0), steps: z.int().min(0) }),
});

const helloSchema = z.object({
  version: z.literal(IMAGE_VERSION, "the image is of another version; use the portrait that made it"),
  engine: z.string(),
  engineVersion: z.string(),
  memorySize: z
    .int()
    .min(PAGE)
    .max(MEMORY_LIMIT)
    .refine((size) => size % PAGE === 0),
  guest: z.string(),
  networkCards: z
    .array(z.object({ model: z.string(), place: z.string(), address: z.string(), plugged: z.boolean() }))
    .readonly()
    .optional(),
  runs: z.boolean().optional(),
});

/** What an image says first: what kind of machine it needs. */
export type ImageHello = z.infer<typeof helloSchema>;

/** The hello of a guest. `name` names it for people; `runs`: it goes on while its memory leaves. */
export function helloOf(
  { engine, engineVersion, memorySize, networkCards }: GuestSource,
  name: string,
  { runs }: { readonly runs: boolean } = { runs: false },
): ImageHello {
  return { version: IMAGE_VERSION, engine, engineVersion, memorySize, networkCards, guest: name, runs };
}

/** Writes pieces of CPU and memory. Gives their bytes. */
export async function writePieces(
  writer: FrameWriter,
  pieces: Iterable<BodyPiece> | AsyncIterable<BodyPiece>,
): Promise<number> {
  let bytes = 0;
  for await (const { kind, parts } of pieces) {
    await writer.write(FRAME[kind], ...parts);
    for (const part of parts) bytes += part.length;
  }
  return bytes;
}

/** Writes the plan, which may come between pieces of the body; of several the last one counts. */
export async function writePlan(writer: FrameWriter, plan: Plan): Promise<void> {
  await writer.writeJson(FRAME.plan, plan);
}

/** Writes what ends an image: the dump of the source's device state, and the checksum. */
export async function writeEnd(writer: FrameWriter, source: GuestSource): Promise<void> {
  await writer.write(FRAME.dump, source.deviceDump());
  await writer.writeEnd();
}

/** Reads the first frame of an image. @throws MigrationError FORMAT where it is not one. */
export async function readHello(reader: FrameReader): Promise<ImageHello> {
  const payload = await reader.expect(FRAME.hello, "the start of an image", FRAME_LIMIT_MS);
  return parse(helloSchema, payload, "hello");
}

/** What an image says of the guest's devices. */
export interface ImageDevices {
  readonly plan: Plan;
  /** The source's device state, as its engine dumps it, to be compared with. */
  readonly dump: Uint8Array;
}

const BODY_KINDS = new Map<number, BodyPiece["kind"]>([
  [FRAME.memory, "memory"],
  [FRAME.cpu, "cpu"],
  [FRAME.stream, "stream"],
]);

/** Reads everything of an image after its hello: first the body, then the devices. */
export class ImageReader {
  readonly #reader: FrameReader;
  #plan: Plan | undefined;
  /** The first frame behind the body. */
  #next: Frame | undefined;
  readonly #bodyRead: Promise<void>;
  #endBody: () => void = () => undefined;

  constructor(reader: FrameReader) {
    this.#reader = reader;
    this.#bodyRead = new Promise((resolve) => {
      this.#endBody = resolve;
    });
  }

  /** CPU and memory, as they come. @throws MigrationError FORMAT, PEER, TIMEOUT. */
  async *body(): AsyncGenerator<BodyPiece, void> {
    for (;;) {
      const frame = await this.#read();
      const kind = BODY_KINDS.get(frame.type);
      if (kind !== undefined) yield { kind, parts: [frame.payload] };
      else if (frame.type === FRAME.plan) this.#plan = parse(planSchema, frame.payload, "plan");
      else {
        this.#next = frame;
        this.#endBody();
        return;
      }
    }
  }

  /** What follows the body, once that has been read. @throws MigrationError FORMAT, also where any byte of the image was damaged; PEER, TIMEOUT. */
  async devices(): Promise<ImageDevices> {
    await this.#bodyRead;
    const plan = this.#plan;
    if (plan === undefined) throw new MigrationError("FORMAT", "the image has no plan");
    const dump = await this.#expect(FRAME.dump, "device state");
    await this.#expect(FRAME.end, "end");
    return { plan, dump };
  }

  async #expect(type: number, what: string): Promise<Uint8Array> {
    const frame = this.#next ?? (await this.#read());
    this.#next = undefined;
    if (frame.type !== type) {
      throw new MigrationError("FORMAT", `a frame of type ${frame.type} where the image's ${what} was expected`);
    }
    return frame.payload;
  }

  #read(): Promise<Frame> {
    return this.#reader.read("the next part of the image", FRAME_LIMIT_MS);
  }
}

/** The value in a JSON payload, checked. @throws MigrationError FORMAT. */
export function parse<T>(schema: z.ZodType<T>, payload: Uint8Array, what: string): T {
  try {
    return schema.parse(JSON.parse(Buffer.from(payload).toString()));
  } catch (cause) {
    const message = cause instanceof z.ZodError ? (cause.issues[0]?.message ?? "") : String(cause);
    throw new MigrationError("FORMAT", `the image's ${what} cannot be read: ${message}`, { cause });
  }
}
