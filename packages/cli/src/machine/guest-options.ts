import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { InvalidArgumentError, Option, type Command } from "commander";
import { createV86Machine, type V86Guest, type V86Machine } from "@portrait/vmm";
import { UsageError } from "../errors.ts";
import { parseUntil, type Until } from "./until.ts";

const MIB = 1 << 20;

/** Options of commands that boot a guest. */
export interface GuestOptions {
  readonly guest?: string;
  readonly bios?: string;
  readonly vgaBios?: string;
  readonly kernel?: string;
  readonly initrd?: string;
  readonly append?: string;
  readonly memory?: number;
  readonly deterministic?: true;
  readonly until?: Until;
}

/** Adds {@link GuestOptions} to a command. */
export function addGuestOptions(command: Command): Command {
  return command
    .option("--guest <file>", "boot our own image: flat up to the 1 MiB boundary, or multiboot; needs no BIOS")
    .option("--bios <file>", "boot a PC BIOS, such as SeaBIOS's bios.bin")
    .option("--vga-bios <file>", "with a BIOS: the VGA option ROM")
    .option("--kernel <file>", "with a BIOS: a Linux kernel (bzImage)")
    .option("--initrd <file>", "with a kernel: its initial RAM disk")
    .option("--append <line>", "with a kernel: its command line")
    .option("--memory <MiB>", "guest memory (64, with a kernel 128)", parseMemory)
    .option("--deterministic", "time is instructions executed: every run is the same, and idle time is skipped")
    .addOption(
      new Option("--until <when>", "stop after SECONDS, 'N accesses' or once it printed TEXT").argParser(parseUntil),
    );
}

function parseMemory(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("Expected a number of MiB.");
  return value;
}

/** Makes the machine the options ask for, not yet run, and says what runs on it. */
export async function bootGuest(options: GuestOptions): Promise<{ machine: V86Machine; name: string }> {
  const guest = await guestOf(options);
  const name = basename(options.guest ?? options.kernel ?? options.bios ?? "");
  const machine = await createV86Machine({
    guest,
    name,
    deterministic: options.deterministic ?? false,
    ...(options.memory !== undefined && { memorySize: options.memory * MIB }),
  });
  return { machine, name };
}

async function guestOf(options: GuestOptions): Promise<V86Guest> {
  const { guest, bios, vgaBios, kernel, initrd, append } = options;
  if (guest !== undefined) {
    if (bios !== undefined || kernel !== undefined)
      throw new UsageError("--guest boots by itself; leave out --bios and --kernel");
    return { kind: "image", bytes: await readFile(guest) };
  }
  if (bios === undefined) throw new UsageError("say what to boot: --guest FILE, or --bios FILE with --kernel FILE");
  const file = (path: string | undefined) => (path === undefined ? undefined : readFile(path));
  return {
    kind: "bios",
    bios: await readFile(bios),
    vgaBios: await file(vgaBios),
    kernel: await file(kernel),
    initrd: await file(initrd),
    append,
  };
}
