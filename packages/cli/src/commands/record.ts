import { InvalidArgumentError, Option, type Command } from "commander";
import type { ClockUnit } from "@portrait/tracer";
import type { PartLimit } from "@portrait/vmm";
import { UsageError, type ExitCode } from "../errors.ts";
import { examples } from "../help.ts";
import { addGuestOptions, type GuestOptions } from "../machine/guest-options.ts";
import { parsePorts } from "../machine/port-ranges.ts";
import { parseCount, parseSize } from "../quantities.ts";
import { recordKvm } from "../record/record-kvm.ts";
import { recordQemu } from "../record/record-qemu.ts";
import { recordV86 } from "../record/record-v86.ts";
import type { RecordingOptions } from "../record/recording-output.ts";
import type { Runner } from "../runner.ts";
import type { Session } from "../session.ts";

interface RecordOptions extends GuestOptions, RecordingOptions {
  readonly engine: "v86" | "qemu" | "kvm";
  readonly clock: ClockUnit;
  readonly qmp?: string;
  readonly pid?: number | "all";
  readonly buffer?: number;
}

/** `portrait record`. */
export function addRecord(program: Command, runner: Runner): void {
  const command = program
    .command("record")
    .description(
      "Records every port I/O of a guest: of one that it runs (--engine v86, qemu), or of one that runs already (qemu, kvm). The " +
        "embedded machine's console goes to stdout; QEMU's, where QEMU puts it.",
    )
    .argument("[command...]", "with --engine qemu: a QEMU to start, after --")
    .addOption(new Option("--engine <engine>", "what runs the guest").choices(["v86", "qemu", "kvm"]).default("v86"))
    .option("--qmp <socket>", "with --engine qemu: the QMP socket of a QEMU that runs; it is left as it was found")
    .addOption(
      new Option("--pid <n>", "with --engine kvm: the guest of this process, or all; a trace each").argParser(parsePid),
    )
    .addOption(
      new Option("--buffer <KiB>", "with --engine kvm: kernel memory for each CPU (default: 2048)").argParser(
        parseCount,
      ),
    )
    .requiredOption("-o, --output <file>", "the trace; with --pid all, FILE.pio becomes FILE.PID.pio")
    .addOption(new Option("--clock <unit>", "unit of the trace's times").choices(["us", "ns", "none"]).default("us"))
    .addOption(new Option("--ports <ranges>", "record only these, e.g. 0x20..0x21,0x40").argParser(parsePorts))
    .addOption(
      new Option("--ring <size>", "keep the newest part, so much of it, in memory; save it on SIGUSR1 and at the end")
        .argParser(parseSize)
        .conflicts("rotate"),
    )
    .addOption(
      new Option(
        "--rotate <limit>",
        "FILE.000, FILE.001, …: another one after this size (64M) or time (60s, 10min)",
      ).argParser(parsePartLimit),
    )
    .option("--overwrite", "replace the trace if there is one of this name");
  addGuestOptions(command).action((qemu: readonly string[], options: RecordOptions) =>
    runner.run(command, (session) => record(session, qemu, options)),
  );
  examples(command, [
    [
      "portrait record --guest fixtures/guests/ticker.bin --until 5 -o ticker.pio",
      "five seconds of our own small guest",
    ],
    [
      "portrait record --bios bios.bin --kernel vmlinuz --initrd initrd.gz --append console=ttyS0 --until login: -o linux.pio",
      "a Linux boot, until it prints a text",
    ],
    ["portrait record --engine qemu --qmp /run/vm.qmp --until 60 -o vm.pio", "a minute of a QEMU that runs"],
    [
      "portrait record --engine qemu -o boot.pio -- qemu-system-x86_64 -m 512 -hda disk.img",
      "a QEMU from its first instruction on, until it is shut down or Ctrl-C",
    ],
    ["portrait record --engine kvm --pid 4711 --until 60 -o vm.pio", "a minute of a guest on this host's KVM"],
    [
      "portrait record --engine kvm --pid 4711 --ring 64M -o vm.pio",
      "the newest 64 MiB for as long as it runs; kill -USR1 saves them, as does the end",
    ],
  ]);
}

function record(session: Session, command: readonly string[], options: RecordOptions): Promise<ExitCode> {
  const { engine, guest, bios, kernel, qmp, pid, buffer } = options;
  if (engine !== "kvm" && (pid ?? buffer) !== undefined)
    throw new UsageError("--pid and --buffer are for guests of this host's KVM: add --engine kvm");
  if (engine === "kvm") {
    if ((guest ?? bios ?? kernel ?? qmp) !== undefined || command.length > 0)
      throw new UsageError("--engine kvm records guests that run; say which with --pid");
    return recordKvm(session, options);
  }
  if (engine === "qemu") {
    if ((guest ?? bios ?? kernel) !== undefined)
      throw new UsageError(
        "--guest, --bios and --kernel are for the embedded machine; give QEMU's own options after --",
      );
    return recordQemu(session, { ...options, command });
  }
  if (qmp !== undefined || command.length > 0) throw new UsageError("to record a QEMU, add --engine qemu");
  return recordV86(session, options);
}

/** A process, or `all`. Throws InvalidArgumentError. */
function parsePid(text: string): number | "all" {
  if (text === "all") return text;
  const pid = Number(text);
  if (!/^[1-9]\d*$/.test(text) || !Number.isSafeInteger(pid))
    throw new InvalidArgumentError('Expected the number of a process, or "all".');
  return pid;
}

const MILLISECONDS = new Map([
  ["ms", 1],
  ["s", 1e3],
  ["min", 60e3],
  ["h", 3600e3],
]);

/** A size, or a time. Throws InvalidArgumentError. */
function parsePartLimit(text: string): PartLimit {
  const [, number, unit = ""] = /^(\d+)(ms|s|min|h)$/.exec(text) ?? [];
  const unitMs = MILLISECONDS.get(unit);
  return unitMs === undefined
    ? { kind: "bytes", bytes: parseSize(text) }
    : { kind: "time", ms: Number(number) * unitMs };
}
