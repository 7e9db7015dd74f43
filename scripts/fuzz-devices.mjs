// Tries the device types whose ids are given, or all of them, each alone, and writes what came of it into docs/fuzz-results.json.
// node scripts/fuzz-devices.mjs [--cases N] [--seed N] [--board NAME] [ID…]
import { existsSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { describedDevices, FUZZ_RESULTS, fuzzResults, resultOf } from "./lib/library.mjs";
import { fail, outputOf } from "./lib/run.mjs";

const { values, positionals } = parseArgs({
  options: {
    cases: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    board: { type: "string" },
  },
  allowPositionals: true,
});

const all = describedDevices();
const unknown = positionals.find((id) => !all.some(({ device }) => device.id === id));
if (unknown !== undefined) fail(`fuzz-devices: there is no device type ${unknown}`);

/** What the fuzzer says of a device type; exit code 1 says that cases failed, and any other that it could not go on. */
function fuzz(id) {
  const board = values.board === undefined ? [] : ["--board", values.board];
  const args = ["devices", "fuzz", id, "--cases", values.cases, "--seed", values.seed, ...board, "-o", "json"];
  const command = [process.execPath, "packages/cli/bin/portrait.js", ...args];
  const output = outputOf("sh", ["-c", '"$@" || test $? = 1', "sh", ...command]);
  return output === undefined ? undefined : JSON.parse(output);
}

/** What is kept of a report: what the table shows, and what it takes to have the same again. */
function kept({
  devices,
  qemu,
  seed,
  cases,
  failed,
  notCompared,
  readsChecked,
  failures,
  fields,
  unreachable,
  unknown,
}) {
  return {
    qemu,
    seed,
    cases,
    failed,
    notCompared,
    readsChecked,
    devices,
    fields,
    unreachable: unreachable.map(({ path }) => path),
    unknown,
    failures: failures.map(({ case: number, times, findings }) => ({
      case: number,
      times,
      findings: [...new Set(findings.map(findingText))],
    })),
  };
}

function findingText({ kind, path, register, what, event }) {
  return `${kind} ${path ?? register ?? what ?? event}`;
}

const results = existsSync(FUZZ_RESULTS) ? fuzzResults() : {};
for (const { device, sha256 } of all) {
  if (positionals.length > 0 && !positionals.includes(device.id)) continue;
  const report = fuzz(device.id);
  results[resultOf(device.id, values.board)] = {
    sha256,
    ...(report === undefined ? { brokenOff: true } : kept(report)),
  };
  console.error(
    `${device.id}: ${report === undefined ? "broken off" : `${report.cases} cases, ${report.failed} failed`}`,
    ...(report?.denied ?? []).map((name) => `(by its description ${name} is absent)`),
  );
  const sorted = Object.entries(results).sort(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(FUZZ_RESULTS, `${JSON.stringify(Object.fromEntries(sorted), undefined, 2)}\n`);
}
