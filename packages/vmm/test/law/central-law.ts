import { Classifier, type Library } from "@portrait/classifier";
import { carryOut, makePlan, type Plan, type PortOperation, type PortTarget } from "@portrait/replayer";
import type { DeviceField, FieldAllowance } from "../../src/machine.ts";
import { allowancesFor, compareDevices } from "../../src/migration/compare-devices.ts";
import { v86Deviations } from "../../src/v86/deviations.ts";
import { batchOf, operationOf, planText, textOf, type PortAccess } from "../../src/fuzz/accesses.ts";
import { dangerousWrites } from "../../src/fuzz/dangerous-writes.ts";
import type { DeviceBench } from "./device-bench.ts";
import type { DeviceGroup } from "./device-group.ts";

/** How often a field was compared, and how often it was then not as after power-on. */
export interface FieldCoverage {
  compared: number;
  moved: number;
}

/** Holds sequences of accesses to a group of devices to the central law, by two machines' own device state. */
export class CentralLaw {
  /** By field; the elements of an array are one. */
  readonly coverage = new Map<string, FieldCoverage>();
  /** How often each avoidance, completion and excuse of the group had a reason, by its `why`. */
  readonly used = new Map<string, number>();
  /** Sequences that the law was held for. */
  held = 0;
  readonly #library: Library;
  readonly #group: DeviceGroup;
  readonly #source: DeviceBench;
  readonly #destination: DeviceBench;
  readonly #allowances: readonly FieldAllowance[];
  readonly #powerOn: ReadonlyMap<string, DeviceField["value"]>;

  constructor(library: Library, group: DeviceGroup, source: DeviceBench, destination: DeviceBench) {
    this.#library = library;
    this.#group = group;
    this.#source = source;
    this.#destination = destination;
    const deviations = v86Deviations.filter(({ path }) => !group.heldInFull.includes(path));
    this.#allowances = allowancesFor(library, "v86", deviations, "plan");
    source.reset();
    this.#powerOn = new Map(source.fields().map(({ path, value }) => [path, value]));
  }

  /**
   * Carries the sequence out on one machine and its plan on another, both cold.
   * @throws Error with the accesses, the plan and the fields, where they differ or the plan holds a dangerous write.
   */
  async hold(sequence: readonly PortAccess[]): Promise<void> {
    const accesses = await this.#run([...this.#group.prefix, ...this.#judged(sequence)]);
    const classifier = new Classifier(this.#library, { fromReset: true });
    classifier.feed(batchOf(accesses));
    const plan = makePlan(classifier);
    this.#destination.reset();
    await carryOut(plan.steps, this.#completed(this.#destination.ports));
    const problems = [...dangerousWrites(plan.steps), ...this.#unexpected(plan), ...this.#differences(accesses)];
    if (problems.length > 0) throw new Error(report(accesses, plan, problems));
    this.held++;
  }

  /** The sequence without what v86 cannot judge. */
  #judged(sequence: readonly PortAccess[]): readonly PortAccess[] {
    return this.#group.avoided.reduce((accesses, { why, without }) => {
      const left = without(accesses);
      if (left.length !== accesses.length || left.some((access, i) => access !== accesses[i])) this.#use(why);
      return left;
    }, sequence);
  }

  /** The sequence with the values that its reads gave. */
  async #run(sequence: readonly PortAccess[]): Promise<PortAccess[]> {
    this.#source.reset();
    const values = await this.#completed(this.#source.ports).perform(sequence.map(operationOf));
    return sequence.map((access, i) => (access.direction === "in" ? { ...access, value: values[i] ?? 0 } : access));
  }

  /** A machine's ports, on which v86 does what the hardware does as far as the group's completions go. */
  #completed(ports: PortTarget): PortTarget {
    const completions = this.#group.completions.map(({ why, start }) => ({ why, complete: start() }));
    const perform = async (operation: PortOperation): Promise<number> => {
      const access = operation.direction === "in" ? { ...operation, value: 0 } : operation;
      const added = completions.flatMap(({ why, complete }) => {
        const more = complete(access);
        if (more.length > 0) this.#use(why);
        return more;
      });
      const [value = 0] = await ports.perform([operation, ...added.map(operationOf)]);
      return value;
    };
    return {
      name: ports.name,
      perform: async (operations) => {
        const values: number[] = [];
        for (const operation of operations) values.push(await perform(operation));
        return values;
      },
    };
  }

  /** From power-on everything is known, but for what the group names. */
  #unexpected(plan: Plan): string[] {
    return plan.unknown
      .filter(({ device, register }) => !this.#group.unknown.includes(`${device}.${register}`))
      .map(({ device, register, reason }) => `unknown: ${device}.${register}: ${reason}`);
  }

  #differences(accesses: readonly PortAccess[]): string[] {
    const mine = ({ path }: DeviceField) => this.#group.fields.some((pattern) => pathMatches(pattern, path));
    const source = this.#source.fields().filter(mine);
    const destination = this.#destination.fields().filter(mine);
    const excused = this.#group.excuses.flatMap(({ why, fields }) => {
      const paths = fields(accesses);
      if (paths.length > 0) this.#use(why);
      return paths.map((path) => ({ path, why }));
    });
    const allowances = [...this.#allowances, ...excused];
    this.#count(source, allowances);
    return compareDevices(source, destination, allowances).different.map(
      (one) => `${one.path}: ${String(one.source)} by the accesses, ${String(one.destination)} by the plan`,
    );
  }

  #count(source: readonly DeviceField[], allowances: readonly FieldAllowance[]): void {
    for (const { path, value } of source) {
      const name = path.replaceAll(/\[\w+\]/g, "[]");
      const counts = this.coverage.get(name) ?? { compared: 0, moved: 0 };
      this.coverage.set(name, counts);
      if (allowances.some((allowance) => pathMatches(allowance.path, path))) continue;
      counts.compared++;
      if (value !== this.#powerOn.get(path)) counts.moved++;
    }
  }

  #use(why: string): void {
    this.used.set(why, (this.used.get(why) ?? 0) + 1);
  }
}

/** True when the path fits the pattern, in which one `*` may stand for any run of characters. */
function pathMatches(pattern: string, path: string): boolean {
  const star = pattern.indexOf("*");
  if (star < 0) return path === pattern;
  const [before, after] = [pattern.slice(0, star), pattern.slice(star + 1)];
  return path.length >= pattern.length - 1 && path.startsWith(before) && path.endsWith(after);
}

function report(accesses: readonly PortAccess[], plan: Plan, problems: readonly string[]): string {
  const unknown = plan.unknown.map(({ device, register, reason }) => `  unknown ${device}.${register}: ${reason}`);
  return [...problems, "accesses:", textOf(accesses), "plan:", planText(plan.steps), ...unknown].join("\n");
}
