import { Chalk } from "chalk";
import { accessPrinter, type AccessFormat, type AccessPrinter } from "../access/access-printer.ts";
import { AccessWindow } from "../access/access-window.ts";
import type { ClassifiedTrace } from "../input/classified-trace.ts";
import { openText } from "../output/trace-file.ts";
import type { Session } from "../session.ts";
import type { ExportFormat, OpenExport } from "./export-format.ts";

/** Opens an export that a printer writes. */
export async function openPrinted(
  session: Session,
  printer: AccessPrinter,
  output: string,
  input: string,
  losses: () => readonly string[] = () => [],
): Promise<OpenExport> {
  const text = await openText(session, output, input);
  const taker = new AccessWindow(text.out, printer, {});
  return { name: text.name, taker, end: () => taker.end(), close: () => text.close(), losses };
}

/** What `portrait inspect -o NAME` prints. */
export function textExport(name: AccessFormat, title: string): ExportFormat {
  const open = (session: Session, trace: ClassifiedTrace, output: string, input: string) =>
    openPrinted(session, accessPrinter(name, trace.reader.info.clock, new Chalk({ level: 0 })), output, input);
  return { name, title, open };
}
