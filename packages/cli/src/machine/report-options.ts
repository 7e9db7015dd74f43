import type { Command } from "commander";
import { reportFormatOption, type ReportFormat } from "../formats.ts";

/** How a command prints what became of a guest. */
export interface ReportOptions {
  readonly output: ReportFormat;
  readonly verify?: true;
}

/** Adds {@link ReportOptions} to a command. */
export function addReportOptions(command: Command): Command {
  return command.option("--verify", "print how every device compared").addOption(reportFormatOption());
}
