import type { Command } from "commander";
import { reportFormatOption, type ReportFormat } from "../formats.ts";

/** How a command prints what became of a guest. */
export interface ReportOptions {
  readonly output: ReportFormat;
  readonly verify?: true;
}

/** How a command prints what became of a guest that was moved. */
export interface MigrationReportOptions extends ReportOptions {
  readonly explain?: true;
}

/** Adds {@link ReportOptions} to a command. */
export function addReportOptions(command: Command): Command {
  return command.option("--verify", "print how every device compared").addOption(reportFormatOption());
}

/** Adds {@link MigrationReportOptions} to a command. */
export function addMigrationReportOptions(command: Command): Command {
  return addReportOptions(command).option(
    "--explain",
    "print what was dropped, what was read at the source, and every step in its order with its reason",
  );
}
