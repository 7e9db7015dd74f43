import { createHash, type Hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Classifier } from "@portrait/classifier";
import { TraceWriter, type AccessBatch } from "@portrait/tracer";
import type { DebianLinux } from "../../../../test-support/debian-linux.ts";
import { createTraceFile, createV86Machine, Recorder, type V86Machine, type V86Guest } from "../../src/index.ts";
import { library, type RunningGuest } from "./ticker.ts";

/** The prompt of fixtures/linux/init. */
const PROMPT = "guest# ";
const BYTES_PER_ROW = 16;

/** Accesses counted and hashed, in whatever batches they come; times to the microsecond. */
export class AccessSum {
  count = 0;
  readonly #hash: Hash = createHash("sha256");

  add(batch: AccessBatch): void {
    const rows = Buffer.alloc(batch.length * BYTES_PER_ROW);
    for (let i = 0; i < batch.length; i++) {
      const at = i * BYTES_PER_ROW;
      rows.writeUInt32LE(batch.value[i] ?? 0, at);
      rows.writeUInt16LE(batch.port[i] ?? 0, at + 4);
      rows.writeUInt8(batch.op[i] ?? 0, at + 6);
      rows.writeDoubleLE(Math.floor((batch.time[i] ?? 0) / 1000), at + 8);
    }
    this.#hash.update(rows);
    this.count += batch.length;
  }

  digest(): string {
    return this.#hash.copy().digest("hex");
  }
}

/** A Linux guest, and what its machine's tap saw of its boot. */
export interface LinuxGuest extends RunningGuest {
  readonly machine: V86Machine;
  readonly boot: { readonly count: number; readonly digest: string; readonly guestNs: number };
}

/** Boots Linux to its prompt with every access of the boot recorded into the trace at `path`, and watched from then on. */
export async function bootLinux(linux: DebianLinux, path: string): Promise<LinuxGuest> {
  const machine = await createV86Machine({ guest: linuxGuest(linux), deterministic: true, name: "linux" });
  const file = await createTraceFile(path, { overwrite: false });
  const writer = new TraceWriter(file.sink, {
    clock: "us",
    startedAt: undefined,
    machine: { engine: "v86", engineVersion: machine.engineVersion, guest: "linux", host: "", decodesAliases: false },
    command: [],
    fromReset: true,
    ports: [],
    descriptions: [],
  });
  const sum = new AccessSum();
  let booting = true;
  const tap = machine.tap((batch) => {
    if (booting) sum.add(batch);
  });
  const classifier = new Classifier(library, { fromReset: true });
  const recorder = new Recorder(machine, {
    classifier,
    writer: {
      write: (batch) => (booting ? writer.write(batch) : Promise.resolve()),
      flush: () => (booting ? writer.flush() : Promise.resolve()),
    },
  });
  await recorder.run({ until: () => machine.console.endsWith(PROMPT), wallMs: 120_000 });
  tap.flush();
  booting = false;
  await writer.close();
  await file.seal();
  const boot = { count: sum.count, digest: sum.digest(), guestNs: machine.now() };
  return { machine, classifier, name: "linux", recorder, boot };
}

function linuxGuest({ bios, vgaBios, kernel, initrd, append }: DebianLinux): V86Guest {
  return {
    kind: "bios",
    bios: readFileSync(bios),
    vgaBios: readFileSync(vgaBios),
    kernel: readFileSync(kernel),
    initrd: readFileSync(initrd),
    append,
  };
}

/** A machine whose own BIOS has run until it found nothing to boot. */
export async function usedMachine(linux: DebianLinux, memorySize: number): Promise<V86Machine> {
  const { bios, vgaBios } = linux;
  const machine = await createV86Machine({
    guest: { kind: "bios", bios: readFileSync(bios), vgaBios: readFileSync(vgaBios) },
    memorySize,
    deterministic: true,
    name: "after its BIOS",
  });
  await machine.run({ guestMs: 2_000, wallMs: 60_000 });
  return machine;
}

/** The numbers in the lines `count N` of a console. */
export function counts(console: string): number[] {
  return [...console.matchAll(/count (\d+)\r\n/g)].map(([, number]) => Number(number));
}

/** Runs the guest until it has printed `lines` more lines `count N`, 20 s of its time at the most. */
export async function runCounts(guest: RunningGuest, lines: number): Promise<void> {
  const goal = counts(guest.machine.console).length + lines;
  await runUntil(guest, () => counts(guest.machine.console).length >= goal);
}

/** Runs the guest until its console holds `text` behind position `from`, 20 s of its time at the most. */
export async function runTo(guest: RunningGuest, text: string, from = 0): Promise<void> {
  await runUntil(guest, () => guest.machine.console.includes(text, from));
}

/** Asks `condition` only when the guest has printed something. */
async function runUntil(guest: RunningGuest, condition: () => boolean): Promise<void> {
  let seen = -1;
  const until = (): boolean => {
    const { length } = guest.machine.console;
    if (length === seen) return false;
    seen = length;
    return condition();
  };
  await guest.recorder.run({ until, guestMs: 20_000, wallMs: 60_000 });
}
