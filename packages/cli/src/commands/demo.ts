import { readFile, stat } from "node:fs/promises";
import type { Command } from "commander";
import { Classifier, type Library } from "@portrait/classifier";
import { TraceWriter } from "@portrait/tracer";
import { createTraceFile, createV86Machine, migrateLocally, Recorder, type LocalMigration } from "@portrait/vmm";
import { AccessText } from "../access/access-text.ts";
import { shownAccess } from "../access/shown-access.ts";
import { EXIT, type ExitCode } from "../errors.ts";
import { examples } from "../help.ts";
import { classifiedBatches, classifierFor, openClassified } from "../input/classified-trace.ts";
import { libraryFor } from "../input/library.ts";
import { coldMachine } from "../machine/cold-machine.ts";
import { ConsoleLines } from "../machine/console-lines.ts";
import { verificationLines } from "../machine/migration-report.ts";
import { runUntil, traceInfoOf, watch, type RunningGuest } from "../machine/watched.ts";
import { count } from "../output/numbers.ts";
import { planText } from "../plan/plan-text.ts";
import type { Runner } from "../runner.ts";
import type { Session } from "../session.ts";

const TICKER = new URL("../../../../fixtures/guests/ticker.bin", import.meta.url);
const STOP_AT = 12;
const GO_ON = 6;
/** Guest time in which a living guest would print 50 lines. */
const FROZEN_MS = 2_000;
const SHOWN = 8;

/** `portrait demo`. */
export function addDemo(program: Command, runner: Runner): void {
  const command = program
    .command("demo")
    .description("The whole story on the embedded machine: boot, record, classify, plan, migrate, verify.")
    .option("-o, --output <file>", "where the trace is left", "portrait-demo.pio")
    .action((options: { readonly output: string }) => runner.run(command, (session) => demo(session, options.output)));
  examples(command, [
    ["portrait demo", "leaves portrait-demo.pio"],
    ["portrait demo -o /tmp/ticker.pio && portrait stats /tmp/ticker.pio", "and look at what it recorded"],
  ]);
}

async function demo(session: Session, path: string): Promise<ExitCode> {
  const library = await libraryFor(session.devices);
  const source = await bootAndRecord(session, library, path);
  await showTrace(session, path);
  const moved = await migrateLocally(source, coldMachine({ deterministic: true }), library, {
    allowUnknown: false,
    allowDifferent: false,
  });
  await showPlan(session, moved);
  await showGoingOn(session, moved);
  const frozen = await showFrozen(session, source);
  await showComparison(session, moved, path);
  await Promise.all([source.machine.destroy(), moved.guest.machine.destroy()]);
  return frozen ? EXIT.done : EXIT.different;
}

async function heading(session: Session, text: string): Promise<void> {
  session.out.line(`\n${session.colors.bold.cyan(text)}`);
  await session.out.drain();
}

async function bootAndRecord(session: Session, library: Library, path: string): Promise<RunningGuest> {
  await heading(session, "1. A guest boots. Every IN and OUT it makes goes into a trace.");
  const name = "ticker.bin";
  const bytes = await readFile(TICKER);
  const machine = await createV86Machine({
    guest: { kind: "image", bytes },
    memorySize: 4 << 20,
    deterministic: true,
    name,
  });
  const file = await createTraceFile(path, { overwrite: true });
  const writer = new TraceWriter(
    file.sink,
    await traceInfoOf(session, machine, { guest: name, clock: "us", ports: [] }),
  );
  const classifier = new Classifier(library, { fromReset: true });
  const guest = { machine, name, classifier, recorder: new Recorder(machine, { classifier, writer }) };
  const console = new ConsoleLines(session.out, machine, session.colors.dim("  source      | "));
  try {
    await runUntil(session, guest, { kind: "text", text: `tick ${STOP_AT}\r\n` });
    await writer.close();
  } finally {
    await file.seal();
    await console.end();
  }
  return guest;
}

async function showTrace(session: Session, path: string): Promise<void> {
  const { size } = await stat(path);
  const trace = await openClassified(session, path);
  try {
    const text = new AccessText(session.colors, trace.reader.info.clock);
    const lines: string[] = [];
    let accesses = 0;
    for await (const { batch, columns } of classifiedBatches(session, trace, classifierFor(trace), {
      criteria: true,
    })) {
      accesses += batch.length;
      for (let row = 0; row < batch.length && lines.length < SHOWN; row++) {
        const shown = shownAccess(batch, columns, row, trace.library);
        if (shown.parts[0]?.instance.name === "pic1") lines.push(text.access(shown));
      }
    }
    await heading(
      session,
      `2. ${path} holds ${count(accesses)} accesses in ${count(size)} bytes. Five criteria decide which register each one reached:`,
    );
    for (const line of lines) session.out.line(line);
    session.out.line(
      session.colors.dim(
        "          … the same port is ICW1, OCW2 or OCW3 by its data, and port 21h ICW2, ICW3, ICW4 or OCW1 by what came before",
      ),
    );
  } finally {
    await trace.close();
  }
}

async function showPlan(session: Session, { report }: LocalMigration): Promise<void> {
  await heading(session, "3. The plan: what still matters, with the reason of each write.");
  for (const line of planText(report.plan, session.colors)) session.out.line(line);
}

async function showGoingOn(session: Session, { report, guest }: LocalMigration): Promise<void> {
  const { plan, result, downtimeMs } = report;
  await heading(
    session,
    `4. CPU, memory and these ${plan.counts.steps} steps on a second machine (${result.replayMs.toFixed(1)} ms for the plan, ${downtimeMs.toFixed(0)} ms in all): it goes on.`,
  );
  const console = new ConsoleLines(session.out, guest.machine, session.colors.green("  destination | "));
  await runUntil(session, watch(guest), { kind: "text", text: `tick ${STOP_AT + GO_ON}\r\n` });
  await console.end();
}

/** True when the guest prints nothing, as it must without its devices. */
async function showFrozen(session: Session, source: RunningGuest): Promise<boolean> {
  await heading(session, "5. The same CPU and memory on a second machine without the plan:");
  const machine = await createV86Machine({ memorySize: source.machine.memorySize, deterministic: true });
  await machine.restore(source.machine.body());
  await machine.run({ guestMs: FROZEN_MS, wallMs: 10_000, signal: session.signal });
  const frozen = machine.console === "";
  const what = frozen ? "frozen: not one line in" : `it printed ${JSON.stringify(machine.console)} in`;
  session.out.line(`  ${session.colors.red(`without     | ${what} ${FROZEN_MS / 1000} s of guest time`)}`);
  await machine.destroy();
  return frozen;
}

async function showComparison(session: Session, { report }: LocalMigration, path: string): Promise<void> {
  await heading(session, "6. The judge: the second machine's own device state against the first's, field by field.");
  for (const line of verificationLines(report.result, session.colors)) session.out.line(line);
  await heading(session, "Look further:");
  session.out.line(`  portrait inspect ${path} --filter 'dev == "pit"'`);
  session.out.line(`  portrait stats ${path}`);
  session.out.line(`  portrait state ${path} --at 100`);
  session.out.line(
    session.colors.dim("  (portrait: node packages/cli/bin/portrait.js, or npm link ./packages/cli once)"),
  );
  await session.out.drain();
}
