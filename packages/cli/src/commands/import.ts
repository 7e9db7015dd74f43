import { Option, type Command } from "commander";
import {
  ImportError,
  importFormats,
  importTrace,
  type BadLine,
  type ClockUnit,
  recogniseLog,
  type ImportReport,
  type RecognisedLog,
  type TraceInfo,
} from "@portrait/tracer";
import { EXIT, type ExitCode } from "../errors.ts";
import { examples } from "../help.ts";
import { logPieces } from "../input/log-pieces.ts";
import { openSource, type OpenSource } from "../input/open-trace.ts";
import { count, plural } from "../output/numbers.ts";
import { printable } from "../output/printable.ts";
import { Progress } from "../output/progress.ts";
import { openSink } from "../output/trace-file.ts";
import type { Runner } from "../runner.ts";
import { warn, type Session } from "../session.ts";

interface ImportCommandOptions {
  readonly from: string;
  readonly output: string;
  readonly clock?: ClockUnit;
  readonly fromReset?: true;
  readonly strict?: true;
}

/** Bad lines that are shown one by one. */
const SHOWN = 5;
const SHOWN_LENGTH = 80;

/** `portrait import`. */
export function addImport(program: Command, runner: Runner): void {
  const names = importFormats.map(({ name }) => name);
  const command = program
    .command("import")
    .summary("Make a trace of another tool's log.")
    .description(
      "Make a trace of another tool's log, plain or packed with gzip.\n\n" +
        importFormats.map(({ name, title }) => `${name.padEnd(8)}  ${title}`).join("\n") +
        "\n\nWhat a log does not hold is not made up: a log without times gives a trace without a clock, a string access " +
        "whose elements were not logged has a count only, and lost events are gaps.",
    )
    .argument("<log>", "log, or - for stdin")
    .requiredOption("-o, --output <file>", "trace to write, or - for stdout")
    .addOption(
      new Option("--from <format>", "what the log is; auto: look at its first lines")
        .choices(["auto", ...names])
        .default("auto"),
    )
    .addOption(
      new Option("--clock <unit>", "unit of the trace's times (default: as exact as the log's)").choices([
        "us",
        "ns",
        "none",
      ]),
    )
    .option("--from-reset", "the log begins at the machine's power-on, so that reset values hold")
    .option("--strict", "stop at the first line that cannot be read, with exit code 2")
    .action((log: string, options: ImportCommandOptions, self: Command) =>
      runner.run(self, (session) => importLog(session, log, options)),
    );
  examples(command, [
    [
      "portrait import boot.log -o boot.pio --from-reset",
      "what qemu-system-x86_64 -trace 'memory_region_ops_*' -D boot.log has logged from power-on",
    ],
    ["trace-cmd report trace.dat | portrait import --from kvm-pio - -o vm.pio", "the kvm:kvm_pio events of a KVM host"],
  ]);
}

async function importLog(session: Session, path: string, options: ImportCommandOptions): Promise<ExitCode> {
  const source = await openSource(session, path);
  const bad = new BadLines(session, source.name, options.strict === true);
  try {
    const format = importFormats.find(({ name }) => name === options.from);
    const log = await recogniseLog(watched(session, source), format);
    const target = await openSink(session, options.output, path);
    try {
      const info = infoOf(session, log, options);
      const report = await importTrace(log, target.sink, { info, malformed: (line) => bad.take(line) });
      await bad.tell();
      await warn(session, summary(target.name, report));
    } finally {
      await target.close();
    }
  } catch (error) {
    await bad.tell();
    if (error instanceof ImportError) error.message = `${source.name}: ${error.message}`;
    throw error;
  } finally {
    await source.close();
  }
  return EXIT.done;
}

/** The pieces of the log, with a line of progress. */
async function* watched(session: Session, log: OpenSource): AsyncGenerator<Uint8Array, void, undefined> {
  const progress = new Progress(session, log);
  try {
    for await (const piece of logPieces(log)) {
      progress.show();
      yield piece;
    }
  } finally {
    progress.clear();
  }
}

function infoOf(session: Session, { format, facts }: RecognisedLog, options: ImportCommandOptions): TraceInfo {
  const { engine, decodesAliases } = format;
  return {
    clock: options.clock ?? facts.clock,
    startedAt: facts.startedAt,
    machine: { engine, engineVersion: "", guest: "", host: "", decodesAliases },
    command: session.commandLine,
    fromReset: options.fromReset === true,
    ports: [],
    descriptions: [],
  };
}

/** Lines that could not be read: the first few are shown, all are counted. */
class BadLines {
  readonly #session: Session;
  readonly #name: string;
  readonly #strict: boolean;
  readonly #shown: BadLine[] = [];
  #count = 0;

  constructor(session: Session, name: string, strict: boolean) {
    this.#session = session;
    this.#name = name;
    this.#strict = strict;
  }

  /** @throws ImportError where no line may be bad */
  take(bad: BadLine): void {
    if (this.#strict) throw new ImportError("IMPORT_LINE", inWords(bad));
    if (++this.#count <= SHOWN) this.#shown.push(bad);
  }

  /** Says what there was, once. */
  async tell(): Promise<void> {
    for (const bad of this.#shown.splice(0)) await warn(this.#session, `${this.#name}: ${inWords(bad)}`);
    if (this.#count > SHOWN)
      await warn(this.#session, `${this.#name}: ${count(this.#count)} lines could not be read in all`);
    this.#count = 0;
  }
}

/** `line 7: expected …: out7 0x20 0x11`. */
function inWords({ line, reason, text }: BadLine): string {
  const shown = text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)} …` : text;
  return `line ${count(line)}: ${reason}: ${printable(shown)}`;
}

function summary(name: string, { format, accesses, counts, leftOut }: ImportReport): string {
  const { other, malformed } = counts;
  const passed = other === 0 ? [] : [`${plural(other, "line")} of something else`];
  const unread = malformed === 0 ? [] : [`${plural(malformed, "line")} that could not be read`];
  const missing = [...leftOut.map((one) => `${count(one.count)} ${one.what}`), ...passed, ...unread];
  const held = `${name}: ${plural(accesses, "access", "accesses")} from ${format.title}`;
  return missing.length === 0 ? held : `${held}; not in it: ${missing.join(", ")}`;
}
