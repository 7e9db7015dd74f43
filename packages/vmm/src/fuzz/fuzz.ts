import type { Instance, Library } from "@portrait/classifier";
import type { StreamSection } from "../qemu/stream/section.ts";
import type { PortAccess } from "./accesses.ts";
import type { Bench, Engine } from "./engine.ts";
import { shorten, type Exclusion } from "./exclusion.ts";
import { Judge, nameMatches, type Finding, type Trial } from "./judge.ts";
import { placing, type Placing } from "./placing.ts";
import { qemuEngine } from "./qemu-engine.ts";
import type { Board } from "./qemu-machines.ts";
import { Random } from "./random.ts";
import { SequenceMaker } from "./sequence-maker.ts";
import { shrink } from "./shrink.ts";

/** Calls of the judge that shrinking one failure may take. */
const SHRINK_TRIES = 600;
/** Failures of different kinds that are shrunk; of others only the number is told. */
const FAILURE_LIMIT = 12;

/** What to try. */
export interface FuzzOptions {
  readonly instances: readonly Instance[];
  readonly cases: number;
  readonly seed: number;
  /** Accesses a guest made, to take runs from. */
  readonly recorded?: readonly PortAccess[];
  /** What to try it on; undefined: QEMU. */
  readonly engine?: Engine;
  /** QEMU's board; undefined: one that has the devices. */
  readonly board?: Board;
  /** QEMU's command line; undefined: the machine that brings the devices. */
  readonly command?: readonly string[];
  /** Called after every case. */
  readonly onCase?: (done: number, failed: number, trial: Trial) => void;
  readonly signal?: AbortSignal;
}

/** A sequence that does not hold to the law, as short as it was found. */
export interface FuzzFailure {
  /** Number of the case, from 0: its sequence follows from seed and number. */
  readonly case: number;
  /** Cases that failed in the same fields, this one included. */
  times: number;
  /** Accesses of the sequence before it was shrunk. */
  readonly from: number;
  readonly trial: Trial;
}

/** What trying all cases gave. */
export interface FuzzReport {
  /** Names of the instances. */
  readonly devices: readonly string[];
  /** Those of them of which the description says that they are not there, though they are. */
  readonly denied: readonly string[];
  readonly command: readonly string[];
  /** QEMU's version, as it calls it; what another engine says it is. */
  readonly qemu: string;
  readonly seed: number;
  /** Cases tried; fewer than asked for where it was interrupted. */
  readonly cases: number;
  readonly accesses: number;
  readonly planSteps: number;
  readonly readsChecked: number;
  readonly failures: readonly FuzzFailure[];
  /** Failing cases, those of no account in `failures` included. */
  readonly failed: number;
  /** Cases after which the state of some device was not compared. */
  readonly notCompared: number;
  /** Cases after which registers were unknown, or devices busy, by register and reason; their devices were not compared. */
  readonly unknown: ReadonlyMap<string, number>;
  /** Accesses left out of sequences, by reason. */
  readonly excluded: ReadonlyMap<string, number>;
  /** Fields of the devices' own sections: compared, moved by some case, and those no case moved; elements of an array are one. */
  readonly fields: {
    readonly compared: number;
    readonly moved: number;
    readonly notMoved: readonly string[];
  };
  /** Fields that differed for a documented reason, with the number of cases. */
  readonly unreachable: ReadonlyMap<string, { readonly why: string; readonly cases: number }>;
}

/** Tries generated sequences of accesses on two machines, and shrinks those that fail. @throws QemuError, StreamError */
export async function fuzz(library: Library, options: FuzzOptions): Promise<FuzzReport> {
  const devices = [...new Set(options.instances.map(({ device }) => device.id))];
  const engine = options.engine ?? qemuEngine(devices, options.board, options.command);
  const source = await engine.start();
  try {
    const destination = await engine.start();
    try {
      const present = options.instances.filter(({ name }) => !engine.absent.includes(name));
      const placed = await placing(library, present, source.ports);
      return await new Fuzzing(library, options, placed, engine, source, destination).run();
    } finally {
      await destination.end();
    }
  } finally {
    await source.end();
  }
}

class Fuzzing {
  readonly #options: FuzzOptions;
  /** Those of the instances asked for that the machine has. */
  readonly #instances: readonly Instance[];
  readonly #engine: Engine;
  readonly #exclusions: readonly Exclusion[];
  readonly #judge: Judge;
  readonly #maker: SequenceMaker;
  readonly #coverage: Coverage;
  readonly #failures = new Map<string, FuzzFailure>();
  readonly #unknown = new Map<string, number>();
  readonly #excluded = new Map<string, number>();
  readonly #unreachable = new Map<string, { readonly why: string; cases: number }>();
  readonly #qemu: string;
  readonly #counts = { cases: 0, accesses: 0, planSteps: 0, readsChecked: 0, failed: 0, notCompared: 0 };

  constructor(
    library: Library,
    options: FuzzOptions,
    { instances, accesses }: Placing,
    engine: Engine,
    source: Bench,
    destination: Bench,
  ) {
    this.#options = options;
    this.#engine = engine;
    this.#instances = instances;
    this.#qemu = source.version;
    // What gives the devices their ports, and what the machine asks for.
    const first = [...accesses, ...engine.prefix];
    this.#exclusions = engine.exclusions(first);
    this.#judge = new Judge(library, first, engine, source, destination);
    this.#maker = new SequenceMaker(library, instances, first, [...engine.runs, ...(options.recorded ?? [])]);
    this.#coverage = new Coverage(source.powerOn, engine.sections);
  }

  async run(): Promise<FuzzReport> {
    const { cases, seed, onCase, signal } = this.#options;
    const denied = await this.#judge.denied(this.#instances);
    for (let i = 0; i < cases && signal?.aborted !== true; i++) {
      const trial = await this.#tryCase(i, new Random(seed, i));
      onCase?.(i + 1, this.#counts.failed, trial);
    }
    return {
      devices: this.#instances.map(({ name }) => name),
      denied,
      command: this.#engine.command,
      qemu: this.#qemu,
      seed,
      ...this.#counts,
      failures: [...this.#failures.values()],
      unknown: this.#unknown,
      excluded: this.#excluded,
      fields: this.#coverage.summary(),
      unreachable: this.#unreachable,
    };
  }

  async #tryCase(number: number, random: Random): Promise<Trial> {
    const sequence = this.#maker.make(random);
    const { accesses, left } = shorten(sequence, this.#exclusions);
    for (const [why, times] of left) add(this.#excluded, why, times);
    const trial = await this.#try(sequence);
    this.#counts.cases++;
    this.#counts.accesses += accesses.length;
    this.#counts.planSteps += trial.plan.steps.length;
    this.#counts.readsChecked += trial.readsChecked;
    for (const { device, register, reason } of trial.plan.unknown) {
      add(this.#unknown, `${device}.${register}: ${reason.replace(/\d+/, "N")}`, 1);
    }
    for (const { device, why } of trial.busy) add(this.#unknown, `${device}: ${why}`, 1);
    for (const path of new Map(trial.unreachable.map((one) => [general(one.path), one.why]))) {
      const known = this.#unreachable.get(path[0]);
      this.#unreachable.set(path[0], { why: path[1], cases: (known?.cases ?? 0) + 1 });
    }
    if (trial.plan.unknown.length > 0 || trial.busy.length > 0) this.#counts.notCompared++;
    this.#coverage.add(trial.source);
    if (trial.findings.length > 0) await this.#fail(number, sequence, trial);
    return trial;
  }

  /** What must be left out on a machine counts for what is in plans all the same. */
  async #try(sequence: readonly PortAccess[]): Promise<Trial> {
    const { accesses, left } = shorten(sequence, this.#exclusions);
    const trial = await this.#judge.try(accesses);
    if (left.size === 0 || trial.findings.length > 0) return trial;
    const watched = this.#judge.watch(sequence);
    return watched.findings.length > 0 ? { ...trial, ...watched } : trial;
  }

  async #fail(number: number, accesses: readonly PortAccess[], trial: Trial): Promise<void> {
    this.#counts.failed++;
    const kinds = [...new Set(trial.findings.map(kindOf))];
    const known = kinds.map((kind) => this.#failures.get(kind)).find((failure) => failure !== undefined);
    if (known !== undefined) return void known.times++;
    if (this.#failures.size >= FAILURE_LIMIT) return;
    const kind = kinds[0] ?? "";
    let last = trial;
    const fails = async (candidate: readonly PortAccess[]) => {
      const tried = await this.#try(candidate);
      const same = tried.findings.some((finding) => kindOf(finding) === kind);
      if (same) last = tried;
      return same;
    };
    await shrink(accesses, fails, simplerForms, SHRINK_TRIES);
    this.#failures.set(kind, { case: number, times: 1, from: accesses.length, trial: last });
  }
}

/** Which fields of the devices' sections cases moved. */
class Coverage {
  readonly #sections: readonly string[];
  readonly #powerOn: readonly StreamSection[];
  readonly #before = new Map<string, unknown>();
  readonly #moved = new Set<string>();

  constructor(powerOn: readonly StreamSection[], sections: readonly string[]) {
    this.#sections = sections;
    this.#powerOn = powerOn.filter((section) => this.#isMine(section));
    for (const { fields } of this.#powerOn) for (const { path, value } of fields) this.#before.set(path, value);
  }

  add(sections: readonly StreamSection[]): void {
    for (const section of sections) {
      if (!this.#isMine(section) || this.#powerOn.includes(section)) continue;
      for (const { path, value } of section.fields)
        if (this.#before.get(path) !== value) this.#moved.add(general(path));
    }
  }

  summary(): FuzzReport["fields"] {
    const all = [...new Set([...this.#before.keys()].map(general))];
    return {
      compared: all.length,
      moved: this.#moved.size,
      notMoved: all.filter((path) => !this.#moved.has(path)),
    };
  }

  #isMine({ name }: StreamSection): boolean {
    return this.#sections.some((pattern) => nameMatches(pattern, name));
  }
}

/** A path without the places in arrays. */
function general(path: string): string {
  return path.replaceAll(/\[\d+\]/g, "[]");
}

/** What findings have in common that come from the same mistake. */
function kindOf(finding: Finding): string {
  switch (finding.kind) {
    case "field":
      return `field ${general(finding.path)}`;
    case "read":
      return `read ${finding.register}`;
    case "unknown":
      return `unknown ${finding.register}`;
    case "danger":
      return `danger ${finding.what.replace(/, \w+h:/, ":")}`;
    case "machine":
      return `machine ${finding.event} by the ${finding.by}`;
  }
}

/** The access as a byte, and with fewer bits set. */
function simplerForms(access: PortAccess): readonly PortAccess[] {
  if (access.direction === "in" || access.value === 0) return [];
  const bits = Array.from({ length: access.width }, (_, bit) => 2 ** bit).filter((bit) => (access.value & bit) !== 0);
  return [{ ...access, value: 0 }, ...bits.map((value) => ({ ...access, value }))];
}

function add(counts: Map<string, number>, key: string, times: number): void {
  counts.set(key, (counts.get(key) ?? 0) + times);
}
