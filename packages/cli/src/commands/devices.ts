import type { Command } from "commander";
import { descriptionJsonSchema } from "@portrait/classifier";
import { checkDescription } from "../device-library/check.ts";
import { deviceJson } from "../device-library/device-json.ts";
import { deviceText, placeText } from "../device-library/device-text.ts";
import { findDevice } from "../device-library/find.ts";
import { EXIT, type ExitCode } from "../errors.ts";
import { json, reportFormatOption, type ReportFormat } from "../formats.ts";
import { examples } from "../help.ts";
import { libraryFor, userDescriptions } from "../input/library.ts";
import { plural } from "../output/numbers.ts";
import { table } from "../output/table.ts";
import type { Runner } from "../runner.ts";
import type { Session } from "../session.ts";
import { addDevicesFuzz } from "./devices-fuzz.ts";

interface DevicesOptions {
  readonly output: ReportFormat;
}

/** `portrait devices`. */
export function addDevices(program: Command, runner: Runner): void {
  const devices = program.command("devices").description("The library of device descriptions.");
  const listing = devices
    .command("list", { isDefault: true })
    .description("List the device types, their instances and where they stand.")
    .addOption(reportFormatOption())
    .action((options: DevicesOptions, self: Command) => runner.run(self, (session) => list(session, options)));
  const showing = devices
    .command("show")
    .description("Print what a description says: ports, registers, what restores them, and what nothing restores.")
    .argument("<id>", "device type or instance")
    .addOption(reportFormatOption())
    .action((id: string, options: DevicesOptions, self: Command) =>
      runner.run(self, (session) => show(session, id, options)),
    );
  const checking = devices
    .command("check")
    .description(
      "Check description files, by themselves and beside the other devices; every mistake is printed with its line. Exit code 1 if there is one.",
    )
    .argument("<file...>", "description files")
    .addOption(reportFormatOption())
    .action((files: string[], options: DevicesOptions, self: Command) =>
      runner.run(self, (session) => check(session, files, options)),
    );
  addDevicesFuzz(devices, runner);
  const schema = devices
    .command("schema")
    .description("Print the form of a description as JSON Schema, for editors.")
    .action((_options: unknown, self: Command) => runner.run(self, printSchema));
  examples(devices, [
    ["portrait devices", "what is known"],
    ["portrait devices show pic1", "what is known of one of them"],
  ]);
  examples(listing, [
    ["portrait devices list", "what is known"],
    ["portrait devices list --devices ./my-devices", "with descriptions of your own"],
  ]);
  examples(showing, [
    ["portrait devices show i8259", "by device type"],
    ["portrait devices show com1 -o json | jq .registers", "by instance, for another program"],
  ]);
  examples(checking, [
    ["portrait devices check sound.yaml", "while writing it"],
    ["portrait devices check my-devices/*.yaml -o json", "for another program"],
  ]);
  examples(schema, [
    ["portrait devices schema > my-devices/device.schema.json", "beside descriptions of your own"],
    ["portrait devices schema | jq .properties.slots", "what one section may have"],
  ]);
}

async function printSchema({ out }: Session): Promise<ExitCode> {
  for (const line of JSON.stringify(descriptionJsonSchema(), undefined, 2).split("\n")) out.line(line);
  return EXIT.done;
}

async function list(session: Session, { output }: DevicesOptions): Promise<ExitCode> {
  const { devices } = await libraryFor(session.devices);
  if (output === "json") {
    session.out.line(
      json(devices.map(deviceJson).map(({ id, title, source, instances }) => ({ id, title, source, instances }))),
    );
    return EXIT.done;
  }
  const rows = devices.map(({ id, title, instances }) => [
    session.colors.bold(id),
    title,
    instances.map((one) => `${one.name} ${placeText(one)}`).join(", "),
  ]);
  for (const line of table(rows, ["left", "left", "left"])) session.out.line(line);
  return EXIT.done;
}

async function show(session: Session, id: string, { output }: DevicesOptions): Promise<ExitCode> {
  const device = findDevice(await libraryFor(session.devices), id);
  if (output === "json") session.out.line(json(deviceJson(device)));
  else for (const line of deviceText(device, session.colors)) session.out.line(line);
  return EXIT.done;
}

async function check(session: Session, files: readonly string[], { output }: DevicesOptions): Promise<ExitCode> {
  const others = await userDescriptions(session.devices);
  const reports = await Promise.all(files.map((file) => checkDescription(file, others)));
  const mistakes = reports.reduce((sum, { problems }) => sum + problems.length, 0);
  if (output === "json") {
    session.out.line(
      json({ ok: mistakes === 0, files: reports.map(({ file, problems, shared }) => ({ file, problems, shared })) }),
    );
  } else {
    for (const line of reports.flatMap(({ lines }) => lines)) session.out.line(line);
    if (mistakes > 0) session.out.line(plural(mistakes, "mistake"));
  }
  return mistakes === 0 ? EXIT.done : EXIT.different;
}
