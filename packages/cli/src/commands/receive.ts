import type { Duplex } from "node:stream";
import { Argument, Option, type Command } from "commander";
import type { Library } from "@portrait/classifier";
import { QemuTarget, receiveGuest } from "@portrait/vmm";
import { EXIT, InterruptedError, type ExitCode } from "../errors.ts";
import { examples } from "../help.ts";
import { libraryFor } from "../input/library.ts";
import { acceptOne, addressText, parseAddress, type Address } from "../machine/address.ts";
import type { QemuTargetAddress } from "../machine/qemu-address.ts";
import { coldMachine } from "../machine/cold-machine.ts";
import { ConsoleLines } from "../machine/console-lines.ts";
import { verificationLines } from "../machine/migration-report.ts";
import { targetMachineOption, type TargetMachine } from "../machine/target-option.ts";
import { parseUntil, type Until } from "../machine/until.ts";
import { runUntil, watch } from "../machine/watched.ts";
import type { Runner } from "../runner.ts";
import { warn, type Session } from "../session.ts";

interface ReceiveOptions {
  readonly on: TargetMachine;
  readonly until?: Until;
  readonly deterministic?: true;
}

/** `portrait receive`. */
export function addReceive(program: Command, runner: Runner): void {
  const command = program
    .command("receive")
    .description("Waits for one guest from portrait migrate and runs it. Its console goes to stdout.")
    .addArgument(new Argument("<address>", "unix:PATH or tcp:HOST:PORT to listen on").argParser(parseAddress))
    .addOption(targetMachineOption("--on <where>"))
    .option("--deterministic", "time is instructions executed, and idle time is skipped")
    .addOption(
      new Option("--until <when>", "stop after SECONDS, 'N accesses' or once it printed TEXT").argParser(parseUntil),
    )
    .action((address: Address, options: ReceiveOptions) =>
      runner.run(command, (session) => receive(session, address, options)),
    );
  examples(command, [
    ["portrait receive unix:/tmp/guest.sock", "one guest, until it halts or Ctrl-C"],
    ["portrait receive tcp:127.0.0.1:7000 --until 5", "one guest, for five seconds"],
    ["portrait receive tcp:127.0.0.1:7000 --on qemu:/run/b.qmp,qtest=/run/b.qtest", "one guest of a QEMU, onto a QEMU"],
  ]);
}

async function receive(session: Session, address: Address, options: ReceiveOptions): Promise<ExitCode> {
  const library = await libraryFor(session.devices);
  const socket = await accept(session, address);
  try {
    if (options.on !== "v86") return await receiveOnQemu(session, socket, options.on, library);
    const guest = await receiveGuest(socket, coldMachine(options), library);
    await warn(session, `${guest.name} runs here now`);
    for (const line of verificationLines(guest.result, session.errColors)) session.err.line(line);
    const console = new ConsoleLines(session.out, guest.machine);
    await runUntil(session, watch(guest), options.until);
    await console.end();
    await guest.machine.destroy();
    return EXIT.done;
  } finally {
    socket.destroy();
  }
}

/** The guest runs on in QEMU when this has ended. */
async function receiveOnQemu(
  session: Session,
  socket: Duplex,
  on: QemuTargetAddress,
  library: Library,
): Promise<ExitCode> {
  const guest = await receiveGuest(socket, () => QemuTarget.connect(on), library);
  guest.machine.close();
  await warn(session, `${guest.name} runs on ${on.qmp} now`);
  for (const line of verificationLines(guest.result, session.errColors)) session.err.line(line);
  await session.err.drain();
  return EXIT.done;
}

async function accept(session: Session, address: Address): ReturnType<typeof acceptOne> {
  try {
    return await acceptOne(address, session.signal, () => {
      session.err.line(`portrait: waiting for a guest on ${addressText(address)}`);
      session.err.drain().catch(() => undefined);
    });
  } catch (error) {
    if (session.signal.aborted) throw new InterruptedError("interrupted");
    throw error;
  }
}
