import type { BodyPiece, GuestBody } from "../machine.ts";
import type { CpuAndMemory } from "./cpu-state.ts";
import { V86Error } from "./errors.ts";

const PAGE = 4096;
/** Bytes of memory in one piece. */
const PIECE = 1 << 20;

/** CPU and memory in pieces: the pages that are not all zeros, each run after the number of its first page; then the CPU. */
export function* bodyPieces({ cpu, memory }: Pick<CpuAndMemory, "cpu" | "memory">): Generator<BodyPiece> {
  for (const { page, bytes } of usedRuns(memory)) {
    const head = Buffer.alloc(4);
    head.writeUInt32LE(page);
    yield { kind: "memory", parts: [head, bytes] };
  }
  yield { kind: "cpu", parts: [cpu] };
}

/** CPU and memory from their pieces. @throws V86Error V86_STATE where they do not fit or the CPU is missing. */
export async function collectBody(body: GuestBody, memorySize: number): Promise<Pick<CpuAndMemory, "cpu" | "memory">> {
  const memory = new Uint8Array(memorySize);
  let cpu: Uint8Array | undefined;
  for await (const { kind, parts } of body) {
    const bytes = Buffer.concat(parts);
    if (kind === "memory") putPages(memory, bytes);
    else if (kind === "cpu") cpu = bytes;
    else throw new V86Error("V86_STATE", "the guest's memory comes in another engine's form");
  }
  if (cpu === undefined) throw new V86Error("V86_STATE", "the guest comes without its CPU");
  return { cpu, memory };
}

function putPages(memory: Uint8Array, piece: Buffer): void {
  const bytes = piece.subarray(4);
  const at = piece.length < 4 ? -1 : piece.readUInt32LE(0) * PAGE;
  if (at < 0 || bytes.length % PAGE !== 0 || at + bytes.length > memory.length) {
    throw new V86Error("V86_STATE", "a part of the guest's memory lies outside the machine's");
  }
  memory.set(bytes, at);
}

function* usedRuns(memory: Uint8Array): Generator<{ readonly page: number; readonly bytes: Uint8Array }> {
  let start = -1;
  for (let at = 0; at <= memory.length; at += PAGE) {
    const used = at < memory.length && !isZero(memory, at, PAGE);
    if (start >= 0 && (!used || at - start >= PIECE)) {
      yield { page: start / PAGE, bytes: memory.subarray(start, at) };
      start = -1;
    }
    if (used && start < 0) start = at;
  }
}

function isZero(memory: Uint8Array, at: number, length: number): boolean {
  const words = new Uint32Array(memory.buffer, memory.byteOffset + at, length / 4);
  for (const word of words) if (word !== 0) return false;
  return true;
}
