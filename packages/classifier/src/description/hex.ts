/** `0x2f`; at least two digits, so that bytes line up. */
export function hex(value: number): string {
  return `0x${(value >>> 0).toString(16).padStart(2, "0")}`;
}
