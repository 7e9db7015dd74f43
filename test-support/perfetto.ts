import type { ProtobufDecoder } from "./protobuf.ts";

/** An annotation of an event: whole numbers, texts, or named values. */
export interface ReadAnnotations {
  readonly [name: string]: number | string | ReadAnnotations;
}

/** An instant of a Perfetto trace, with all that stands elsewhere in the trace looked up. */
export interface ReadInstant {
  readonly time: number;
  /** Names of its track and of those above it, outermost first. */
  readonly track: readonly string[];
  readonly name: string;
  readonly annotations: ReadAnnotations;
}

type Entry = { readonly iid: string; readonly name?: string; readonly str?: string };
type Annotation = {
  readonly name_iid: string;
  readonly uint_value?: string;
  readonly pointer_value?: string;
  readonly string_value_iid?: string;
  readonly dict_entries?: readonly Annotation[];
};
type Packet = {
  readonly timestamp?: string;
  readonly sequence_flags?: number;
  readonly track_descriptor?: { readonly uuid: string; readonly name: string; readonly parent_uuid?: string };
  readonly track_event?: {
    readonly track_uuid: string;
    readonly name_iid: string;
    readonly debug_annotations?: readonly Annotation[];
  };
  readonly interned_data?: {
    readonly event_names?: readonly Entry[];
    readonly debug_annotation_names?: readonly Entry[];
    readonly debug_annotation_string_values?: readonly Entry[];
  };
};

const STATE_CLEARED = 1;
const NEEDS_STATE = 2;

/** Reads a Perfetto trace the way its schema says: what a number stands for is forgotten where the writer says so. */
export function readPerfetto(decode: ProtobufDecoder, bytes: Uint8Array): ReadInstant[] {
  const { packet = [] } = decode(new URL("./perfetto.proto", import.meta.url), "perfetto.protos.Trace", bytes) as {
    packet?: readonly Packet[];
  };
  const tracks = new Map<string, readonly string[]>();
  const texts = {
    names: new Map<string, string>(),
    keys: new Map<string, string>(),
    values: new Map<string, string>(),
  };
  const instants: ReadInstant[] = [];
  for (const one of packet) {
    if (((one.sequence_flags ?? 0) & STATE_CLEARED) !== 0) for (const table of Object.values(texts)) table.clear();
    const {
      event_names = [],
      debug_annotation_names = [],
      debug_annotation_string_values = [],
    } = one.interned_data ?? {};
    for (const { iid, name = "" } of event_names) tell(texts.names, iid, name);
    for (const { iid, name = "" } of debug_annotation_names) tell(texts.keys, iid, name);
    for (const { iid, str = "" } of debug_annotation_string_values) {
      tell(texts.values, iid, Buffer.from(str, "base64").toString());
    }
    const { track_descriptor: track, track_event: event } = one;
    if (track !== undefined) {
      const above = track.parent_uuid === undefined ? [] : known(tracks, track.parent_uuid);
      tracks.set(track.uuid, [...above, track.name]);
    }
    if (event !== undefined) {
      if (((one.sequence_flags ?? 0) & NEEDS_STATE) === 0)
        throw new Error("an event does not say that it needs what was told");
      instants.push({
        time: Number(one.timestamp),
        track: known(tracks, event.track_uuid),
        name: known(texts.names, event.name_iid),
        annotations: annotationsOf(event.debug_annotations ?? [], texts),
      });
    }
  }
  return instants;
}

function annotationsOf(
  annotations: readonly Annotation[],
  texts: { readonly keys: ReadonlyMap<string, string>; readonly values: ReadonlyMap<string, string> },
): ReadAnnotations {
  return Object.fromEntries(
    annotations.map(({ name_iid, uint_value, pointer_value, string_value_iid, dict_entries = [] }) => {
      const number = uint_value ?? pointer_value;
      const text = string_value_iid === undefined ? undefined : known(texts.values, string_value_iid);
      const value = number === undefined ? (text ?? annotationsOf(dict_entries, texts)) : Number(number);
      return [known(texts.keys, name_iid), value];
    }),
  );
}

function tell(table: Map<string, string>, id: string, text: string): void {
  if (table.has(id))
    throw new Error(`the trace tells ${id} a second time, and has not said that the first is forgotten`);
  table.set(id, text);
}

function known<T>(table: ReadonlyMap<string, T>, id: string): T {
  const value = table.get(id);
  if (value === undefined) throw new Error(`the trace refers to ${id}, which it has not told`);
  return value;
}
