import { z } from "zod";
import type { DumpComparison } from "./compare-pairs.ts";
import { FRAME, type FrameReader } from "./frames.ts";
import { MigrationError } from "./errors.ts";
import { parse } from "./image.ts";

const REHEARSALS = 8;

const value = z.union([z.number(), z.string(), z.boolean(), z.null()]).optional();

/** What a destination says of the guest it built. */
export const resultSchema = z.object({
  comparison: z.object({
    fields: z.int(),
    equal: z.int(),
    unreachable: z.array(z.object({ path: z.string(), source: value, destination: value, why: z.string() })),
    different: z.array(z.object({ path: z.string(), source: value, destination: value, why: z.string().optional() })),
    devices: z.array(
      z.object({ device: z.string(), fields: z.int(), equal: z.int(), unreachable: z.int(), different: z.int() }),
    ),
  }),
  /** Milliseconds the plan took. */
  replayMs: z.number(),
  drained: z.int(),
});

/** {@link resultSchema} as a type. */
export interface DestinationResult {
  readonly comparison: DumpComparison;
  readonly replayMs: number;
  readonly drained: number;
}

/** Reads a made-up result until the code that does is fast: a guest will stand still while the real one is read. */
export function rehearseResult(): void {
  const field = { path: "device[0].field", source: 0, destination: "00", why: "rehearsed" };
  const device = { device: "device[0]", fields: 1, equal: 0, unreachable: 1, different: 0 };
  const comparison = {
    ...{ fields: 64, equal: 0, different: [] },
    unreachable: Array.from({ length: 64 }, () => field),
    devices: Array.from({ length: 32 }, () => device),
  };
  const payload = Buffer.from(JSON.stringify({ comparison, replayMs: 0, drained: 0 } satisfies DestinationResult));
  for (let i = 0; i < REHEARSALS; i++) parse(resultSchema, payload, "comparison");
}

const refusedSchema = z.object({ reason: z.string() });

/** The next frame of the handshake; a refusal becomes an error. */
export async function expectAnswer(
  reader: FrameReader,
  type: number,
  what: string,
  limitMs: number,
): Promise<Uint8Array> {
  const frame = await reader.read(what, limitMs);
  if (frame.type === FRAME.refused) {
    throw new MigrationError(
      "DECLINED",
      `the destination refused: ${parse(refusedSchema, frame.payload, "refusal").reason}`,
    );
  }
  if (frame.type !== type)
    throw new MigrationError("FORMAT", `a frame of type ${frame.type} where ${what} was expected`);
  return frame.payload;
}
