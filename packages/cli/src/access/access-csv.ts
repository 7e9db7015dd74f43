import { hex } from "../output/numbers.ts";
import { fieldsOf, type ShownAccess } from "./shown-access.ts";

/** First line of the CSV. */
export const CSV_HEADER =
  "seq,time,vcpu,direction,port,width,value,count,device,register,access,fields,verdict,criteria,note";

/** An access as a CSV line; several devices or registers are joined by `+`, candidates by `|`. */
export function accessCsv({ access, parts, verdict, criteria }: ShownAccess): string {
  const { seq, time, vcpu, direction, port, width, value, count } = access;
  const joined = (column: (part: (typeof parts)[number]) => string) => parts.map(column).join("+");
  return csvLine([
    seq,
    time,
    vcpu,
    direction,
    hex(port),
    width,
    hex(value),
    count,
    joined(({ instance }) => instance.name),
    joined(({ registers }) => registers.map(({ name }) => name).join("|")),
    joined(({ registers }) => [...new Set(registers.map((register) => register.access))].join("|")),
    joined((part) =>
      fieldsOf(part)
        .map(([name, number]) => `${name}=${number}`)
        .join(" "),
    ),
    verdict,
    criteria.join(" "),
    "",
  ]);
}

/** A gap or marker as a CSV line: only number, time and note are filled. */
export function remarkCsv(seq: number, time: number, text: string): string {
  return csvLine([seq, time, ...new Array<string>(12).fill(""), text]);
}

function csvLine(cells: readonly (string | number)[]): string {
  return cells
    .map((cell) => (/[",\n\r]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : cell))
    .join(",");
}
