import type { Command } from "commander";
import { kvmGuests, kvmReadiness, runningQemus } from "@portrait/vmm";
import { EXIT, type ExitCode } from "../errors.ts";
import { json, reportFormatOption, type ReportFormat } from "../formats.ts";
import { examples } from "../help.ts";
import { listMachines, type FoundMachine } from "../machines/found-machine.ts";
import { printable } from "../output/printable.ts";
import { table } from "../output/table.ts";
import type { Runner } from "../runner.ts";
import { warn, type Session } from "../session.ts";

interface MachinesOptions {
  readonly output: ReportFormat;
}

/** `portrait machines`. */
export function addMachines(program: Command, runner: Runner): void {
  const command = program
    .command("machines")
    .summary("List the guests that run on this host and can be recorded, and how.")
    .description(
      "List the guests that run on this host and can be recorded, and how: guests of KVM, whatever runs them, and QEMUs with a QMP " +
        "socket. Changes nothing.",
    )
    .addOption(reportFormatOption())
    .action((options: MachinesOptions, self: Command) => runner.run(self, (session) => machines(session, options)));
  examples(command, [
    ["sudo portrait machines", "those of all users"],
    ["portrait machines -o json | jq -r '.machines[].record[].command'", "what would record each"],
  ]);
}

async function machines(session: Session, { output }: MachinesOptions): Promise<ExitCode> {
  const { obstacle, leftOvers } = await kvmReadiness();
  const found = listMachines(await kvmGuests(), await runningQemus(), obstacle === undefined);
  if (output === "json") {
    const kvm =
      obstacle === undefined ? { ready: true } : { ready: false, code: obstacle.code, obstacle: obstacle.message };
    session.out.line(json({ machines: found, kvm: { ...kvm, leftOvers } }));
    return EXIT.done;
  }
  if (found.length === 0) session.out.line("no guest that can be seen runs on this host");
  for (const line of table(found.flatMap(rowsOf), ["right", "left", "left", "left"])) session.out.line(line);
  if (obstacle !== undefined) await warn(session, `guests of KVM cannot be recorded now: ${obstacle.message}`);
  if (process.getuid?.() !== 0) await warn(session, "only your own processes are seen; root sees all");
  for (const name of leftOvers)
    await warn(
      session,
      `the tracing instance ${name} was left by a portrait that was killed; the next record --engine kvm removes it`,
    );
  return EXIT.done;
}

function rowsOf({ pid, program, name, vcpus, record }: FoundMachine): string[][] {
  const what = [name ?? "", ...(vcpus === undefined ? [] : [`${vcpus} vcpu`])].filter((text) => text !== "").join(", ");
  const ways =
    record.length === 0
      ? ["cannot be recorded: it has no QMP socket"]
      : record.map((way) =>
          way.busy === true ? `${way.command}  (somebody is connected to this socket)` : way.command,
        );
  return ways.map((way, i) => [...(i === 0 ? [String(pid), program, what] : ["", "", ""]), way].map(printable));
}
