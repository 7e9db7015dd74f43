import { readFileSync } from "node:fs";

/** Bytes of one of our own guests, by its name in fixtures/guests: `ticker`, `criterion-port`. */
export function guestImage(name: string): Uint8Array {
  return readFileSync(new URL(`../fixtures/guests/${name}.bin`, import.meta.url));
}
