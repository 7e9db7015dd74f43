// Prints docs/devices.md: what the device library covers, from the descriptions and from the fuzzer's last figures.
// node scripts/device-table.mjs > docs/devices.md
import { describedDevices, fuzzResults, resultOf } from "./lib/library.mjs";

const CRITERIA = ["port", "direction", "data", "state", "preceding"];
const results = fuzzResults();
const library = describedDevices();

const count = (items, test) => items.filter(test).length;
/** A figure of a table's cell; what is not there is easier to see as nothing. */
const cell = (number) => (number === 0 ? "" : String(number));
const text = (value) => value.replaceAll("|", "\\|").replaceAll("\n", " ");

function table(head, rows) {
  return [
    `| ${head.join(" | ")} |`,
    `|${head.map(() => " --- |").join("")}`,
    ...rows.map((row) => `| ${row.join(" | ")} |`),
  ];
}

/** The criteria without which accesses of the device would be taken for others. */
function criteriaOf({ ports, registers, selectors, slots, windows }) {
  const used = new Set(["port"]);
  for (const port of ports) {
    const here = registers.filter((register) => register.port === port);
    if (here.length > 1 && here.some(({ access }) => access !== "RW")) used.add("direction");
  }
  if (registers.some(({ cubes }) => cubes.length > 0)) used.add("data");
  const guards = registers.flatMap(({ readGuards, writeGuards }) => [...readGuards, ...writeGuards]);
  const deciding = [
    ...guards.map(({ selector }) => selectors[selector]),
    ...[...slots, ...windows].flatMap(({ key }) => key),
  ];
  for (const { kind } of deciding) used.add(kind);
  return CRITERIA.filter((name) => used.has(name)).join(", ");
}

function registersRow({ device }) {
  const { id, title, instances, registers } = device;
  return [
    `[${id}](#${id})`,
    text(title),
    cell(instances.length),
    ...["RO", "WO", "RW"].map((access) => cell(count(registers, (one) => one.access === access))),
    criteriaOf(device),
  ];
}

/** What fills a slot: the register, and the rule. */
function fillings(device, slot) {
  return device.registers.flatMap((register) =>
    register.onWrite.filter(({ fill }) => fill.includes(slot)).map((rule) => ({ register, rule })),
  );
}

function restorationRow({ device }) {
  const { id, slots, registers } = device;
  const kept = slots.filter(({ never }) => never === undefined);
  const inGroups = (slot) => fillings(device, slot).some(({ rule }) => rule.part !== "whole");
  const byAWay = (slot) =>
    slot.key.length > 0 || fillings(device, slot).some(({ register }) => register.writeGuards.length > 0);
  return [
    `[${id}](#${id})`,
    cell(count(kept, ({ read }) => read.length === 0)),
    cell(count(kept, ({ read }) => read.length > 0)),
    cell(count(kept, inGroups)),
    cell(count(kept, ({ takes }) => takes.length > 0)),
    cell(count(kept, byAWay)),
    cell(slots.length - kept.length),
    ...["care", "danger"].map((risk) => cell(count(kept, (slot) => slot.risk === risk))),
    cell(count(registers, ({ never }) => never !== undefined)),
    cell(device.unreachable.length),
    cell(device.notModelled.length),
  ];
}

/** Keys of a device's results: its own, and one for each board that it was tried on besides. */
function resultsOf(id) {
  return [id, ...Object.keys(results).filter((key) => key.startsWith(resultOf(id, "")))];
}

function fuzzRows(described) {
  return resultsOf(described.device.id).map((key) => fuzzRow(described, key));
}

function fuzzRow({ device, sha256 }, key) {
  const { id, unreachable } = device;
  const name = key.replace(id, `[${id}](#${id})`);
  const named = cell(unreachable.flatMap(({ fields }) => fields.qemu ?? []).length);
  const result = results[key];
  if (result === undefined) return [name, "not run", "", "", "", "", "", "", named];
  if (result.brokenOff) return [name, "broken off ²", "", "", "", "", "", "", named];
  const { cases, failed, notCompared, readsChecked, fields, seed } = result;
  const failures = failed === 0 ? "0" : `**${failed}**`;
  return [
    name,
    `${cases - failed} of ${cases}${result.sha256 === sha256 ? "" : " ¹"}`,
    failures,
    cell(notCompared),
    String(seed),
    cell(readsChecked),
    cell(fields.compared),
    cell(fields.moved),
    named,
  ];
}

function deviceSection({ device }) {
  const { id, title, source, interrupts, unreachable, notModelled } = device;
  const lines = [`### ${id}`, "", `${title}. ${source}.`];
  if (interrupts.length > 0) {
    lines.push("", "Where an interrupt of its line is pending, and made so again:", "");
    for (const why of new Set(interrupts.map((one) => one.why))) lines.push(`- ${why}`);
  }
  if (unreachable.length > 0) {
    lines.push("", "No port write restores:", "");
    for (const { what, why, fields } of unreachable) lines.push(`- ${what}: ${why}${dumpText(fields.qemu)}`);
  }
  if (notModelled.length > 0) {
    lines.push("", "Not described:", "");
    for (const { what, why } of notModelled) lines.push(`- ${what}: ${why}`);
  }
  const failures = resultsOf(id).flatMap((key) => results[key]?.failures ?? []);
  const { fields } = results[id] ?? {};
  if (failures.length > 0) {
    lines.push("", "Failures of the fuzzer's last run:", "");
    for (const { case: number, times, findings } of failures) {
      lines.push(`- case ${number}${times > 1 ? ` and ${times - 1} like it` : ""}: ${findings.join("; ")}`);
    }
  }
  if (fields !== undefined && fields.notMoved.length > 0) {
    lines.push("", `Fields of QEMU's that no case moved: ${fields.notMoved.map((path) => `\`${path}\``).join(", ")}`);
  }
  return [...lines, ""];
}

function dumpText(fields = []) {
  if (fields.length === 0) return "";
  const hex = (value) => `${value.toString(16).toUpperCase()}h`;
  const shown = fields.map(
    ({ path, mask, from }) =>
      `\`${path}\`${mask === undefined ? "" : ` & ${hex(mask)}`}${from === undefined ? "" : ` from ${hex(from)}`}`,
  );
  return ` (QEMU's ${shown.join(", ")})`;
}

const runs = Object.values(results);
const versions = [...new Set(runs.flatMap(({ qemu = [] }) => qemu))];
const stale = library.some(({ device, sha256 }) =>
  resultsOf(device.id).some((key) => results[key] !== undefined && results[key].sha256 !== sha256),
);

const page = [
  "# What the device library covers",
  "",
  "<!-- Generated by scripts/device-table.mjs: node scripts/device-table.mjs > docs/devices.md -->",
  "",
  "From the descriptions themselves and from the fuzzer's last figures; [descriptions.md](descriptions.md) explains the words, [fuzzing.md](fuzzing.md) the",
  "fuzzer. An empty cell is a nought.",
  "",
  "## Registers, and what tells them apart",
  "",
  ...table(["device", "what", "instances", "RO", "WO", "RW", "decided by"], library.map(registersRow)),
  "",
  "## How state comes back",
  "",
  "Slots by where their value comes from: _written_ ones can only be known by having watched, _read back_ ones are read on the source. Of both, how many come back",
  "in groups of writes, with parameters before them, or by a way that brings selectors to a value first. Slots that are _left out_ are kept from plans on purpose.",
  "",
  ...table(
    [
      "device",
      "written",
      "read back",
      "groups",
      "parameters",
      "by a way",
      "left out",
      "care",
      "danger",
      "registers never repeated",
      "unreachable",
      "not described",
    ],
    library.map(restorationRow),
  ),
  "",
  "## Held against QEMU",
  "",
  `Each device alone, by \`node scripts/fuzz-devices.mjs\`, which keeps what came of it in [fuzz-results.json](fuzz-results.json); QEMU ${versions.join(", ")}.`,
  "_Not wholly compared_ are cases that leave some device's register unknown, or a device busy; that device's state is not compared then. Fields are those of the device's own",
  "sections in QEMU's state, elements of an array counted once; where there are none, whatever else of the machine differs is found, and what reads give. _Unreachable_ are",
  "fields that the description lets differ, with the reason below. Fields that only some states have are not among _fields_, and are among those _moved_.",
  "",
  ...table(
    [
      "device",
      "cases without a difference",
      "failed",
      "not wholly compared",
      "seed",
      "reads foretold",
      "fields",
      "moved by a case",
      "unreachable",
    ],
    library.flatMap(fuzzRows),
  ),
  "",
  ...(stale ? ["¹ The description has changed since.", ""] : []),
  ...(runs.some(({ brokenOff }) => brokenOff)
    ? ["² QEMU ended or stopped answering at some access; the fuzzer gives no report then.", ""]
    : []),
  "## By device",
  "",
  ...library.flatMap(deviceSection),
];
process.stdout.write(`${page.join("\n").trimEnd()}\n`);
