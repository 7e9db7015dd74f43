import { Classifier, type Device, type Instance, type Library } from "@portrait/classifier";
import {
  absentDevices,
  busyDevices,
  carryOut,
  expectedReads,
  interruptsToRepeat,
  makePlan,
  readSource,
  type BusyDevice,
  type Plan,
} from "@portrait/replayer";
import { BatchBuilder, opOf } from "@portrait/tracer";
import type { DeviceField, FieldAllowance } from "../machine.ts";
import { allowancesFor, compareDevices, type AllowedDifference } from "../migration/compare-devices.ts";
import type { StreamSection } from "../qemu/stream/section.ts";
import { operationOf, type PortAccess } from "./accesses.ts";
import { dangerousWrites } from "./dangerous-writes.ts";
import type { Bench, Engine } from "./engine.ts";
import { placedDangers } from "./placed-dangers.ts";

/** Something that is not as the central law says. */
export type Finding =
  | {
      /** A field of the machines' own state that the accesses and the plan leave differently. */
      readonly kind: "field";
      readonly path: string;
      readonly source?: DeviceField["value"] | undefined;
      readonly destination?: DeviceField["value"] | undefined;
    }
  | {
      /** A read that did not give what the description says. */
      readonly kind: "read";
      readonly register: string;
      /** Position of the access. */
      readonly at: number;
      readonly expected: number;
      readonly actual: number;
      readonly mask: number;
    }
  /** A register that is not known although every access was seen, and no rule of its description gives that up. */
  | { readonly kind: "unknown"; readonly register: string; readonly reason: string }
  /** A write in the plan that no machine may see repeated. */
  | { readonly kind: "danger"; readonly what: string }
  /** The accesses, or the plan, did something to the whole machine. */
  | { readonly kind: "machine"; readonly event: string; readonly by: "accesses" | "plan" };

/** What trying one sequence gave. */
export interface Trial {
  /** With the values that reads gave. */
  readonly accesses: readonly PortAccess[];
  readonly plan: Plan;
  /** Devices that were not quiet at the end; nothing was compared then. */
  readonly busy: readonly BusyDevice[];
  readonly findings: readonly Finding[];
  /** Fields that differ for a documented reason. */
  readonly unreachable: readonly AllowedDifference[];
  /** Reads of which the description says what they give. */
  readonly readsChecked: number;
  /** State after the accesses. */
  readonly source: readonly StreamSection[];
}

/** Every line of the interrupt controllers. */
const IRQS = Array.from({ length: 16 }, (_, irq) => irq);

/** What is found where two machines cannot be compared, or need not be. */
const NOT_COMPARED: { readonly different: readonly Finding[]; readonly unreachable: readonly AllowedDifference[] } = {
  different: [],
  unreachable: [],
};

/** Holds sequences of accesses to the central law: two machines' own state after the accesses, and after their plan alone. */
export class Judge {
  readonly #library: Library;
  readonly #first: readonly PortAccess[];
  readonly #engine: Engine;
  readonly #source: Bench;
  readonly #destination: Bench;
  readonly #allowances: readonly FieldAllowance[];

  /** `first` goes before every sequence. */
  constructor(library: Library, first: readonly PortAccess[], engine: Engine, source: Bench, destination: Bench) {
    this.#library = library;
    this.#first = first;
    this.#engine = engine;
    this.#source = source;
    this.#destination = destination;
    this.#allowances = allowancesFor(library, engine.name, engine.deviations, "plan");
  }

  /** Names of those devices of which the description says, by what it reads at power-on, that they are not there. */
  async denied(devices: readonly Instance[]): Promise<readonly string[]> {
    await this.#source.reset();
    await this.#source.ports.perform(this.#first.map(operationOf));
    const { classifier } = this.#classify(this.#first);
    const states = classifier.states.filter(({ instance }) => devices.includes(instance));
    return (await absentDevices(states, this.#source.ports)).map(({ instance }) => instance.name);
  }

  /** Carries the sequence out on one machine and its plan on the other, both from power-on. @throws QemuError, StreamError */
  async try(sequence: readonly PortAccess[]): Promise<Trial> {
    const [source, destination] = [this.#source, this.#destination];
    await Promise.all([source.reset(), destination.reset()]);
    const all = [...this.#first, ...sequence];
    const values = await source.ports.perform(all.map(operationOf));
    const accesses = all.map((access, i) =>
      access.direction === "in" ? { ...access, value: values[i] ?? 0 } : access,
    );
    const dumped = source.dump();
    const { classifier, reads } = this.#classify(accesses);
    const ours = await dumped;
    let plan = makePlan(classifier);
    if (plan.unknown.length > 0) {
      // As a migration does.
      await readSource(classifier, source.ports);
      plan = makePlan(classifier);
    }
    const busy = await busyDevices(classifier, source.ports, "plan");
    const whole = makePlan(classifier, await interruptsToRepeat(classifier, source.ports, IRQS));
    await carryOut(plan.steps, destination.ports);
    const theirs = await destination.dump();
    // What a busy device does is on the lines between devices as well.
    const compare = (own: readonly StreamSection[]) =>
      busy.length === 0 ? this.#compare(ours, own, plan, this.#engine.excuses(accesses)) : NOT_COMPARED;
    const { different, unreachable } = compare(theirs);
    // Nothing else may be different once every interrupt that can be was made pending again; it is the comparison that says so.
    const raising = whole.steps
      .slice(plan.steps.length)
      .filter((step) => step.op !== "in" || step.expect === undefined);
    await carryOut(raising, destination.ports);
    const raised =
      different.length > 0 || whole.interrupts.length === 0 ? NOT_COMPARED : compare(await destination.dump());
    const findings: Finding[] = [
      ...source.machineEvents.map((event) => ({ kind: "machine", event, by: "accesses" }) as const),
      ...destination.machineEvents.map((event) => ({ kind: "machine", event, by: "plan" }) as const),
      ...this.#dangersOf(whole),
      ...reads.findings,
      ...this.#unexpected(plan),
      ...different,
      ...raised.different,
    ];
    const carriedOut = raised.different.length > 0 ? whole : plan;
    return { accesses, plan: carriedOut, busy, findings, unreachable, readsChecked: reads.checked, source: ours };
  }

  /** What plan a sequence has that no machine is to be asked about, and what is wrong with it. Reads give 0. */
  watch(accesses: readonly PortAccess[]): Pick<Trial, "accesses" | "plan" | "findings"> {
    const plan = makePlan(this.#classify([...this.#first, ...accesses]).classifier);
    return { accesses, plan, findings: this.#dangersOf(plan) };
  }

  #classify(accesses: readonly PortAccess[]): {
    readonly classifier: Classifier;
    readonly reads: { readonly checked: number; readonly findings: readonly Finding[] };
  } {
    const classifier = new Classifier(this.#library, { fromReset: true });
    const builder = new BatchBuilder((batch) => classifier.feed(batch), { capacity: accesses.length + 1 });
    const findings: Finding[] = [];
    let checked = 0;
    accesses.forEach((access, at) => {
      if (access.direction === "in") {
        builder.flush();
        for (const { register, value, mask } of expectedOf(classifier, access)) {
          checked++;
          if (((value ^ access.value) & mask) === 0) continue;
          findings.push({ kind: "read", register, at, expected: value, actual: access.value, mask });
        }
      }
      builder.push(0, access.port, opOf(access.direction, access.width), access.value);
    });
    builder.flush();
    return { classifier, reads: { checked, findings } };
  }

  #compare(
    source: readonly StreamSection[],
    destination: readonly StreamSection[],
    plan: Plan,
    excuses: readonly FieldAllowance[],
  ) {
    const keyOf = ({ name, instance }: StreamSection) => `${name}[${instance}]`;
    const unknown = plan.unknown.flatMap(({ device }) => this.#engine.sectionsOf(this.#deviceOf(device)?.id ?? ""));
    const judged = ({ name }: StreamSection) => !unknown.some((pattern) => nameMatches(pattern, name));
    const theirs = new Map(destination.map((section) => [keyOf(section), section]));
    const changed = source.filter((section) => {
      const other = theirs.get(keyOf(section));
      return judged(section) && other !== undefined && !Buffer.from(section.bytes).equals(other.bytes);
    });
    const fields = (sections: readonly StreamSection[]) => sections.flatMap((section) => section.fields);
    const matching = changed.map((section) => theirs.get(keyOf(section))).filter((section) => section !== undefined);
    const { different, unreachable } = compareDevices(fields(changed), fields(matching), [
      ...this.#allowances,
      ...excuses,
    ]);
    return { different: different.map((one) => ({ kind: "field", ...one }) as const), unreachable };
  }

  #dangersOf({ steps }: Plan): Finding[] {
    const found = [...dangerousWrites(steps), ...placedDangers(steps, this.#first)];
    return found.map((what) => ({ kind: "danger", what }));
  }

  #unexpected({ unknown }: Plan): Finding[] {
    return unknown.flatMap(({ device, register, reason }) => {
      const given = this.#deviceOf(device)?.registers.flatMap(({ onWrite, onRead }) =>
        [...onWrite, ...onRead].flatMap(({ lose }) => lose.map((one) => one.reason)),
      );
      if (given?.some((one) => reason.endsWith(one)) === true) return [];
      return [{ kind: "unknown", register: `${device}.${register}`, reason }];
    });
  }

  #deviceOf(instance: string): Device | undefined {
    return this.#library.instances.find(({ name }) => name === instance)?.device;
  }
}

/** What the description says of a read made now: nothing where it does not tell which register it reaches. */
function expectedOf(
  classifier: Classifier,
  access: PortAccess,
): { readonly register: string; readonly value: number; readonly mask: number }[] {
  const [candidate, ...more] = classifier.candidates({ ...access, value: undefined });
  if (candidate === undefined || more.length > 0) return [];
  const { instance, register } = candidate;
  const state = classifier.states.find((one) => one.instance === instance);
  if (state === undefined) return [];
  return expectedReads(state, register).map(({ value, mask }) => ({
    register: `${instance.name}.${register.name}`,
    value,
    mask,
  }));
}

/** True when the name fits the pattern, in which a `*` at the start stands for any run of characters. */
export function nameMatches(pattern: string, name: string): boolean {
  return pattern.startsWith("*") ? name.endsWith(pattern.slice(1)) : name === pattern;
}
