/** Numbers of the fields of a Chunk; trace.proto says what they hold. */
export const FIELD = {
  firstSeq: 1,
  baseTime: 2,
  count: 3,
  clock: 4,
  criticalFeatures: 5,
  opPort: 6,
  opKind: 7,
  opVcpu: 8,
  op: 9,
  valueEncoding: 10,
  values: 11,
  stringCount: 12,
  stringObserved: 13,
  stringPayload: 14,
  timeDelta: 15,
  wideTimeDelta: 16,
  marker: 17,
  gap: 18,
  anchor: 19,
} as const;

/** A time delta that stands in wide_time_delta instead. */
export const WIDE = 0xffffffff;

/** First byte of a chunk frame's content: field 1 of Trace. */
export const CHUNK_TAG = (1 << 3) | 2;
