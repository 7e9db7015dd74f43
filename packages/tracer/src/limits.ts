/** Bytes of a chunk before compression, at the most. */
export const MAX_CHUNK_BYTES = 4 << 20;

/** Accesses in a chunk, at the most. */
export const MAX_CHUNK_ACCESSES = 1 << 20;

/** Distinct ops (port, kind, vcpu) in a chunk, at the most. */
export const MAX_CHUNK_OPS = 65_536;

/** Markers and gaps in a chunk, at the most, together. */
export const MAX_CHUNK_REMARKS = 65_536;

/** Bytes of a file header, at the most. */
export const MAX_HEADER_BYTES = 4 << 20;

/** Bytes of an index, at the most: enough for about 10¹⁰ accesses. */
export const MAX_INDEX_BYTES = 64 << 20;

/** Bytes of one string access's payload, at the most; longer instructions are recorded as several accesses. */
export const MAX_PAYLOAD_BYTES = 1 << 20;

/** UTF-8 bytes of a marker's text or a gap's reason, at the most. */
export const MAX_TEXT_BYTES = 65_536;

/** UTF-8 bytes of an anchor, at the most. */
export const MAX_ANCHOR_BYTES = 3 << 20;

/** Accesses after which the writer ends a chunk. */
export const CHUNK_ACCESSES = 16_384;

/** Bytes before compression, times not counted, after which the writer ends a chunk. */
export const CHUNK_BYTES = 65_536;
