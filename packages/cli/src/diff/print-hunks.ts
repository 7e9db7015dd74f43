import type { Library } from "@portrait/classifier";
import { json } from "../formats.ts";
import type { ClassifiedTrace } from "../input/classified-trace.ts";
import { count, hex, hexPadded, plural } from "../output/numbers.ts";
import type { Output } from "../output/output.ts";
import type { Session } from "../session.ts";
import type { Hunk } from "./compare-accesses.ts";
import type { TokenAccess } from "./token-stream.ts";

/** Accesses only the second trace has, and only the first. */
export interface DiffCounts {
  readonly added: number;
  readonly removed: number;
}

/** Where the first difference is; undefined where there is none. */
type First = { readonly a: number; readonly b: number } | undefined;

/** Writes hunks as one JSON object, as they come: `hunks` first, the totals after them. */
export class JsonHunks {
  readonly #out: Output;
  readonly #a: Library;
  readonly #b: Library;
  #between = "";

  constructor(out: Output, a: ClassifiedTrace, b: ClassifiedTrace) {
    this.#out = out;
    this.#a = a.library;
    this.#b = b.library;
    out.write('{"hunks":[');
  }

  /** True when the output should be drained. */
  hunk({ a, b, removed, added }: Hunk): boolean {
    const text = json({
      a,
      b,
      removed: removed.map((access) => tokenJson(access, this.#a)),
      added: added.map((access) => tokenJson(access, this.#b)),
    });
    const full = this.#out.write(this.#between + text);
    this.#between = ",\n";
    return full;
  }

  end(first: First, counts: DiffCounts): void {
    const rest = json({ equal: first === undefined, ...(first !== undefined && { first }), ...counts });
    this.#out.line(`],${rest.slice(1)}`);
  }
}

/** Writes hunks as lines for people. */
export class TextHunks {
  readonly #session: Session;
  readonly #a: Library;
  readonly #b: Library;

  constructor(session: Session, a: ClassifiedTrace, b: ClassifiedTrace) {
    this.#session = session;
    this.#a = a.library;
    this.#b = b.library;
  }

  /** True when the output should be drained. */
  hunk({ a, b, removed, added }: Hunk): boolean {
    const { out, colors } = this.#session;
    out.line(colors.cyan(`@@ ${a} ${b} @@`));
    for (const access of removed) out.line(colors.red(`- ${tokenText(access, this.#a)}`));
    for (const access of added) out.line(colors.green(`+ ${tokenText(access, this.#b)}`));
    return out.write("");
  }

  end(first: First, { added, removed }: DiffCounts): void {
    const { out } = this.#session;
    if (first === undefined) out.line("equal");
    else out.line(`${plural(removed, "access", "accesses")} only in the first, ${count(added)} only in the second`);
  }
}

function tokenJson({ direction, port, width, value, seq, ...reached }: TokenAccess, library: Library): unknown {
  return { seq, direction, port: hex(port), width, value: hex(value), ...nameOf(reached, library) };
}

function tokenText(access: TokenAccess, library: Library): string {
  const { device, register } = nameOf(access, library);
  const name = device === undefined ? `port ${hexPadded(access.port, 16)}` : `${device}.${register}`;
  return `${String(access.seq).padStart(8)}  ${name} ${access.direction === "out" ? "<=" : "=>"} ${hex(access.value)}`;
}

function nameOf(
  { instance, register }: Pick<TokenAccess, "instance" | "register">,
  library: Library,
): { readonly device?: string; readonly register?: string } {
  const found = library.instances[instance - 1];
  const name = found?.device.registers[register]?.name;
  return found === undefined || name === undefined ? {} : { device: found.name, register: name };
}
