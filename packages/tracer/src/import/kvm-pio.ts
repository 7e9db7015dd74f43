import { opOf, type Width } from "../access.ts";
import type { BatchBuilder } from "../batch.ts";
import type { ImportFormat, LeftOut } from "./importer.ts";
import { lineImporter, type LineFormat } from "./lines/line-importer.ts";
import type { LineKind } from "./lines/line-reader.ts";

const NANOS = 1e9;
const MOST_VCPUS = 65_536;

/** `1436.431741: kvm_pio: `, after a task; perf writes `kvm:kvm_pio: `. */
const EVENT = /^(.*) (\d+)\.(\d{6}|\d{9}): (?:kvm:)?kvm_pio: +(.*)/;
/** `qemu-system-x86-14289 [000]`, `qemu-system-x86 14289 [000]`; ftrace may put the process in parentheses behind the thread. */
const THREAD = /[- ](\d+) +(?:\( *[\d-]+\) +)?\[\d+\]/;
const PIO = /^pio_(read|write) at 0x([0-9a-f]+) size (\d+) count (\d+) val 0x([0-9a-f]+)/;

/** Events the kernel or perf did not keep, in the words of trace_pipe, trace-cmd report and perf script. */
const LOST = [
  /^CPU:(?<cpu>\d+) \[LOST (?<events>\d+ )?EVENTS\]/,
  /^(?:\S+: +)?CPU:(?<cpu>\d+) \[(?<events>\d+ )?EVENTS DROPPED\]/,
  /\[0*(?<cpu>\d+)\].* PERF_RECORD_LOST(?:_SAMPLES)? lost (?<events>\d+)/,
];
/** The head of ftrace's `trace` file: what is still in the buffer, of all that was written to it. */
const OVERWRITTEN = /^# entries-in-buffer\/entries-written: (\d+)\/(\d+) /;

const WIDTHS: Readonly<Record<string, Width>> = { 1: 8, 2: 16, 4: 32 };

/**
 * Reads the Linux tracepoint `kvm:kvm_pio` as text from ftrace (`trace`, `trace_pipe`), trace-cmd report or perf script.
 * Threads become vcpus in the order in which they come up. Of a string access the tracepoint shows the count and the first
 * element. Times count from the first access and never go back.
 */
class KvmPioText implements LineFormat {
  readonly #builder: BatchBuilder;
  readonly #vcpus = new Map<string, number>();
  /** Stamp of the first access, in seconds and nanoseconds. */
  #origin: { readonly seconds: number; readonly nanos: number } | undefined;
  #time = 0;
  #oddSizes = 0;

  constructor(builder: BatchBuilder) {
    this.#builder = builder;
  }

  leftOut(): readonly LeftOut[] {
    return this.#oddSizes === 0 ? [] : [{ count: this.#oddSizes, what: "accesses of an odd size" }];
  }

  line(line: string): LineKind {
    const event = EVENT.exec(line);
    if (event !== null) return this.#event(event);
    if (line.includes(" kvm_pio: ")) return { bad: "a kvm_pio event without a time in front of it" };
    return this.#lost(line) ? "read" : "other";
  }

  #event([, task = "", seconds = "", fraction = "", fields = ""]: RegExpExecArray): LineKind {
    const thread = THREAD.exec(`${task} `)?.[1] ?? /[- ](\d+) *$/.exec(task)?.[1];
    const pio = PIO.exec(fields);
    if (thread === undefined) return { bad: "no thread in front of the time" };
    if (pio === null) return { bad: "the fields of kvm_pio do not read as the kernel writes them" };
    const [, direction, portText = "", size = "", countText = "", valueText = ""] = pio;
    const [port, count] = [parseInt(portText, 16), Number(countText)];
    const width = WIDTHS[size];
    if (port > 0xffff) return { bad: "a port beyond ffff" };
    if (count < 1 || count > 0xffff_ffff) return { bad: "a count that cannot be" };
    if (!this.#moveTo(Number(seconds), Number(fraction.padEnd(9, "0")))) return { bad: "a time more than 104 days on" };
    const vcpu = this.#vcpu(thread);
    if (vcpu === undefined) return { bad: "more threads than a machine has vcpus" };
    if (width === undefined) {
      this.#oddSizes++;
      return "read";
    }
    const value = parseInt(valueText.slice(-8), 16);
    const way = direction === "write" ? "out" : "in";
    if (count === 1) this.#builder.push(this.#time, port, opOf(way, width), value, vcpu);
    else this.#builder.pushString(this.#time, port, way, width, count, value, undefined, vcpu);
    return "read";
  }

  /** False where the time is too far from the first to be told in nanoseconds. */
  #moveTo(seconds: number, nanos: number): boolean {
    const origin = (this.#origin ??= { seconds, nanos });
    this.#time = Math.max(this.#time, (seconds - origin.seconds) * NANOS + nanos - origin.nanos);
    return Number.isSafeInteger(this.#time);
  }

  #vcpu(thread: string): number | undefined {
    const known = this.#vcpus.get(thread);
    if (known !== undefined) return known;
    const vcpu = this.#vcpus.size;
    if (vcpu === MOST_VCPUS) return undefined;
    this.#vcpus.set(thread, vcpu);
    this.#builder.marker(this.#time, `vcpu ${vcpu} is thread ${thread}`);
    return vcpu;
  }

  /** Events of any kind were lost: how many of them were accesses is not known. */
  #lost(line: string): boolean {
    const [, kept, written] = OVERWRITTEN.exec(line) ?? [];
    if (kept !== undefined) {
      const older = Number(written) - Number(kept);
      if (older > 0)
        this.#builder.gap(this.#time, `the kernel's buffer was full: ${older} older events are overwritten`);
      return true;
    }
    for (const pattern of LOST) {
      const { cpu, events = "" } = pattern.exec(line)?.groups ?? {};
      if (cpu === undefined) continue;
      this.#builder.gap(this.#time, `${events.trimEnd()} events of CPU ${cpu} were lost`.trimStart());
      return true;
    }
    return false;
  }
}

/** The tracepoint `kvm:kvm_pio` as text. */
export const kvmPio: ImportFormat = {
  name: "kvm-pio",
  title: "the kvm_pio tracepoint as text",
  engine: "kvm",
  decodesAliases: false,
  recognise: (line) => {
    const fraction = EVENT.exec(line)?.[3];
    return fraction === undefined ? undefined : { clock: fraction.length > 6 ? "ns" : "us" };
  },
  open: (builder, options) => lineImporter(new KvmPioText(builder), options),
};
