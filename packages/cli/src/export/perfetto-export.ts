import { PerfettoWriter, type ClockUnit, type PerfettoAnnotations } from "@portrait/tracer";
import type { AccessTaker } from "../access/selection.ts";
import type { Remark } from "../access/access-printer.ts";
import { fieldsOf, partName, type ShownAccess, type ShownPart } from "../access/shown-access.ts";
import { hex, hexPadded } from "../output/numbers.ts";
import { openSink, type OpenSink } from "../output/trace-file.ts";
import type { ExportFormat } from "./export-format.ts";

const PIECE_BYTES = 65_536;
const UNCOVERED = "no description";
const REMARKS = "markers and gaps";

/** A native trace for ui.perfetto.dev: a track for each device, below it one for each register, an instant for each access. */
export const perfettoExport: ExportFormat = {
  name: "perfetto",
  title: "a native Perfetto trace, a track for each device and register",
  open: async (session, trace, output, input) => {
    const file = await openSink(session, output, input);
    const { clock } = trace.reader.info;
    const taker = new PerfettoTaker(file, clock);
    const losses = () => (clock === "none" ? ["times: the trace has none, and access n stands at n microseconds"] : []);
    return { name: file.name, taker, end: () => taker.drain(), close: () => file.close(), losses };
  },
};

class PerfettoTaker implements AccessTaker {
  readonly full = false;
  readonly #file: OpenSink;
  readonly #clock: ClockUnit;
  readonly #writer = new PerfettoWriter();
  /** By device, and by device and register. */
  readonly #tracks = new Map<string, number>();

  constructor(file: OpenSink, clock: ClockUnit) {
    this.#file = file;
    this.#clock = clock;
  }

  access(shown: () => ShownAccess): boolean {
    const one = shown();
    const { seq, direction, port, value, time } = one.access;
    const arrow = direction === "out" ? "<=" : "=>";
    const at = this.#time(seq, time);
    for (const part of one.parts) {
      const track = this.#track(part.instance.name, partName(part));
      this.#writer.instant(at, track, `${arrow} ${hex(part.value)}`, annotations(one, part));
    }
    if (one.parts.length === 0) {
      this.#writer.instant(at, this.#track(UNCOVERED, hexPadded(port, 16)), `${arrow} ${hex(value)}`, annotations(one));
    }
    return this.#writer.pending >= PIECE_BYTES;
  }

  remark(remark: Remark): void {
    const { seq, time } = remark;
    const track = this.#device(REMARKS);
    if ("marker" in remark) {
      this.#writer.instant(this.#time(seq, time), track, remark.marker, [["before access", seq]]);
      return;
    }
    const { reason, lost } = remark.gap;
    const lostOnes: PerfettoAnnotations = lost === undefined ? [] : [["lost", lost]];
    this.#writer.instant(this.#time(seq, time), track, `gap: ${reason}`, [["before access", seq], ...lostOnes]);
  }

  async drain(): Promise<void> {
    if (this.#writer.pending > 0) await this.#file.sink.write(this.#writer.take());
  }

  #time(seq: number, time: number): number {
    return this.#clock === "none" ? seq * 1000 : time;
  }

  #track(device: string, register: string): number {
    const name = register.startsWith(`${device}.`) ? register.slice(device.length + 1) : register;
    return this.#once(`${device}.${name}`, () => this.#writer.track(name, this.#device(device)));
  }

  #device(name: string): number {
    return this.#once(name, () => this.#writer.track(name));
  }

  #once(key: string, begin: () => number): number {
    const known = this.#tracks.get(key) ?? begin();
    this.#tracks.set(key, known);
    return known;
  }
}

function annotations({ access, verdict, criteria }: ShownAccess, part?: ShownPart): PerfettoAnnotations {
  const { seq, vcpu, direction, port, width, value, string, count } = access;
  const fields = part === undefined ? [] : fieldsOf(part);
  return [
    ["seq", seq],
    ["direction", direction],
    ["port", { hex: port }],
    ["width", width],
    ["value", { hex: value }],
    ...(string ? ([["count", count]] as const) : []),
    ...(vcpu === 0 ? [] : ([["vcpu", vcpu]] as const)),
    ["verdict", part?.verdict ?? verdict],
    ...(criteria.length === 0 ? [] : ([["criteria", criteria.join(" ")]] as const)),
    ...(fields.length === 0 ? [] : ([["fields", fields]] as const)),
  ];
}
