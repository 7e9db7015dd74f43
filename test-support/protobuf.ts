import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Available } from "./available.ts";
import { program } from "./program.ts";
import { PYTHON, pythonWith } from "./python.ts";

/** Decodes messages with Google's implementation, which is not ours: gives the message as JSON has it. */
export type ProtobufDecoder = (proto: URL, message: string, bytes: Uint8Array) => unknown;

/** Google's protobuf for Python, and its compiler. */
export function protobufDecoder(): Available<ProtobufDecoder> {
  const compiler = program("protoc");
  if (!compiler.available) return compiler;
  const python = pythonWith("google.protobuf");
  return python.available ? { available: true, value: decode } : python;
}

function decode(proto: URL, message: string, bytes: Uint8Array): unknown {
  const script = fileURLToPath(new URL("./decode-protobuf.py", import.meta.url));
  const options = { input: bytes, maxBuffer: 1 << 28, encoding: "utf8" } as const;
  const { status, stdout, stderr } = spawnSync(PYTHON, [script, fileURLToPath(proto), message], options);
  if (status !== 0) throw new Error(`the message could not be decoded: ${stderr}`);
  return JSON.parse(stdout);
}
