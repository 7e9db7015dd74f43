import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";

const root = protobuf.loadSync(fileURLToPath(new URL("../proto/portrait/trace/v1/trace.proto", import.meta.url)));

/** A message type of trace.proto, through protobufjs reflection. */
export function messageType(name: string): protobuf.Type {
  return root.lookupType(`portrait.trace.v1.${name}`);
}

/** `bytes` as plain data: enums by name, 64-bit numbers as text, bytes as arrays. */
export function decodeAs(name: string, bytes: Uint8Array): Record<string, unknown> {
  const type = messageType(name);
  return type.toObject(type.decode(bytes), { longs: String, enums: String, bytes: Array });
}

/** Plain data as bytes. Throws where a field does not exist or has another type. */
export function encodeAs(name: string, message: Record<string, unknown>): Uint8Array {
  const type = messageType(name);
  const wrong = type.verify(message) ?? Object.keys(message).find((key) => type.fields[key] === undefined);
  if (wrong !== undefined) throw new Error(`${name}: ${wrong}`);
  return type.encode(type.fromObject(message)).finish();
}
