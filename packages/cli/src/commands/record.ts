import { Option, type Command } from "commander";
import { TraceWriter, type ClockUnit } from "@portrait/tracer";
import { createTraceFile, Recorder, type Machine, type StopReason } from "@portrait/vmm";
import { EXIT, type ExitCode } from "../errors.ts";
import { examples } from "../help.ts";
import { libraryFor } from "../input/library.ts";
import { addGuestOptions, bootGuest, type GuestOptions } from "../machine/guest-options.ts";
import { keepPorts, parsePorts, type PortRange } from "../machine/port-ranges.ts";
import { ConsoleLines } from "../machine/console-lines.ts";
import { limitsFor, untilText } from "../machine/until.ts";
import { traceInfoOf } from "../machine/watched.ts";
import { count, plural } from "../output/numbers.ts";
import type { Runner } from "../runner.ts";
import { warn, type Session } from "../session.ts";

interface RecordOptions extends GuestOptions {
  readonly engine: string;
  readonly output: string;
  readonly clock: ClockUnit;
  readonly ports?: readonly PortRange[];
  readonly overwrite?: true;
}

/** `portrait record`. */
export function addRecord(program: Command, runner: Runner): void {
  const command = program
    .command("record")
    .description("Runs a guest and records every port I/O it makes. The guest's console goes to stdout.")
    .addOption(new Option("--engine <engine>", "what runs the guest").choices(["v86"]).default("v86"))
    .requiredOption("-o, --output <file>", "the trace")
    .addOption(new Option("--clock <unit>", "unit of the trace's times").choices(["us", "ns", "none"]).default("us"))
    .addOption(new Option("--ports <ranges>", "record only these, e.g. 0x20..0x21,0x40").argParser(parsePorts))
    .option("--overwrite", "replace the trace if there is one of this name");
  addGuestOptions(command).action((options: RecordOptions) =>
    runner.run(command, (session) => record(session, options)),
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
  ]);
}

async function record(session: Session, options: RecordOptions): Promise<ExitCode> {
  const { machine, name } = await bootGuest(options);
  // A user's descriptions that do not load are told before the guest runs, not after.
  await libraryFor(session.devices);
  const info = await traceInfoOf(session, machine, { guest: name, clock: options.clock, ports: options.ports ?? [] });
  const file = await createTraceFile(options.output, { overwrite: options.overwrite === true });
  const meter = { bytes: 0 };
  const writer = new TraceWriter(
    {
      write: async (bytes) => {
        await file.sink.write(bytes);
        meter.bytes += bytes.length;
      },
    },
    info,
  );
  const recorder = new Recorder(machine, {
    writer: options.ports === undefined ? writer : keepPorts(writer, options.ports),
  });
  const console = new ConsoleLines(session.out, machine);
  let reason: StopReason;
  try {
    reason = await recorder.run(limitsFor(options.until, machine, session.signal));
    await writer.close();
  } finally {
    await file.seal();
    await console.end();
  }
  const size = `${plural(writer.nextSeq, "access", "accesses")}, ${count(meter.bytes)} bytes`;
  const each = writer.nextSeq === 0 ? "" : ` (${(meter.bytes / writer.nextSeq).toFixed(2)} each)`;
  await warn(session, `${stopText(reason, options, machine)}; ${options.output}: ${size}${each}`);
  await machine.destroy();
  return reason === "interrupted" ? EXIT.interrupted : EXIT.done;
}

function stopText(reason: StopReason, options: RecordOptions, machine: Machine): string {
  switch (reason) {
    case "halted":
      return `the guest halted after ${(machine.now() / 1e9).toFixed(3)} s`;
    case "interrupted":
      return "interrupted";
    case "limit":
    case "predicate":
      return options.until === undefined ? "stopped" : `stopped: ${untilText(options.until)}`;
  }
}
