import type { ExportFormat } from "./export-format.ts";
import { perfettoExport } from "./perfetto-export.ts";
import { qtestExport } from "./qtest-export.ts";
import { textExport } from "./text-export.ts";

/** Every format that can be exported. */
export const exportFormats: readonly ExportFormat[] = [
  textExport("ndjson", "NDJSON, an object a line; can be imported"),
  textExport("plain", "plain text, an access a line; can be imported"),
  textExport("csv", "CSV, for spreadsheets"),
  qtestExport,
  perfettoExport,
];
