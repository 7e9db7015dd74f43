import type { ChalkInstance } from "chalk";
import type { Finding, FuzzFailure, FuzzReport } from "@portrait/vmm";
import { count, hex, plural } from "../output/numbers.ts";
import { table } from "../output/table.ts";
import { scriptOf } from "./fuzz-script.ts";

const SHOWN_FINDINGS = 8;

/** A report as lines for people. */
export function fuzzText(report: FuzzReport, colors: ChalkInstance): string[] {
  return [
    ...report.denied.flatMap((device) => [`${device} is there, but by its description's absent: it is not`, ""]),
    ...report.failures.flatMap((failure, i) => [...failureLines(report, failure, i + 1, colors), ""]),
    ...summary(report, colors),
    ...section("Differ for a documented reason", [...report.unreachable], ([path, { why, cases }]) => [
      path,
      plural(cases, "case"),
      why,
    ]),
    ...section("Not known after some cases, their devices not compared then", [...report.unknown], ([what, cases]) => [
      what,
      plural(cases, "case"),
    ]),
    ...section("Left out", [...report.excluded], ([why, times]) => [why, plural(times, "access", "accesses")]),
    ...section("No case moved", report.fields.notMoved, (path) => [path]),
  ];
}

function summary(report: FuzzReport, { bold }: ChalkInstance): string[] {
  const { devices, qemu, seed, cases, failed, notCompared, accesses, planSteps, readsChecked, fields } = report;
  const rows: [string, string][] = [
    ["cases", count(cases)],
    ["failed", count(failed)],
    ["not wholly compared", count(notCompared)],
    ["accesses", count(accesses)],
    ["steps of their plans", count(planSteps)],
    ["reads foretold", count(readsChecked)],
    ["fields of the devices", `${count(fields.compared)}, of which ${count(fields.moved)} moved`],
  ];
  return [
    bold(`${devices.join(", ")}, seed ${seed}, QEMU ${qemu}`),
    ...table(
      rows.map((row) => ["", ...row]),
      ["left", "left", "left"],
    ),
  ];
}

function section<T>(title: string, items: readonly T[], cells: (item: T) => readonly string[]): string[] {
  if (items.length === 0) return [];
  const rows = items.map((item) => ["", ...cells(item)]);
  return ["", title, ...table(rows, ["left", "left", "left", "left"])];
}

function failureLines(
  report: FuzzReport,
  failure: FuzzFailure,
  number: number,
  { bold, red }: ChalkInstance,
): string[] {
  const { case: seen, times, from, trial } = failure;
  const findings = trial.findings.map(findingText);
  const more = findings.length - SHOWN_FINDINGS;
  return [
    bold(
      `Failure ${number}: case ${seen}, ${plural(times, "case")} like it, shrunk from ${from} to ${plural(trial.accesses.length, "access", "accesses")}`,
    ),
    ...findings.slice(0, SHOWN_FINDINGS).map((text) => `  ${red(text)}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
    ...scriptOf(report, failure),
  ];
}

function findingText(finding: Finding): string {
  switch (finding.kind) {
    case "field": {
      const { path, source, destination } = finding;
      return `${path}: ${String(source)} by the accesses, ${String(destination)} by their plan`;
    }
    case "read": {
      const { register, at, expected, actual, mask } = finding;
      return `access ${at} reads ${register}: ${hex(actual)}, not ${hex(expected)} (in the bits ${hex(mask)})`;
    }
    case "unknown":
      return `${finding.register} is not known, though every access was seen: ${finding.reason}`;
    case "danger":
      return `a write that must not be repeated is in the plan: ${finding.what}`;
    case "machine":
      return `${finding.event} of the whole machine, by the ${finding.by}`;
  }
}
