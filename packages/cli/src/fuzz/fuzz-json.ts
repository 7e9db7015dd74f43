import { scriptLine } from "@portrait/replayer";
import type { Finding, FuzzFailure, FuzzReport } from "@portrait/vmm";
import { hex } from "../output/numbers.ts";
import { scriptOf } from "./fuzz-script.ts";

/** A report as `portrait devices fuzz -o json` prints it. */
export function fuzzJson(report: FuzzReport): Record<string, unknown> {
  const {
    devices,
    denied,
    command,
    qemu,
    seed,
    cases,
    accesses,
    planSteps,
    readsChecked,
    failed,
    notCompared,
    fields,
  } = report;
  return {
    devices,
    denied,
    command,
    qemu,
    seed,
    cases,
    accesses,
    planSteps,
    readsChecked,
    failed,
    notCompared,
    failures: report.failures.map((failure) => failureJson(report, failure)),
    fields,
    unreachable: [...report.unreachable].map(([path, { why, cases: times }]) => ({ path, why, cases: times })),
    unknown: [...report.unknown].map(([register, times]) => ({ register, cases: times })),
    excluded: [...report.excluded].map(([why, times]) => ({ why, accesses: times })),
  };
}

function failureJson(report: FuzzReport, failure: FuzzFailure): Record<string, unknown> {
  const { case: number, times, from, trial } = failure;
  return {
    case: number,
    times,
    shrunkFrom: from,
    accesses: trial.accesses.map(scriptLine),
    findings: trial.findings.map(findingJson),
    script: scriptOf(report, failure),
  };
}

function findingJson(finding: Finding): Record<string, unknown> {
  if (finding.kind !== "read") return finding;
  const { kind, register, at, expected, actual, mask } = finding;
  return { kind, register, at, expected: hex(expected), actual: hex(actual), mask: hex(mask) };
}
