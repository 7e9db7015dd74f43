import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { builtinDescriptions, loadDescription } from "@portrait/classifier";
import { root } from "./run.mjs";

/** Where the figures of the fuzzer's last runs are: by device, of the description whose hash they name. */
export const FUZZ_RESULTS = join(root, "docs/fuzz-results.json");

/** The devices that come with Portrait, each with the hash of its description's text and of what that extends. */
export function describedDevices() {
  const all = builtinDescriptions();
  const textOf = ({ text }) => {
    const id = /^extends: (.*)$/m.exec(text)?.[1];
    return id === undefined ? text : text + textOf(all.find((other) => other.text.startsWith(`id: ${id}\n`)));
  };
  return all.map((one) => ({
    device: loadDescription(one.text, one.file, all),
    sha256: createHash("sha256").update(textOf(one)).digest("hex"),
  }));
}

/** The key of a device type's figures; `board`: those of a board that was asked for. */
export function resultOf(id, board) {
  return board === undefined ? id : `${id} on ${board}`;
}

/** The last figures of the fuzzer, by {@link resultOf}. */
export function fuzzResults() {
  return JSON.parse(readFileSync(FUZZ_RESULTS, "utf8"));
}
