import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const SCRIPT = fileURLToPath(new URL("../../../scripts/device-table.mjs", import.meta.url));
const PAGE = new URL("../../../docs/devices.md", import.meta.url);

test("docs/devices.md is what the descriptions and the fuzzer's last figures give (node scripts/device-table.mjs > docs/devices.md)", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT], { encoding: "utf8", maxBuffer: 1 << 24 });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toBe(readFileSync(PAGE, "utf8"));
});
