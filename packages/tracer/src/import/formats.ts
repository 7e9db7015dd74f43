import type { ImportFormat } from "./importer.ts";
import { kvmPio } from "./kvm-pio.ts";
import { ndjson } from "./ndjson.ts";
import { plainText } from "./plain-text.ts";
import { qemuLog } from "./qemu-log.ts";
import { serialIce } from "./serialice.ts";

/** Every format that can be imported. */
export const importFormats: readonly ImportFormat[] = [qemuLog, kvmPio, serialIce, ndjson, plainText];
