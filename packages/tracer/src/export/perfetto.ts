import { Writer } from "protobufjs/minimal.js";
import { writeUint64 } from "../wire/int64.ts";

// Field numbers of perfetto's published schema, protos/perfetto/trace/perfetto_trace.proto.
const TRACE = { packet: 1 } as const;
const PACKET = {
  timestamp: 8,
  sequenceId: 10,
  trackEvent: 11,
  internedData: 12,
  sequenceFlags: 13,
  trackDescriptor: 60,
};
const TRACK = { uuid: 1, name: 2, parentUuid: 5, childOrdering: 11 } as const;
const EVENT = { annotations: 4, type: 9, nameIid: 10, trackUuid: 11 } as const;
const ANNOTATION = { nameIid: 1, uint: 3, pointer: 7, dictEntries: 11, stringIid: 17 } as const;
/** Names, and texts of annotations: InternedData has a field for each, of entries with an id and a text. */
const INTERNED = { eventNames: 2, annotationNames: 3, annotationTexts: 29 } as const;
const ENTRY = { iid: 1, text: 2 } as const;

const LEXICOGRAPHIC = 1;
const INSTANT = 3;
const STATE_CLEARED = 1;
const NEEDS_STATE = 2;
/** All packets are of one sequence. */
const SEQUENCE = 1;

/** Texts that are known by number, after which all are forgotten, so that memory does not grow with the trace. */
const MOST_INTERNED = 16_384;

/** What an event is annotated with: a number, an address shown in hexadecimal, a text, or named values. */
export type PerfettoValue = number | string | { readonly hex: number } | PerfettoAnnotations;

/** Names and values, in order. */
export type PerfettoAnnotations = readonly (readonly [name: string, value: PerfettoValue])[];

const varint = (field: number): number => field << 3;
const bytes = (field: number): number => (field << 3) | 2;

/** Texts of one kind that readers know by number. */
class Interned {
  readonly field: number;
  readonly #ids = new Map<string, number>();
  /** Numbers and texts that the next packet has to tell. */
  fresh: [id: number, text: string][] = [];

  constructor(field: number) {
    this.field = field;
  }

  get size(): number {
    return this.#ids.size;
  }

  id(text: string): number {
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    const id = this.#ids.size + 1;
    this.#ids.set(text, id);
    this.fresh.push([id, text]);
    return id;
  }

  clear(): void {
    this.#ids.clear();
  }
}

/** Writes instants on named tracks as a native Perfetto trace: a stream of packets that stays valid wherever it is cut between two. */
export class PerfettoWriter {
  readonly #names = new Interned(INTERNED.eventNames);
  readonly #annotationNames = new Interned(INTERNED.annotationNames);
  readonly #texts = new Interned(INTERNED.annotationTexts);
  readonly #interned = [this.#names, this.#annotationNames, this.#texts];
  #writer = Writer.create();
  readonly #mostInterned: number;
  #tracks = 0;
  #cleared = true;

  constructor(options: { readonly mostInterned?: number } = {}) {
    this.#mostInterned = options.mostInterned ?? MOST_INTERNED;
  }

  /** Begins a track, below `parent` where given; its number is for {@link instant} and for tracks below it. */
  track(name: string, parent?: number): number {
    const uuid = ++this.#tracks;
    const w = this.#packet(0);
    w.uint32(bytes(PACKET.trackDescriptor)).fork();
    w.uint32(varint(TRACK.uuid)).uint32(uuid);
    w.uint32(bytes(TRACK.name)).string(name);
    if (parent !== undefined) w.uint32(varint(TRACK.parentUuid)).uint32(parent);
    w.uint32(varint(TRACK.childOrdering)).uint32(LEXICOGRAPHIC);
    w.ldelim().ldelim();
    return uuid;
  }

  /** Puts an event without a duration on a track. `time` in nanoseconds. */
  instant(time: number, track: number, name: string, annotations: PerfettoAnnotations): void {
    if (this.#interned.some(({ size }) => size >= this.#mostInterned)) this.#forget();
    const flags = this.#cleared ? STATE_CLEARED | NEEDS_STATE : NEEDS_STATE;
    this.#cleared = false;
    const w = this.#packet(flags);
    writeUint64(w.uint32(varint(PACKET.timestamp)), time);
    w.uint32(bytes(PACKET.trackEvent)).fork();
    w.uint32(varint(EVENT.type)).uint32(INSTANT);
    w.uint32(varint(EVENT.nameIid)).uint32(this.#names.id(name));
    w.uint32(varint(EVENT.trackUuid)).uint32(track);
    this.#annotate(EVENT.annotations, annotations);
    w.ldelim();
    this.#tell();
    w.ldelim();
  }

  /** Bytes that have come together and were not taken. */
  get pending(): number {
    return this.#writer.len;
  }

  /** Takes what has come together: whole packets. */
  take(): Uint8Array {
    const taken = this.#writer.finish();
    this.#writer = Writer.create();
    return taken;
  }

  #packet(flags: number): Writer {
    const w = this.#writer.uint32(bytes(TRACE.packet)).fork();
    w.uint32(varint(PACKET.sequenceId)).uint32(SEQUENCE);
    if (flags !== 0) w.uint32(varint(PACKET.sequenceFlags)).uint32(flags);
    return w;
  }

  #annotate(field: number, annotations: PerfettoAnnotations): void {
    const w = this.#writer;
    for (const [name, value] of annotations) {
      w.uint32(bytes(field)).fork();
      w.uint32(varint(ANNOTATION.nameIid)).uint32(this.#annotationNames.id(name));
      if (typeof value === "number") writeUint64(w.uint32(varint(ANNOTATION.uint)), value);
      else if (typeof value === "string") w.uint32(varint(ANNOTATION.stringIid)).uint32(this.#texts.id(value));
      else if ("hex" in value) writeUint64(w.uint32(varint(ANNOTATION.pointer)), value.hex);
      else this.#annotate(ANNOTATION.dictEntries, value);
      w.ldelim();
    }
  }

  /** Tells what texts the packet uses for the first time. */
  #tell(): void {
    const w = this.#writer;
    if (this.#interned.every(({ fresh }) => fresh.length === 0)) return;
    w.uint32(bytes(PACKET.internedData)).fork();
    for (const kind of this.#interned) {
      for (const [id, text] of kind.fresh) {
        w.uint32(bytes(kind.field)).fork();
        w.uint32(varint(ENTRY.iid)).uint32(id);
        w.uint32(bytes(ENTRY.text)).string(text);
        w.ldelim();
      }
      kind.fresh = [];
    }
    w.ldelim();
  }

  #forget(): void {
    for (const kind of this.#interned) kind.clear();
    this.#cleared = true;
  }
}
