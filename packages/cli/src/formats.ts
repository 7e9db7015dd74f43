import { Option } from "commander";

/** `-o` of commands that print a report. */
export type ReportFormat = "text" | "json";

/** The `-o text|json` option. */
export function reportFormatOption(): Option {
  return new Option("-o, --output <format>", "how to print it").choices(["text", "json"]).default("text");
}

/** A value as a line of JSON. */
export function json(value: unknown): string {
  return JSON.stringify(value);
}
