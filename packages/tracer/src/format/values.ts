/** All values are low-to-high byte planes. */
export const RAW = 0;

/** One value for all. */
export const CONST = 1;

/** As {@link RAW}, of the differences. */
export const DELTA = 2;

/** The encoding under which `count` values from `start` on are likely to compress best. */
export function chooseEncoding(values: Uint32Array, start: number, count: number): number {
  let repeats = 0;
  let steps = 0;
  let previous = values[start] ?? 0;
  let stride = 0;
  for (let i = start + 1; i < start + count; i++) {
    const value = values[i] ?? 0;
    const difference = (value - previous) | 0;
    if (difference === 0) repeats++;
    else if (difference === stride) steps++;
    stride = difference;
    previous = value;
  }
  if (repeats === count - 1) return CONST;
  return steps * 2 > count ? DELTA : RAW;
}

/** Writes a stream of `count` values of `bytes` bytes each; gives the position after it. */
export function putValues(
  output: Uint8Array,
  position: number,
  values: Uint32Array,
  start: number,
  count: number,
  bytes: number,
  encoding: number,
): number {
  const length = encoding === CONST ? 1 : count;
  let p = position;
  for (let plane = 0; plane < bytes; plane++) {
    const shift = plane * 8;
    let previous = 0;
    for (let i = start; i < start + length; i++) {
      const value = values[i] ?? 0;
      output[p++] = (encoding === DELTA ? value - previous : value) >>> shift;
      previous = value;
    }
  }
  return p;
}

/** Bytes a stream of `count` values of `bytes` bytes each takes. */
export function streamLength(count: number, bytes: number, encoding: number): number {
  return encoding === CONST ? bytes : count * bytes;
}

/** Reads a stream that {@link putValues} wrote at `position` into `values` from `start` on. `count` is at least 1. */
export function takeValues(
  input: Uint8Array,
  position: number,
  values: Uint32Array,
  start: number,
  count: number,
  bytes: number,
  encoding: number,
): void {
  const length = encoding === CONST ? 1 : count;
  let p = position;
  for (let i = start; i < start + length; i++) values[i] = input[p++] ?? 0;
  for (let plane = 1; plane < bytes; plane++) {
    const shift = plane * 8;
    for (let i = start; i < start + length; i++) values[i] = (values[i] ?? 0) | ((input[p++] ?? 0) << shift);
  }
  if (encoding === CONST) values.fill(values[start] ?? 0, start, start + count);
  else if (encoding === DELTA) sumUp(values, start, count, bytes === 4 ? 0xffffffff : 2 ** (8 * bytes) - 1);
}

function sumUp(values: Uint32Array, start: number, count: number, mask: number): void {
  let value = 0;
  for (let i = start; i < start + count; i++) {
    value = (value + (values[i] ?? 0)) & mask;
    values[i] = value;
  }
}
