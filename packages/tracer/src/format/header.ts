import { Reader, Writer } from "protobufjs/minimal.js";
import type { DescriptionReference, MachineInventory, TraceInfo } from "../info.ts";
import { readSfixed64, writeSfixed64 } from "../wire/int64.ts";
import { clockNumber, clockOf } from "./clock.ts";

/** Features without which a trace cannot be read, as bits; this version knows none. */
export const KNOWN_CRITICAL_FEATURES = 0;

/** What a decoded FileHeader holds. */
export interface FileHeader {
  readonly criticalFeatures: number;
  readonly info: TraceInfo;
}

/** `info` as a FileHeader message. Lone surrogates in its texts become U+FFFD. */
export function encodeFileHeader(info: TraceInfo): Uint8Array {
  const w = Writer.create();
  w.uint32(2 << 3).uint32(clockNumber(info.clock));
  if (info.startedAt !== undefined) writeSfixed64(w.uint32((3 << 3) | 1), info.startedAt);
  encodeMachine(w.uint32((4 << 3) | 2).fork(), info.machine).ldelim();
  for (const argument of info.command) putText(w, 5, argument);
  if (info.fromReset) w.uint32(6 << 3).bool(true);
  for (const [first, last] of info.ports) {
    w.uint32((7 << 3) | 2).fork();
    w.uint32(1 << 3).uint32(first);
    w.uint32(2 << 3).uint32(last);
    w.ldelim();
  }
  for (const description of info.descriptions) {
    w.uint32((8 << 3) | 2).fork();
    putText(putText(w, 1, description.id), 2, description.sha256);
    if (description.text !== undefined) putText(w, 3, description.text);
    w.ldelim();
  }
  return w.finish();
}

/** Reads a FileHeader message. Throws a plain Error where it is malformed. */
export function decodeFileHeader(bytes: Uint8Array): FileHeader {
  const r = Reader.create(bytes);
  const command: string[] = [];
  const ports: [number, number][] = [];
  const descriptions: DescriptionReference[] = [];
  let criticalFeatures = 0;
  let clock = clockOf(0);
  let startedAt: bigint | undefined;
  let machine = UNKNOWN_MACHINE;
  let fromReset = false;
  while (r.pos < r.len) {
    const tag = r.uint32();
    if (tag === 1 << 3) criticalFeatures = r.uint32();
    else if (tag === 2 << 3) clock = clockOf(r.uint32());
    else if (tag === ((3 << 3) | 1)) startedAt = readSfixed64(r);
    else if (tag === ((4 << 3) | 2)) machine = decodeMachine(Reader.create(r.bytes()));
    else if (tag === ((5 << 3) | 2)) command.push(r.string());
    else if (tag === 6 << 3) fromReset = r.bool();
    else if (tag === ((7 << 3) | 2)) ports.push(decodeRange(Reader.create(r.bytes())));
    else if (tag === ((8 << 3) | 2)) descriptions.push(decodeDescription(Reader.create(r.bytes())));
    else r.skipType(tag & 7);
  }
  return { criticalFeatures, info: { clock, startedAt, machine, command, fromReset, ports, descriptions } };
}

/** What is said of a machine nothing is known of. */
const UNKNOWN_MACHINE: MachineInventory = {
  engine: "",
  engineVersion: "",
  guest: "",
  host: "",
  decodesAliases: false,
};

/** What is said of a trace whose file header is lost. */
export const UNKNOWN_INFO: TraceInfo = {
  clock: "us",
  startedAt: undefined,
  machine: UNKNOWN_MACHINE,
  command: [],
  fromReset: false,
  ports: [],
  descriptions: [],
};

/** Appends a string field. */
export function putText(w: Writer, field: number, text: string): Writer {
  return w.uint32((field << 3) | 2).bytes(Buffer.from(text, "utf8"));
}

function encodeMachine(w: Writer, machine: MachineInventory): Writer {
  putText(w, 1, machine.engine);
  putText(w, 2, machine.engineVersion);
  putText(w, 3, machine.guest);
  putText(w, 4, machine.host);
  return w.uint32(5 << 3).bool(machine.decodesAliases);
}

function decodeMachine(r: Reader): MachineInventory {
  const texts = ["", "", "", "", ""];
  let decodesAliases = false;
  while (r.pos < r.len) {
    const tag = r.uint32();
    const field = tag >>> 3;
    if ((tag & 7) === 2 && field >= 1 && field <= 4) texts[field] = r.string();
    else if (tag === 5 << 3) decodesAliases = r.bool();
    else r.skipType(tag & 7);
  }
  const [, engine = "", engineVersion = "", guest = "", host = ""] = texts;
  return { engine, engineVersion, guest, host, decodesAliases };
}

function decodeRange(r: Reader): [number, number] {
  let first = 0;
  let last = 0;
  while (r.pos < r.len) {
    const tag = r.uint32();
    if (tag === 1 << 3) first = r.uint32();
    else if (tag === 2 << 3) last = r.uint32();
    else r.skipType(tag & 7);
  }
  if (first > last || last > 0xffff) throw new RangeError(`port range ${first} to ${last}`);
  return [first, last];
}

function decodeDescription(r: Reader): DescriptionReference {
  let id = "";
  let sha256 = "";
  let text: string | undefined;
  while (r.pos < r.len) {
    const tag = r.uint32();
    if (tag === ((1 << 3) | 2)) id = r.string();
    else if (tag === ((2 << 3) | 2)) sha256 = r.string();
    else if (tag === ((3 << 3) | 2)) text = r.string();
    else r.skipType(tag & 7);
  }
  return { id, sha256, text };
}
