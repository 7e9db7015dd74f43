import { InvalidArgumentError, Option, type Command } from "commander";
import { UsageError } from "../errors.ts";
import type { RecordedQemu } from "../qemu-guest/recorded-guest.ts";
import { addGuestOptions, type GuestOptions } from "./guest-options.ts";
import { parseQemu, type QemuAddress } from "./qemu-address.ts";

/** Options of commands whose guest is booted here or runs on a QEMU. */
export interface SourceOptions extends GuestOptions {
  readonly from: "v86" | QemuAddress;
  readonly trace?: string;
}

/** Adds {@link SourceOptions} to a command. */
export function addSourceOptions(command: Command): Command {
  command
    .addOption(
      new Option("--from <where>", "v86: a guest booted here; qemu:QMP-SOCKET[,qtest=SOCKET]: one that runs on a QEMU")
        .argParser(parseSource)
        .default("v86"),
    )
    .option(
      "--trace <file>",
      "from a QEMU: what a portrait record that is running writes of it; with --until SECONDS, a new file into which it is recorded " +
        "here, for so long before it is taken",
    );
  return addGuestOptions(command);
}

function parseSource(text: string): SourceOptions["from"] {
  const from = text === "v86" ? text : parseQemu(text);
  if (from === undefined) throw new InvalidArgumentError("Expected v86 or qemu:QMP-SOCKET.");
  return from;
}

/** The QEMU whose guest is meant; undefined: one that is booted here. @throws UsageError where the options are of both kinds */
export function recordedQemu(options: SourceOptions): RecordedQemu | undefined {
  const { from, trace } = options;
  if (from === "v86") {
    if (trace === undefined) return undefined;
    throw new UsageError("--trace is for a guest on a QEMU; one booted here is watched");
  }
  if ((options.guest ?? options.bios ?? options.kernel) !== undefined) {
    throw new UsageError("--guest, --bios and --kernel are for a guest booted here");
  }
  if (trace === undefined) {
    throw new UsageError('say with --trace which file "portrait record --engine qemu" writes of this QEMU');
  }
  const { until } = options;
  if (until === undefined) return { from, trace };
  if (until.kind !== "time") throw new UsageError("--until takes SECONDS for a guest on a QEMU");
  return { from, trace, recordMs: until.ms };
}
