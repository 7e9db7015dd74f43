import type { Plan } from "@portrait/replayer";
import { z } from "zod";
import type { CpuAndMemory, DeviceField } from "../machine.ts";
import { MigrationError } from "./errors.ts";
import { FRAME, usedRuns, type FrameReader, type FrameWriter } from "./frames.ts";

/** Version of the image format. */
export const IMAGE_VERSION = 1;
const PAGE = 4096;
const MEMORY_LIMIT = 1 << 30;
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
      z.object({ op: z.literal("in"), port, width, ...reason }),
      z.object({ op: z.literal("drain"), status: port, mask: word, port, limit: z.int().min(1).max(256), ...reason }),
    ]),
  ),
  unknown: z.array(z.object({ device: z.string(), register: z.string(), reason: z.string() })),
  unreachable: z.array(z.object({ device: z.string(), what: z.string(), reason: z.string() })),
  counts: z.object({ accesses: z.int().min(0), kept: z.int().min(0), steps: z.int().min(0) }),
});

const fieldsSchema = z.array(
  z.object({ path: z.string(), value: z.union([z.number(), z.string(), z.boolean(), z.null()]) }),
);

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
});

/** What an image says first: what kind of machine it needs. */
export type ImageHello = z.infer<typeof helloSchema>;

/** A guest taken off its machine. */
export interface GuestImage {
  readonly hello: ImageHello;
  readonly state: CpuAndMemory;
  readonly plan: Plan;
  /** The source's device state, to be compared with. */
  readonly fields: readonly DeviceField[];
}

/** The hello of a guest. `guest` names it for people. */
export function helloOf(state: CpuAndMemory, guest: string): ImageHello {
  const { engine, engineVersion, memory } = state;
  return { version: IMAGE_VERSION, engine, engineVersion, memorySize: memory.length, guest };
}

/** Writes everything of an image after its hello. Gives the bytes of memory that were written. */
export async function writeImageBody(writer: FrameWriter, image: GuestImage): Promise<number> {
  let memoryBytes = 0;
  for (const { page, bytes } of usedRuns(image.state.memory)) {
    const head = Buffer.alloc(4);
    head.writeUInt32LE(page);
    await writer.write(FRAME.memory, head, bytes);
    memoryBytes += bytes.length;
  }
  await writer.write(FRAME.cpu, image.state.cpu);
  await writer.writeJson(FRAME.plan, image.plan);
  await writer.writeJson(FRAME.fields, image.fields);
  await writer.writeEnd();
  return memoryBytes;
}

/** Reads the first frame of an image. @throws MigrationError FORMAT where it is not one. */
export async function readHello(reader: FrameReader): Promise<ImageHello> {
  const payload = await reader.expect(FRAME.hello, "the start of an image", FRAME_LIMIT_MS);
  return parse(helloSchema, payload, "hello");
}

/** Reads everything of an image after its hello. @throws MigrationError FORMAT, PEER, TIMEOUT. */
export async function readImageBody(reader: FrameReader, hello: ImageHello): Promise<GuestImage> {
  const memory = new Uint8Array(hello.memorySize);
  const parts: { cpu?: Uint8Array; plan?: Plan; fields?: DeviceField[] } = {};
  for (;;) {
    const { type, payload } = await reader.read("the next part of the image", FRAME_LIMIT_MS);
    if (type === FRAME.memory) putPages(memory, payload);
    else if (type === FRAME.cpu) parts.cpu = payload;
    else if (type === FRAME.plan) parts.plan = parse(planSchema, payload, "plan");
    else if (type === FRAME.fields) parts.fields = parse(fieldsSchema, payload, "device state");
    else if (type === FRAME.end) break;
    else throw new MigrationError("FORMAT", `a frame of type ${type} inside an image`);
  }
  const { cpu, plan, fields } = parts;
  if (cpu === undefined || plan === undefined || fields === undefined) {
    throw new MigrationError("FORMAT", "the image ends without its CPU, plan or device state");
  }
  const { engine, engineVersion } = hello;
  return { hello, state: { engine, engineVersion, cpu, memory }, plan, fields };
}

function putPages(memory: Uint8Array, payload: Uint8Array): void {
  const bytes = payload.subarray(4);
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const at = payload.length < 4 ? -1 : view.getUint32(0, true) * PAGE;
  if (at < 0 || bytes.length % PAGE !== 0 || at + bytes.length > memory.length) {
    throw new MigrationError("FORMAT", "a part of the image lies outside the guest's memory");
  }
  memory.set(bytes, at);
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
