import { Option, type Command } from "commander";
import type { ClockUnit } from "@portrait/tracer";
import { UsageError, type ExitCode } from "../errors.ts";
import { examples } from "../help.ts";
import { addGuestOptions, type GuestOptions } from "../machine/guest-options.ts";
import { parsePorts } from "../machine/port-ranges.ts";
import { recordQemu } from "../record/record-qemu.ts";
import { recordV86 } from "../record/record-v86.ts";
import type { RecordingOptions } from "../record/recording.ts";
import type { Runner } from "../runner.ts";
import type { Session } from "../session.ts";

interface RecordOptions extends GuestOptions, RecordingOptions {
  readonly engine: "v86" | "qemu";
  readonly clock: ClockUnit;
  readonly qmp?: string;
}

/** `portrait record`. */
export function addRecord(program: Command, runner: Runner): void {
  const command = program
    .command("record")
    .description(
      "Runs a guest and records every port I/O it makes. The guest's console goes to stdout; with QEMU, where QEMU puts it.",
    )
    .argument("[command...]", "with --engine qemu: a QEMU to start, after --")
    .addOption(new Option("--engine <engine>", "what runs the guest").choices(["v86", "qemu"]).default("v86"))
    .option("--qmp <socket>", "with --engine qemu: the QMP socket of a QEMU that runs; it is left as it was found")
    .requiredOption("-o, --output <file>", "the trace")
    .addOption(new Option("--clock <unit>", "unit of the trace's times").choices(["us", "ns", "none"]).default("us"))
    .addOption(new Option("--ports <ranges>", "record only these, e.g. 0x20..0x21,0x40").argParser(parsePorts))
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
  ]);
}

function record(session: Session, command: readonly string[], options: RecordOptions): Promise<ExitCode> {
  const { guest, bios, kernel, qmp } = options;
  if (options.engine === "qemu") {
    if ((guest ?? bios ?? kernel) !== undefined)
      throw new UsageError(
        "--guest, --bios and --kernel are for the embedded machine; give QEMU's own options after --",
      );
    return recordQemu(session, { ...options, command });
  }
  if (qmp !== undefined || command.length > 0) throw new UsageError("to record a QEMU, add --engine qemu");
  return recordV86(session, options);
}
