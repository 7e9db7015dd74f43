import { readFileSync } from "node:fs";
import tab from "@bomb.sh/tab/commander";
import { Command, Option } from "commander";
import { addCheckpoint } from "./commands/checkpoint.ts";
import { addClassify } from "./commands/classify.ts";
import { addClone } from "./commands/clone.ts";
import { addDemo } from "./commands/demo.ts";
import { addDevices } from "./commands/devices.ts";
import { addDiff } from "./commands/diff.ts";
import { addExport } from "./commands/export.ts";
import { addImport } from "./commands/import.ts";
import { addInspect } from "./commands/inspect.ts";
import { addMachines } from "./commands/machines.ts";
import { addMigrate } from "./commands/migrate.ts";
import { addPlan } from "./commands/plan.ts";
import { addReceive } from "./commands/receive.ts";
import { addRecord } from "./commands/record.ts";
import { addRecover } from "./commands/recover.ts";
import { addReplay } from "./commands/replay.ts";
import { addRestore } from "./commands/restore.ts";
import { addState } from "./commands/state.ts";
import { addStats } from "./commands/stats.ts";
import { addVerify } from "./commands/verify.ts";
import { examples } from "./help.ts";
import type { Runner } from "./runner.ts";

/** The whole command line. */
export function buildProgram(runner: Runner): Command {
  const program = new Command("portrait")
    .description(
      "Records every port I/O a guest makes, works out what still matters, and restores it on another machine.",
    )
    .version(version(), "-V, --version", "print the version")
    .addOption(new Option("--color <when>", "colours").choices(["auto", "always", "never"]).default("auto"))
    .option("--devices <dir>", "also use the device descriptions in this folder; may be repeated", appended)
    .configureHelp({ showGlobalOptions: true, helpWidth: 110 })
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "portrait: ")) })
    .showHelpAfterError("(add --help for what there is)")
    .exitOverride();
  const add = [
    addDemo,
    addRecord,
    addImport,
    addExport,
    addMachines,
    addInspect,
    addStats,
    addState,
    addPlan,
    addClassify,
    addReplay,
    addDiff,
    addMigrate,
    addReceive,
    addCheckpoint,
    addRestore,
    addClone,
    addVerify,
    addRecover,
    addDevices,
  ];
  for (const one of add) one(program, runner);
  examples(program, [
    ["portrait demo", "the whole story in a few seconds"],
    ["portrait inspect boot.pio --filter 'dev == pic1'", "the accesses of one device, by register"],
    ["portrait plan boot.pio", "what would bring a fresh machine to the same state"],
  ]);
  tab(program, { completionCommandName: "completion" });
  describeCompletion(program);
  return program;
}

function describeCompletion(program: Command): void {
  const completion = program.commands.find((command) => command.name() === "completion");
  if (completion === undefined) return;
  examples(completion, [
    ["source <(portrait completion bash)", "complete in this shell"],
    ["portrait completion fish > ~/.config/fish/completions/portrait.fish", "complete in every fish shell"],
  ]);
}

function appended(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

function version(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  const parsed: unknown = JSON.parse(text);
  return typeof parsed === "object" && parsed !== null && "version" in parsed ? String(parsed.version) : "unknown";
}
