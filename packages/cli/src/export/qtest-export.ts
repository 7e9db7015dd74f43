import { scriptLine, type PortOperation } from "@portrait/replayer";
import { elementsOf, type Access } from "@portrait/tracer";
import type { AccessPrinter } from "../access/access-printer.ts";
import { plural } from "../output/numbers.ts";
import type { ExportFormat } from "./export-format.ts";
import { openPrinted } from "./text-export.ts";

/** Every access as a command of QEMU's qtest protocol, in order; a string access is one command for each element. */
export const qtestExport: ExportFormat = {
  name: "qtest",
  title: "a qtest script: every IN and OUT as a command",
  open: (session, _, output, input) => {
    let unobserved = 0;
    const printer: AccessPrinter = {
      head: "",
      between: "",
      tail: "",
      access: ({ access }) => {
        const operations = operationsOf(access);
        unobserved += access.count - operations.length;
        return operations.map((one) => `${scriptLine(one)}\n`).join("");
      },
      remark: () => "",
    };
    const elements = () => plural(unobserved, "element");
    const losses = () => (unobserved === 0 ? [] : [`${elements()} of string accesses, which were not observed`]);
    return openPrinted(session, printer, output, input, losses);
  },
};

function operationsOf({ direction, port, width, value, payload }: Access): PortOperation[] {
  const values = payload === undefined ? [value] : elementsOf(payload, width);
  return values.map((one) =>
    direction === "out" ? { direction, port, width, value: one } : { direction, port, width },
  );
}
